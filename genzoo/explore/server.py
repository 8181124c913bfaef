"""The page on 127.0.0.1: the models decode here, the browser paints.

What may ask is the page alone. Every address begins with a token that only who started the server knows; the Host must
be this machine's (another name that leads here is a page that rebinds its DNS), and an Origin, where the browser sends
one, the server's own. There is no CORS header, bodies are bounded before they are read, and one thread computes.
"""

from __future__ import annotations

import hmac
import json
import secrets
import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from genzoo.errors import GenzooError, InvalidInput
from genzoo.explore.page import ASSETS, CONTENT_TYPES, POLICY, page
from genzoo.explore.studio import MAX_BODY, Studio

__all__ = ["PageServer"]

HOST = "127.0.0.1"
IDLE_SECONDS = 60  # after which a connection that says nothing is closed


class PageServer(ThreadingHTTPServer):
    """Serves the page of a studio; `serve_forever` and `shutdown` are those of the standard library.

    Attributes:
        url: where the page is, with the token.
    """

    daemon_threads = True

    def __init__(self, studio: Studio, port: int = 0) -> None:
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise InvalidInput(
                f"cannot listen on port {port}: {getattr(error, 'strerror', None) or error}; "
                "give another with --port, or leave it out",
                suggestions=["--port 0"],
            ) from None
        self.studio = studio
        self.token = secrets.token_urlsafe(18)
        self.hosts = {f"{name}:{self.server_port}" for name in (HOST, "localhost")}
        self.url = f"http://{HOST}:{self.server_port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away is no error; another is told on one line, and the server goes on."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            print(f"genzoo: a fault of genzoo: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201


class _Refused(Exception):
    """A request that is not answered."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer in two packets would wait 40 ms for the browser's acknowledgement
    wbufsize = -1
    timeout = IDLE_SECONDS
    server_version, sys_version = "genzoo", ""

    def do_GET(self) -> None:
        self._answer({"": self._page, "web": self._asset, "models": self._told})

    def do_POST(self) -> None:
        self._answer({"models": self._computed})

    def _answer(self, rooms: Mapping[str, Any]) -> None:
        try:
            path = self._checked_path()
            room = rooms.get(path[0])
            if room is None:
                raise _Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
            body, kind = room(*path[1:])
            self._send(HTTPStatus.OK, body, kind)
        except _Refused as refusal:
            self._refuse(refusal.status, str(refusal))
        except TypeError:  # a path of too few or too many parts
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")
        except GenzooError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, error.message)
