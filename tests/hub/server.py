"""A Hugging Face Hub on the loopback, in memory: what huggingface_hub needs to publish, list and download models.

Model repositories only, one branch, no pull requests, no Xet: a client that uploads needs
``constants.HF_HUB_DISABLE_XET``. Files that end in .safetensors are LFS files, as on the Hub.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NoReturn
from urllib.parse import parse_qs, unquote

TOKEN = "hf_loopback"  # noqa: S105  # of no other hub
MAIN = "main"


@dataclass
class Repo:
    """A repository: what each commit holds (path → bytes), and where the branch and the tags stand."""

    private: bool
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes]) -> str:
        """Add a commit on top of the branch; returns its id."""
        listing = sorted((path, hashlib.sha256(data).hexdigest()) for path, data in files.items())
        text = json.dumps([self.refs.get(MAIN), len(self.commits), listing])
        commit = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self.commits[commit], self.refs[MAIN] = files, commit
        return commit

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[self.refs[MAIN]]


@dataclass
class Hub:
    """The state of a hub, for tests to look at and to change.

    `users` maps a token to the name-spaces it may write to. `requests` are the requests so far, ``GET /api/models``.
    `tokens` are what each of them had as Authorization. `meddle` sees each request first and may answer it itself, with
    True.
    """

    users: dict[str, tuple[str, ...]] = field(default_factory=lambda: {TOKEN: ("me", "lab")})
    repos: dict[str, Repo] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    meddle: Callable[[Handler], bool] = lambda request: False
    endpoint: str = ""

    def add(self, repo_id: str, files: dict[str, bytes], *, private: bool = False) -> str:
        """Publish `files` as the whole of a repository, made if need be; returns the commit."""
        return self.repos.setdefault(repo_id, Repo(private=private)).commit(files)

    def card(self, repo_id: str) -> dict[str, Any]:
        return front_matter(self.repos[repo_id].files.get("README.md", b"").decode(errors="replace"))


def front_matter(text: str) -> dict[str, Any]:
    """The metadata of a card; ValueError if it is no YAML."""
    from huggingface_hub import ModelCard

    if not text.startswith("---"):
        return {}
    card: dict[str, Any] = ModelCard(text).data.to_dict()  # type: ignore[no-untyped-call]  # theirs
    return card


class Refused(Exception):
    """An answer that is an error."""


def refuse(status: int, message: str, code: str = "", **more: str) -> NoReturn:
    raise Refused(status, message, code, more)


class Handler(BaseHTTPRequestHandler):
    """One request; `hub` is set by `serve`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or the body of an answer waits 40 ms for the other side to confirm its headers
    hub: Hub
    routes: list[tuple[str, str, Callable[..., None]]]

    def log_message(self, *_: Any) -> None:
        pass

    def handle_any(self) -> None:
        self.path, _, query = self.path.partition("?")
        self.query = parse_qs(query)
        self.body = self._read_body()
        self.hub.requests.append(f"{self.command} {self.path}")
        self.hub.tokens.append(self.headers.get("Authorization", ""))
        if self.hub.meddle(self):
            return
        try:
            self._route()
        except Refused as refused:
            status, message, code, more = refused.args
            headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
            self.send(json.dumps({"error": message, **more}).encode(), status, headers)

    do_GET = do_HEAD = do_POST = do_PUT = handle_any  # noqa: N815  # http.server's names

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _route(self) -> None:
        method = "GET" if self.command == "HEAD" else self.command
        for wanted, pattern, answer in self.routes:
            if wanted == method and (match := re.fullmatch(pattern, self.path)):
                self.spaces = self._spaces()
                answer(self, **{key: unquote(value) for key, value in match.groupdict().items()})
                return
        refuse(404, f"there is no {self.path}")

    def _spaces(self) -> tuple[str, ...] | None:
        """The name-spaces of who asks; None without a token."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in self.hub.users:
            refuse(401, "Invalid credentials in Authorization header")
        return self.hub.users.get(token)

    def send(self, data: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def send_json(self, value: Any, status: int = 200) -> None:
        self.send(json.dumps(value).encode(), status, {"Content-Type": "application/json"})

    def json(self) -> Any:
        return json.loads(self.body)

    def repo(self, repo_id: str, *, write: bool = False) -> Repo:
        space = repo_id.split("/", maxsplit=1)[0]
        repo = self.hub.repos.get(repo_id)
        if repo is None or (repo.private and space not in (self.spaces or ())):
            refuse(404 if self.spaces else 401, "Repository not found", "RepoNotFound")
        if write:
            self.may_write(space)
        return repo

    def may_write(self, space: str) -> None:
        if self.spaces is None:
            refuse(401, "Invalid username or password.")
        if space not in self.spaces:
            refuse(403, f"You don't have the rights to write to the namespace {space!r}")

    def commit_of(self, repo: Repo, revision: str) -> str:
        commit = repo.refs.get(revision, revision)
        if commit not in repo.commits:
            refuse(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit


@contextmanager
def serve() -> Iterator[Hub]:
    """A hub that answers at its `endpoint` until the end of the block."""
    from tests.hub.routes import ROUTES

    hub = Hub()
    handler = type("BoundHandler", (Handler,), {"hub": hub, "routes": ROUTES})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
