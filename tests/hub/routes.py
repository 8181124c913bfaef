"""What the hub on the loopback answers to: the requests of huggingface_hub, each with a function."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from tests.hub.server import MAIN, Handler, Hub, front_matter, refuse


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def is_lfs(path: str) -> bool:
    return path.endswith(".safetensors")


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
