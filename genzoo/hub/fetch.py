"""Files of the hub, checked: from the cache without the network, or downloaded into it. Free of torch.

A download is one GET, continued where it was cut off. What a hub tells of a file is checked as any input is before a
byte of the body is read, and what was checked names the file in the cache. The bytes are counted and hashed as they
come, and those of a recorded file reach its place only if they are the recorded ones.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote, urlsplit

from genzoo.errors import DamagedFile, GenzooWarning, HubMisbehaved, HubUnavailable, MalformedWeights, Offline
from genzoo.hub.cache import ETAG, alone, cached_file, forget, holds, incomplete, place, writing
from genzoo.hub.failures import no_hub
from genzoo.hub.http import COMMIT_HEADER, Deadline, Reply, ask
from genzoo.hub.settings import endpoint, offline, plain, seconds, shown_endpoint, token
from genzoo.spec import COMMIT, MAX_RECORD_BYTES

__all__ = ["Told", "Wanted", "get", "head", "obtain", "warn_of_token"]

T = TypeVar("T")
DAMAGED = (DamagedFile, MalformedWeights)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
COUNTED = {"X-HF-Download-Counter": "1"}  # as downloads by the client are
MAX_PARTS = 6
"""Requests for one file whose connection breaks again and again."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A file of a commit. `sha256` and `size` are those of its record; a record itself has none. `asked` is what the
    user called it."""

    repo: str
    commit: str
    name: str
    asked: str
    sha256: str = ""
    size: int = 0

    @property
    def what(self) -> str:
        """For messages."""
        return f"hf:{self.repo}@{self.commit}: {self.name}"

    @property
    def limit(self) -> int:
        """The bytes it may have."""
        return self.size or MAX_RECORD_BYTES


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a hub tells of a file: the commit (40 hex digits), the etag (40 or 64), and the bytes, if it does."""

    commit: str
    etag: str
    size: int | None


def obtain(
    wanted: Wanted, read: Callable[[Path], T], *, fresh: Callable[[Path], T] | None = None
) -> tuple[T, Path, bool]:
    """What `read` makes of a file, where the file lies, and whether it was downloaded now. `fresh` takes its place
    where bytes of a recorded sha256 have just been downloaded and hashed.

    What `read` calls damaged is downloaded anew, once; where that does not help, the copy is deleted.

    Raises:
        Offline: it is not in the cache, and the user wants no network.
        NetworkError, HubNotFound: it cannot be downloaded.
        DamagedFile, MalformedWeights: the bytes are not the recorded ones, or no record; the hub's neither.
        CacheUnwritable: there is no place for it.
    """
    path = cached_file(wanted.repo, wanted.commit, wanted.name)
    damage = ""
    if os.path.exists(path):  # noqa: PTH110  # False for what cannot be looked at, where Path.exists raises
        try:
            return read(path), path, False
        except DAMAGED as error:
            damage = error.message
    again = f"genzoo pull {wanted.asked}"
    if offline():
        if damage:
            raise DamagedFile(f"{damage}; genzoo is offline; with the network: {again}", suggestions=[again])
        raise Offline(
            f"{wanted.asked} is not on this machine, and genzoo is offline; with the network: {again}",
            suggestions=[again],
        )
    if damage:
        warnings.warn(f"{damage}; it is downloaded again", GenzooWarning, stacklevel=2)
    return *_download(wanted, read, fresh or read, anew=bool(damage)), True


def _download(wanted: Wanted, read: Callable[[Path], T], fresh: Callable[[Path], T], *, anew: bool) -> tuple[T, Path]:
    """Download a file and read it, a second time if it is damaged; `anew` takes no bytes that are there."""
    try:
        return _read_download(wanted, read, fresh, anew=anew)
    except DAMAGED:
        pass
    try:
        return _read_download(wanted, read, fresh, anew=True)
    except DAMAGED as error:
        raise type(error)(
            f"{error.message}. It came so twice, and is not kept: what lies between may change it, or its author "
            "published it so; try another network or HF_ENDPOINT"
        ) from None


def _read_download(
    wanted: Wanted, read: Callable[[Path], T], fresh: Callable[[Path], T], *, anew: bool
) -> tuple[T, Path]:
    path, hashed = _transfer(wanted, anew=anew)
    try:
        return (fresh if hashed and wanted.sha256 else read)(path), path
    except DAMAGED:
        forget(path)
        raise


def head(repo: str, revision: str, name: str) -> Told:
    """What the hub says of a file: commit, etag and size, all of them well formed.

    Raises:
        HubMisbehaved: they are not, or of another commit than the one asked for.
        NetworkError, HubNotFound: there is no such answer.
    """
    what = f"hf:{repo}@{revision}: {name}"
    warn_of_token(endpoint())
    with ask("HEAD", _url(repo, revision, name), what=what) as reply:
        return _told(reply, revision)


def get(repo: str, revision: str, name: str, *, limit: int, size: int = 0) -> bytes:
    """A file of the hub past every cache, of at most `limit` bytes; a large one may take longer by its `size`.

    Raises as `head` does.
    """
    what = f"hf:{repo}@{revision}: {name}"
    with ask("GET", _url(repo, revision, name), what=what, deadline=_patience(size)) as reply:
        _about(reply, repo, revision, name)
        return b"".join(reply.chunks(limit))


def _about(reply: Reply, repo: str, revision: str, name: str) -> Told:
    """What is told of a file that is sent: in the answer itself, or by hubs such as olah in one to a HEAD."""
    return _told(reply, revision) if COMMIT_HEADER in reply.told else head(repo, revision, name)


def _url(repo: str, revision: str, name: str) -> str:
    return f"{endpoint()}/{repo}/resolve/{quote(revision, safe='')}/{quote(name)}"


def _patience(size: int) -> Deadline:
    return Deadline(seconds("HF_HUB_DOWNLOAD_TIMEOUT"), size)


def _told(reply: Reply, revision: str) -> Told:
    """What the headers of an answer tell of a file; HubMisbehaved if that cannot be."""
    commit, etag = (reply.told.get(key, "") for key in (COMMIT_HEADER, "ETag"))
    etag = reply.told.get("X-Linked-ETag", etag).removeprefix("W/").strip('"')
    if not commit or not etag:
        raise no_hub(reply.what)
    if not COMMIT.fullmatch(commit) or not ETAG.fullmatch(etag):
        raise HubMisbehaved(
            f"{reply.what}: {shown_endpoint()} answers with a malformed commit or etag; check HF_ENDPOINT"
        )
    if COMMIT.fullmatch(revision) and commit != revision:
        raise HubMisbehaved(f"{reply.what}: {shown_endpoint()} answers with commit {commit}; check HF_ENDPOINT")
    return Told(commit=commit, etag=etag, size=_size(reply))


def _size(reply: Reply) -> int | None:
    """The bytes of the whole file."""
    text = reply.told.get("X-Linked-Size")
    if text is None and reply.status == 206:
        text = reply.headers.get("Content-Range", "").rpartition("/")[2]
    if text is None and reply.told is reply.headers and not reply.response.has_redirect_location:
        text = reply.headers.get("Content-Length")
    return int(text) if text and re.fullmatch(r"[0-9]{1,15}", text) else None


def _check_size(wanted: Wanted, found: Told) -> None:
    """DamagedFile where the hub tells of other bytes than the recorded ones; nothing is downloaded then."""
    size = wanted.size if found.size is None else found.size
    where = f"{wanted.name} of hf:{wanted.repo}@{wanted.commit}"
    if size > wanted.limit and not wanted.sha256:
        raise MalformedWeights(f"{where} has {size:,} bytes, more than the {MAX_RECORD_BYTES:,} allowed")
    if wanted.sha256 and (size != wanted.size or (len(found.etag) == 64 and found.etag != wanted.sha256)):
        raise DamagedFile(
            f"{where} is not what its record says: the hub has {size:,} bytes of sha256 or etag {found.etag[:16]}…, "
            f"the record {wanted.size:,} of {wanted.sha256[:16]}…; check HF_ENDPOINT, or tell the author"
        )


def _transfer(wanted: Wanted, *, anew: bool) -> tuple[Path, bool]:
    """Have a file in the cache; unless `anew`, what another process has brought meanwhile, or the same blob of another
    commit, serves. Says too whether it was downloaded here, and so hashed."""
    warn_of_token(endpoint())
    path, patience = cached_file(wanted.repo, wanted.commit, wanted.name), _patience(wanted.size).left
    with alone(wanted.repo, patience), incomplete(wanted.repo) as file:
        if not anew and path.exists():
            return path, False
        download = _Download(wanted, file, _patience(wanted.size))
        found = download.run(anew=anew)
        placed = place(file if download.whole else None, wanted.repo, found.etag, wanted.commit, wanted.name)
        return placed, download.whole


class _Download:
    """A file on its way: its first bytes in `file`, and their hash."""

    def __init__(self, wanted: Wanted, file: BinaryIO, deadline: Deadline) -> None:
        self.wanted, self.file, self.deadline = wanted, file, deadline
        self.digest, self.size, self.whole = hashlib.sha256(), 0, False
        self.found: Told | None = None

    def run(self, *, anew: bool) -> Told:
        """Download it, going on where the connection breaks; `whole` stays False where the blob is there."""
        with _bar(self.wanted) as bar:
            found = self._parts(bar, anew=anew)
        digest, wanted = self.digest.hexdigest(), self.wanted
        if self.whole and wanted.sha256 not in ("", digest):
            raise DamagedFile(
                f"{wanted.what} is damaged: its sha256 is {digest[:16]}…, its record says {wanted.sha256[:16]}…"
            )
        return found

    def _parts(self, bar: Any, *, anew: bool) -> Told:
        for _ in range(MAX_PARTS - 1):
            there = self.size
            try:
                return self._part(bar, anew=anew)
            except HubUnavailable:
                if self.size == there:
                    raise
        return self._part(bar, anew=anew)

    def _part(self, bar: Any, *, anew: bool) -> Told:
        wanted = self.wanted
        headers = COUNTED | ({"Range": f"bytes={self.size}-"} if self.size else {})
        url = _url(wanted.repo, wanted.commit, wanted.name)
        with ask("GET", url, what=wanted.what, headers=headers, deadline=self.deadline) as reply:
            found = _about(reply, wanted.repo, wanted.commit, wanted.name)
            if self.found not in (None, found):
                raise HubMisbehaved(f"{wanted.what}: {shown_endpoint()} changes it while it is downloaded; try again")
            self.found = found
            _check_size(wanted, found)
            if not anew and not self.size and holds(wanted.repo, found.etag, found.size):
                return found
            self._go_on(reply)
            for chunk in reply.chunks(wanted.limit - self.size):
                with writing():
                    self.file.write(chunk)
                self.digest.update(chunk)
                self.size += len(chunk)
                bar.update(len(chunk))
        self.whole = True
        return found

    def _go_on(self, reply: Reply) -> None:
        """Begin anew where the hub does; HubMisbehaved if it begins elsewhere."""
        if reply.status == 200:
            with writing():
                self.file.seek(0)
                self.file.truncate()
            self.digest, self.size = hashlib.sha256(), 0
        elif not reply.headers.get("Content-Range", "").startswith(f"bytes {self.size}-"):
            raise HubMisbehaved(f"{reply.what}: {shown_endpoint()} sends another part than asked for; try again")


def _bar(wanted: Wanted) -> Any:
    """The client's progress bar, for what takes a while, on terminals alone."""
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]  # documented

    options: Any = {"total": wanted.limit, "unit": "B", "unit_scale": True, "desc": wanted.name}
    return tqdm(**options, disable=True if wanted.limit <= MAX_RECORD_BYTES else None)  # type: ignore[no-untyped-call]


@cache
def warn_of_token(endpoint: str) -> None:
    """Warn, once, where a token goes over a network in clear text."""
    url = urlsplit(endpoint)
    if url.scheme == "http" and url.hostname not in LOOPBACK and token():
        warnings.warn(
            f"your token goes to {plain(endpoint)} in clear text; use https, or set HF_HUB_DISABLE_IMPLICIT_TOKEN=1",
            GenzooWarning,
            stacklevel=2,
        )
