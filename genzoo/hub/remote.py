"""What a push asks of a repository on the hub: each request bounded, each answer checked. Free of torch.

The requests are those of the Hub's API (huggingface.co/spaces/huggingface/openapi) and of Git LFS's batch API with the
transfer "basic". The bytes go by plain HTTP: what Xet sends and receives cannot be bounded from here.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genzoo.errors import HubMisbehaved, HubNotFound
from genzoo.hub.http import ask, ask_json
from genzoo.hub.settings import endpoint, origin, plain, shown_endpoint
from genzoo.spec import COMMIT

__all__ = ["Remote", "RemoteInfo"]

MAIN = "main"
SAMPLE = 512
LFS_TYPE = "application/vnd.git-lfs+json"


@dataclass(frozen=True, kw_only=True)
class RemoteInfo:
    """A repository: the commit its branch is at, its files, and whether nobody else may see it."""

    commit: str
    files: frozenset[str]
    private: bool


@dataclass(frozen=True)
class Remote:
    """A repository of models, ``org/name``. Methods raise NetworkError, HubNotFound."""

    repo: str

    @property
    def what(self) -> str:
        """For messages."""
        return f"push to {self.repo}"

    def info(self, *, private: bool) -> RemoteInfo:
        """What the hub says of it; it is made if need be."""
        try:
            found = self._ask("GET", "")
        except HubNotFound:
            self._create(private=private)
            found = self._ask("GET", "")
        siblings = _rows(found, "siblings")
        return RemoteInfo(
            commit=self._commit_id(found.get("sha")),
            files=frozenset(name for row in siblings if isinstance(name := row.get("rfilename"), str)),
            private=found.get("private") is True,
        )

    def _create(self, *, private: bool) -> None:
        organisation, _, name = self.repo.partition("/")
        wanted = {"name": name, "organization": organisation, "type": "model"}
        wanted["visibility"] = "private" if private else "public"
        ask_json("POST", "/api/repos/create", what=self.what, data=wanted)

    def tags(self) -> dict[str, str]:
        """Tag → commit."""
        rows = _rows(self._ask("GET", "/refs"), "tags")
        return {
            name: self._commit_id(row.get("targetCommit")) for row in rows if isinstance(name := row.get("name"), str)
        }

    def tag(self, name: str, commit: str) -> None:
        """Tag a commit; HubOvertaken if there is such a tag."""
        with ask(
            "POST",
            f"{endpoint()}/api/models/{self.repo}/tag/{commit}",
            what=self.what,
            headers={"Content-Type": "application/json"},
            content=json.dumps({"tag": name}).encode(),
        ):
            pass

    def commit(self, files: Mapping[str, bytes], message: str, *, parent: str) -> str:
        """Commit files on top of `parent` and return the commit; HubOvertaken if the branch is elsewhere."""
        large = self._large(files)
        for name in large:
            self._upload(files[name])
        lines = [{"key": "header", "value": {"summary": message, "description": "", "parentCommit": parent}}]
        lines += [_operation(name, data, large=name in large) for name, data in files.items()]
        body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        return self._commit_id(self._ask("POST", f"/commit/{MAIN}", content=body).get("commitOid"))

    def _large(self, files: Mapping[str, bytes]) -> set[str]:
        """Those of the files that the hub wants as Git LFS files."""
        wanted = [
            {"path": name, "sample": base64.b64encode(data[:SAMPLE]).decode(), "size": len(data)}
            for name, data in files.items()
        ]
        rows = _rows(self._ask("POST", f"/preupload/{MAIN}", {"files": wanted}), "files")
        modes = {name: row.get("uploadMode") for row in rows if isinstance(name := row.get("path"), str)}
        if not all(modes.get(name) in ("lfs", "regular") for name in files):
            raise self._misbehaved("does not say how it wants the files")
        return {name for name, data in files.items() if modes[name] == "lfs" and data}

    def _upload(self, data: bytes) -> None:
        """Send the bytes of a Git LFS file to where the hub wants them, unless it has them."""
        known = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data)}
        batch = {"operation": "upload", "transfers": ["basic"], "objects": [known], "hash_algo": "sha256"}
        path = f"/{self.repo}.git/info/lfs/objects/batch"
        found = _rows(self._object(self._ask_lfs(endpoint() + path, batch)), "objects")
        if len(found) != 1 or found[0].get("oid") != known["oid"] or "error" in found[0]:
            raise self._misbehaved("takes no upload of a large file")
        actions = found[0].get("actions") or {}
        if upload := self._address(actions, "upload"):
            with ask("PUT", upload, what=self.what, content=data):
                pass
        if verify := self._address(actions, "verify"):
            self._ask_lfs(verify, known, answer=False)

    def _address(self, actions: Any, key: str) -> str:
        """Where the hub sends us for an action, "" for nowhere."""
        action = actions.get(key) if isinstance(actions, dict) else None
        if not action:
            return ""
        address = action.get("href") if isinstance(action, dict) else None
        if not isinstance(address, str) or "chunk_size" in str(action.get("header")):
            raise self._misbehaved("wants an upload in a way that genzoo does not know")
        if origin(endpoint())[0] == "https" != origin(address)[0]:
            raise self._misbehaved(f"wants an upload to {plain(address)}, in clear text")
        return address

    def _ask_lfs(self, url: str, data: Any, *, answer: bool = True) -> Any:
        headers = {"Content-Type": LFS_TYPE, "Accept": LFS_TYPE}
        content = json.dumps(data).encode()
        with ask("POST", url, what=self.what, headers=headers, content=content) as reply:
            return reply.json() if answer else None

    def _ask(self, method: str, path: str, data: Any = None, content: bytes | None = None) -> dict[str, Any]:
        path = f"/api/models/{self.repo}{path}"
        return self._object(ask_json(method, path, what=self.what, data=data, content=content))

    def _object(self, answer: Any) -> dict[str, Any]:
        if not isinstance(answer, dict):
            raise self._misbehaved("does not answer with an object")
        return answer

    def _commit_id(self, value: Any) -> str:
        if not isinstance(value, str) or not COMMIT.fullmatch(value):
            raise self._misbehaved(f"says {value!r:.80} where a commit should be")
        return value

    def _misbehaved(self, text: str) -> HubMisbehaved:
        return HubMisbehaved(f"{self.what}: {shown_endpoint()} {text}; check HF_ENDPOINT")


def _rows(answer: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects in a list of an answer."""
    rows = answer.get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _operation(name: str, data: bytes, *, large: bool) -> dict[str, Any]:
    if large:
        oid = hashlib.sha256(data).hexdigest()
        return {"key": "lfsFile", "value": {"path": name, "algo": "sha256", "oid": oid, "size": len(data)}}
    content = base64.b64encode(data).decode()
    return {"key": "file", "value": {"content": content, "path": name, "encoding": "base64"}}
