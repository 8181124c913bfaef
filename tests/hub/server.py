"""A Hugging Face Hub on the loopback, in memory: what huggingface_hub needs to publish, list and download models.

Model repositories only, one branch, no pull requests, no Xet: a client that uploads needs
``constants.HF_HUB_DISABLE_XET``. Files that end in .safetensors are LFS files, as on the Hub.
"""

from __future__ import annotations

import base64
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
    `meddle` sees each request first and may answer it itself, with True.
    """

    users: dict[str, tuple[str, ...]] = field(default_factory=lambda: {TOKEN: ("me", "lab")})
    repos: dict[str, Repo] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    meddle: Callable[[Handler], bool] = lambda request: False
    endpoint: str = ""

    def add(self, repo_id: str, files: dict[str, bytes], *, private: bool = False) -> str:
        """Publish `files` as the whole of a repository, made if need be; returns the commit."""
        return self.repos.setdefault(repo_id, Repo(private=private)).commit(files)

    def card(self, repo_id: str) -> dict[str, Any]:
        return front_matter(self.repos[repo_id].files.get("README.md", b"").decode())


def front_matter(text: str) -> dict[str, Any]:
    """The metadata of a card; ValueError if it is no YAML."""
    from huggingface_hub import ModelCard

    if not text.startswith("---"):
        return {}
    card: dict[str, Any] = ModelCard(text).data.to_dict()  # type: ignore[no-untyped-call]  # theirs
    return card


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def is_lfs(path: str) -> bool:
    return path.endswith(".safetensors")


class Refused(Exception):
    """An answer that is an error."""


def refuse(status: int, message: str, code: str = "", **more: str) -> NoReturn:
    raise Refused(status, message, code, more)


class Handler(BaseHTTPRequestHandler):
    """One request; `hub` is set by `serve`."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def handle_any(self) -> None:
        self.path, _, query = self.path.partition("?")
        self.query = parse_qs(query)
        self.body = self._read_body()
        self.hub.requests.append(f"{self.command} {self.path}")
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
        for wanted, pattern, answer in ROUTES:
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


def whoami(request: Handler) -> None:
    if not request.spaces:
        refuse(401, "Invalid username or password.")
    user, *organisations = request.spaces
    request.send_json({"type": "user", "name": user, "orgs": [{"name": name} for name in organisations]})


def create_repo(request: Handler) -> None:
    wanted = request.json()
    space = wanted.get("organization") or (request.spaces or ("",))[0]
    request.may_write(space)
    repo_id = f"{space}/{wanted['name']}"
    url = f"{request.hub.endpoint}/{repo_id}"
    if repo_id in request.hub.repos:
        refuse(409, "You already created this model repo", url=url)
    request.hub.add(repo_id, {".gitattributes": b""}, private=wanted.get("visibility") == "private")
    request.send_json({"url": url})


def list_models(request: Handler) -> None:
    query = request.query
    rows = [
        describe(request.hub, repo_id)
        for repo_id, repo in request.hub.repos.items()
        if not repo.private or repo_id.split("/")[0] in (request.spaces or ())
    ]
    search, author = (query.get(key, [""])[0].lower() for key in ("search", "author"))
    found = [
        row
        for row in rows
        if set(query.get("filter", ())) <= set(row["tags"])
        and search in row["id"].lower()
        and author in ("", row["author"].lower())
    ]
    request.send_json(found[: int(query.get("limit", [len(found)])[0])])


def model_info(request: Handler, repo: str, revision: str = MAIN) -> None:
    commit = request.commit_of(request.repo(repo), revision)
    request.send_json(describe(request.hub, repo, commit))


def describe(hub: Hub, repo_id: str, commit: str = "") -> dict[str, Any]:
    """A repository as the Hub tells of it."""
    repo, card = hub.repos[repo_id], hub.card(repo_id)
    commit = commit or repo.refs[MAIN]
    one = {key: card.get(key) for key in ("library_name", "pipeline_tag")}
    tags = [*card.get("tags", []), *filter(None, one.values())]
    tags += [f"license:{card['license']}"] if "license" in card else []
    return {
        "id": repo_id,
        "author": repo_id.split("/", maxsplit=1)[0],
        "sha": commit,
        "private": repo.private,
        "lastModified": "2026-01-01T00:00:00.000Z",
        "downloads": 0,
        "likes": 0,
        "tags": tags,
        "cardData": card,
        "siblings": [{"rfilename": entry["path"], **entry} for entry in tree_of(repo.commits[commit])],
        **one,
    }


def tree_of(files: dict[str, bytes]) -> list[dict[str, Any]]:
    entries = []
    for path, data in files.items():
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": blob_id(data)}
        if is_lfs(path):
            sha256 = hashlib.sha256(data).hexdigest()
            entry["lfs"] = {"oid": sha256, "sha256": sha256, "size": len(data), "pointerSize": 134}
        entries.append(entry)
    return entries


def tree(request: Handler, repo: str, revision: str) -> None:
    found = request.repo(repo)
    request.send_json(tree_of(found.commits[request.commit_of(found, revision)]))


def refs(request: Handler, repo: str) -> None:
    found = request.repo(repo).refs
    rows = [{"name": name, "ref": name, "targetCommit": commit} for name, commit in found.items()]
    branches, tags = (
        [row for row in rows if row["name"] == MAIN],
        [row for row in rows if row["name"] != MAIN],
    )
    request.send_json({"branches": branches, "tags": tags, "converts": []})


def preupload(request: Handler, repo: str, revision: str) -> None:
    files = request.repo(repo, write=True).files
    rows = [
        {
            "path": file["path"],
            "uploadMode": "lfs" if is_lfs(file["path"]) else "regular",
            "shouldIgnore": False,
            "oid": blob_id(files[file["path"]]) if file["path"] in files else None,
        }
        for file in request.json()["files"]
    ]
    request.send_json({"files": rows})


def lfs_batch(request: Handler, repo: str) -> None:
    request.repo(repo, write=True)
    objects = [
        {**wanted, "actions": {"upload": {"href": f"{request.hub.endpoint}/lfs/{wanted['oid']}"}}}
        for wanted in request.json()["objects"]
    ]
    request.send_json({"transfer": "basic", "objects": objects})


def lfs_put(request: Handler, oid: str) -> None:
    if hashlib.sha256(request.body).hexdigest() != oid:
        refuse(400, "these are not the bytes of this oid")
    request.hub.uploads[oid] = request.body
    request.send(b"")


def commit(request: Handler, repo: str, revision: str) -> None:
    found = request.repo(repo, write=True)
    files = dict(found.files)
    for line in request.body.splitlines():
        operation = json.loads(line)
        key, value = operation["key"], operation["value"]
        if key == "header" and value.get("parentCommit", found.refs[MAIN]) != found.refs[MAIN]:
            refuse(412, "A commit has happened since. Please refresh and try again.")
        elif key == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif key == "lfsFile":
            files[value["path"]] = request.hub.uploads.get(value["oid"]) or refuse(400, "it was not uploaded")
        elif key == "deletedFile":
            files.pop(value["path"])
    done = found.commit(files)
    url = f"{request.hub.endpoint}/{repo}/commit/{done}"
    request.send_json({"success": True, "commitOid": done, "commitUrl": url})


def tag(request: Handler, repo: str, revision: str) -> None:
    found, name = request.repo(repo, write=True), request.json()["tag"]
    if name in found.refs:
        refuse(409, f"Tag {name} already exists")
    found.refs[name] = request.commit_of(found, revision)
    request.send_json({})


def validate_yaml(request: Handler) -> None:
    try:
        front_matter(request.json()["content"])
    except ValueError as error:
        request.send_json({"errors": [{"message": str(error)}], "warnings": []}, 400)
    else:
        request.send_json({"errors": [], "warnings": []})


def resolve(request: Handler, repo: str, revision: str, path: str) -> None:
    found = request.repo(repo)
    at = request.commit_of(found, revision)
    if path not in found.commits[at]:
        request.send(b"", 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": at})
        return
    data = found.commits[at][path]
    etag = hashlib.sha256(data).hexdigest() if is_lfs(path) else blob_id(data)
    headers = {"X-Repo-Commit": at, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
    if is_lfs(path):
        headers |= {"X-Linked-ETag": f'"{etag}"', "X-Linked-Size": str(len(data))}
    if not (asked := re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))):
        request.send(data, 200, headers)
        return
    start, stop = int(asked[1]), min(int(asked[2] or len(data) - 1) + 1, len(data))
    if start >= len(data):
        refuse(416, "Requested range not satisfiable")
    request.send(data[start:stop], 206, headers | {"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"})


_REPO = r"(?P<repo>[\w.-]+/[\w.-]+)"
_AT = r"(?P<revision>[^/]+)"
ROUTES: list[tuple[str, str, Callable[..., None]]] = [
    ("GET", "/api/whoami-v2", whoami),
    ("POST", "/api/repos/create", create_repo),
    ("POST", "/api/validate-yaml", validate_yaml),
    ("GET", "/api/models", list_models),
    ("GET", f"/api/models/{_REPO}", model_info),
    ("GET", f"/api/models/{_REPO}/revision/{_AT}", model_info),
    ("GET", f"/api/models/{_REPO}/tree/{_AT}", tree),
    ("GET", f"/api/models/{_REPO}/refs", refs),
    ("POST", f"/api/models/{_REPO}/preupload/{_AT}", preupload),
    ("POST", f"/api/models/{_REPO}/commit/{_AT}", commit),
    ("POST", f"/api/models/{_REPO}/tag/{_AT}", tag),
    ("POST", rf"/{_REPO}\.git/info/lfs/objects/batch", lfs_batch),
    ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", lfs_put),
    ("GET", f"/{_REPO}/resolve/{_AT}/(?P<path>.+)", resolve),
]


@contextmanager
def serve() -> Iterator[Hub]:
    """A hub that answers at its `endpoint` until the end of the block."""
    hub = Hub()
    handler = type("BoundHandler", (Handler,), {"hub": hub})
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
