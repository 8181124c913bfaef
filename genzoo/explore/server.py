"""The page on 127.0.0.1: the models compute here, the browser paints.

The page alone may ask. Its address begins with a token that only who started the server knows. The Host must be this
machine's, as another name that leads here is that of a page that rebinds its DNS, and the Origin, where a browser tells
one, the server's own. Nothing allows other origins to read, and a body is bounded before it is read.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePath
from typing import Any
from urllib.parse import parse_qs, unquote

from genzoo.errors import GenzooError, InvalidInput, NotFound
from genzoo.explore.description import source_of
from genzoo.explore.page import CONTENT_TYPES, POLICY, assets, page
from genzoo.explore.studio import MAX_BODY, Studio
from genzoo.text import one_line

__all__ = ["PageServer"]

HOST = "127.0.0.1"
IDLE_SECONDS = 60  # after which a connection that says nothing is closed
RETRY_SECONDS = 0.2  # after which another connection is tried where there was no descriptor for it
JSON, BYTES, HTML = "application/json", "application/octet-stream", "text/html; charset=utf-8"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageServer(ThreadingHTTPServer):
    """Serves the page of a studio; `serve_forever` and `shutdown` are the standard library's.

    Attributes:
        url: where the page is, token and all.
    """

    daemon_threads = True

    def __init__(self, studio: Studio, port: int = 0) -> None:
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise InvalidInput(
                f"cannot listen on port {port}: {error.strerror}; leave --port out for a free one"
            ) from None
        self.studio = studio
        self.token = secrets.token_urlsafe(18)
        self.hosts = {f"{name}:{self.server_port}" for name in (HOST, "localhost")}
        self.url = f"http://{HOST}:{self.server_port}/{self.token}/"

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection. Where that fails, for want of descriptors, say, the connection stays in the queue and
        would be tried again at once and without end; so wait for others to close."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(RETRY_SECONDS)
            raise

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away is no error; anything else is told on one line, and the server goes on."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            print(one_line(f"genzoo: internal error: {type(error).__name__}: {error}"), file=sys.stderr)  # noqa: T201


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer in two packets would wait for the browser's acknowledgement, 40 ms
    wbufsize = -1
    timeout = IDLE_SECONDS
    server_version, sys_version = "genzoo", ""

    def do_GET(self) -> None:
        self._answer(self._told)

    def do_POST(self) -> None:
        self._answer(self._computed)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the standard library's name
        """Say nothing: one line for each move of a slider is no use."""

    def _answer(self, room: Callable[[list[str], str], tuple[bytes, str]]) -> None:
        if self.server.socket.fileno() < 0:  # closed, and this is a connection from before
            self.close_connection = True
            return
        status = HTTPStatus.OK
        try:
            path, _, query = self.path.partition("?")
            body, kind = room(self._checked_path(path), query)
        except _Refused as refusal:
            status, body = refusal.status, _error(str(refusal))
        except GenzooError as error:
            status = HTTPStatus.NOT_FOUND if isinstance(error, NotFound) else HTTPStatus.BAD_REQUEST
            body = _error(error.message)
        except (ConnectionError, TimeoutError):
            raise
        except Exception as error:  # a plugin's network may raise anything
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            body = _error(f"internal error of genzoo or of a plugin: {type(error).__name__}: {error}")
        if status is not HTTPStatus.OK:
            kind, self.close_connection = JSON, True  # a body that was not read must not pass for the next request
        self._send(status, body, kind)

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        for key, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _told(self, path: list[str], query: str) -> tuple[bytes, str]:
        studio = self.server.studio
        match path:
            case [""]:
                return self._page(), HTML
            case ["web", name] if name in assets():
                return assets()[name], CONTENT_TYPES[PurePath(name).suffix]
            case ["models", name] if name.endswith(".json"):
                return studio.description(name.removesuffix(".json")), JSON
            case ["models", name, "noise"]:
                return studio.noise(name, *_draw(query)), BYTES
        raise _Refused(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _computed(self, path: list[str], query: str) -> tuple[bytes, str]:
        verbs = {
            "decode": self.server.studio.decode,
            "encode": self.server.studio.encode,
            "gif": self.server.studio.gif,
        }
        match path:
            case ["models", name, verb] if verb in verbs:
                return verbs[verb](name, self._body()), BYTES
            case ["models", name, "sample"]:
                return self.server.studio.sample(name, *_draw(query), self._body()), BYTES
        raise _Refused(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _checked_path(self, path: str) -> list[str]:
        """The parts of the path behind the token; refused unless it is the page that asks."""
        _, token, *parts = [unquote(part) for part in path.split("/")] if path.startswith("/") else ["", ""]
        if self.headers.get("Host") not in self.server.hosts:
            raise _Refused(HTTPStatus.FORBIDDEN, "this server answers to 127.0.0.1 and localhost alone")
        origin = self.headers.get("Origin")
        if origin is not None and origin.removeprefix("http://") not in self.server.hosts:
            raise _Refused(HTTPStatus.FORBIDDEN, "another origin may not ask")
        if not hmac.compare_digest(token.encode(), self.server.token.encode()):
            raise _Refused(HTTPStatus.FORBIDDEN, "take the whole address that genzoo explore printed")
        return parts

    def _page(self) -> bytes:
        model, peers = self.server.studio.model, self.server.studio.peers
        told = json.loads(self.server.studio.description(model.name))
        return page(told, {"model": model.name, "served": True, "peers": peers, "load": source_of(model)}).encode()

    def _body(self) -> bytes:
        """The body of a request; refused before it is read unless it says how long it is, and that is not too much."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or self.headers.get("Transfer-Encoding"):
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "say how long the body is")
        if len(length) > 12 or int(length) > MAX_BODY:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BODY} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise _Refused(HTTPStatus.BAD_REQUEST, "the body is shorter than it says")
        return body


def _draw(query: str) -> tuple[str, str]:
    """The seed and the number that a query asks for."""
    asked = parse_qs(query)
    return asked.get("seed", [""])[0], asked.get("n", [""])[0]


def _error(message: str) -> bytes:
    return json.dumps({"error": message}).encode()
