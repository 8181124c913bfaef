"""The cache of huggingface_hub on this machine, without the network.

Its layout is a documented one (huggingface.co/docs/huggingface_hub/guides/manage-cache), and what genzoo puts there is
found by every program that uses the cache::

    models--org--name/blobs/<etag>                     the bytes; .incomplete while they come
    models--org--name/snapshots/<commit>/<file>        a link to them
    models--org--name/refs/<branch or tag>             the commit it stood for when it was asked for

What the hub says names nothing in it but etags and commits, which are hex digits alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from genzoo.errors import CacheUnwritable, HubMisbehaved
from genzoo.hub.settings import constants, endpoint
from genzoo.registry import registry
from genzoo.spec import COMMIT, RECORD_FILE, Checkpoint

__all__ = [
    "Cached",
    "alone",
    "cached",
    "cached_file",
    "forget",
    "holds",
    "incomplete",
    "keep_ref",
    "place",
    "remove",
    "writing",
]

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None  # type: ignore[assignment]

WAIT = 0.05  # seconds between two looks at a lock
ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def cached_file(repo: str, commit: str, name: str) -> Path:
    """Where the cache has a file of a commit, if it has it: an absolute path, without links on the way to the cache.

    To ask the library for the path would import a network client.
    """
    return _folder(repo) / "snapshots" / commit / name


def _blob(repo: str, etag: str) -> Path:
    """Where the bytes with an etag are; HubMisbehaved unless it is 40 or 64 hex digits."""
    if not ETAG.fullmatch(etag):
        raise HubMisbehaved(f"{repo}: {etag!r:.80} is no etag of a hub; check HF_ENDPOINT")
    return _folder(repo) / "blobs" / etag


def _folder(repo: str) -> Path:
    return _absolute(constants().HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}"


@cache
def _absolute(folder: str) -> Path:
    """The cache's folder, of which the same is meant when the working directory has changed."""
    return Path(os.path.realpath(folder))


@contextmanager
def writing() -> Iterator[None]:
    """Raise an OSError of the block as CacheUnwritable."""
    try:
        yield
    except OSError as error:
        raise CacheUnwritable(
            f"cannot write to {constants().HF_HUB_CACHE}: {error.strerror}; make room, or set HF_HOME"
        ) from None


@contextmanager
def alone(repo: str, seconds: float) -> Iterator[None]:
    """Wait until no other process or thread is downloading a file of a repository, at most so long.

    The system ends the lock with its process. Where it has none, two may download the same, and both have it.
    """
    folder = _folder(repo) / "blobs"
    with writing():
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY) if fcntl else -1
    try:
        end = time.monotonic() + seconds
        while descriptor >= 0 and not _taken(descriptor) and time.monotonic() < end:
            time.sleep(WAIT)
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _taken(descriptor: int) -> bool:
    """Whether the lock is had, or cannot be."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


@contextmanager
def incomplete(repo: str) -> Iterator[BinaryIO]:
    """A new file beside the blobs of a repository, for what is on its way; deleted at the end unless it is placed."""
    path = _folder(repo) / "blobs" / f"{os.urandom(8).hex()}.incomplete"
    with writing():
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("x+b")
    try:
        yield file
    finally:
        for end in (file.close, path.unlink):
            with contextlib.suppress(OSError):
                end()


def holds(repo: str, etag: str, size: int | None) -> bool:
    """Whether a blob is there already, for another commit: by its name and size, and who reads it checks it."""
    blob = _blob(repo, etag)
    try:
        return not constants().HF_HUB_DISABLE_SYMLINKS and blob.stat().st_size == size
    except OSError:
        return False


def place(file: BinaryIO | None, repo: str, etag: str, commit: str, name: str) -> Path:
    """Move an `incomplete` file to its place, or take the blob that is there; returns where the cache has the file.

    Both steps replace what is there in one go. Where there are no links, the file itself is in the snapshot.
    """
    blob, path = _blob(repo, etag), cached_file(repo, commit, name)
    if not COMMIT.fullmatch(commit):
        raise HubMisbehaved(f"{repo}: {commit!r:.80} is no commit; check HF_ENDPOINT")
    link = path.with_name(f".{os.urandom(8).hex()}.tmp")
    with writing():
        path.parent.mkdir(parents=True, exist_ok=True)
        if file is not None:
            file.close()
            os.replace(file.name, blob)
        try:
            if constants().HF_HUB_DISABLE_SYMLINKS:
                raise OSError
            link.symlink_to(Path("..", *[".."] * len(Path(name).parts), "blobs", etag))
        except OSError:
            os.replace(blob, path)
        else:
            os.replace(link, path)
    return path


def keep_ref(repo: str, revision: str, commit: str) -> None:
    """Note the commit that a branch or tag stands for, for other programs; where that cannot be, it is left."""
    path = _folder(repo) / "refs" / revision
    temporary = path.with_name(f"{os.urandom(8).hex()}.tmp")
    with contextlib.suppress(OSError):
        if path.is_file() and path.read_text() == commit:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(commit)
        os.replace(temporary, path)


def forget(path: Path) -> None:
    """Delete a file of the cache, and what it links to in there."""
    target = path.resolve()
    try:
        path.unlink(missing_ok=True)
        if target.is_relative_to(_absolute(constants().HF_HUB_CACHE)):
            target.unlink(missing_ok=True)
    except OSError as error:
        raise CacheUnwritable(f"cannot delete {path}, which is damaged: {error.strerror}") from None


@dataclass(frozen=True, kw_only=True)
class Cached:
    """A checkpoint in the cache: its repository and commit, its bytes on disk, and where they lie."""

    repo: str
    commit: str
    size: int
    folder: Path

    @property
    def pin(self) -> str:
        """``hf:org/name@commit``."""
        return f"hf:{self.repo}@{self.commit}"


def cached(repo: str = "") -> list[Cached]:
    """The checkpoints of genzoo in the cache, or those of a repository."""
    endpoint()  # the client cannot be imported with one that is none
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        scan = scan_cache_dir(constants().HF_HUB_CACHE)
    except CacheNotFound:
        return []
    found = [
        Cached(repo=where.repo_id, commit=one.commit_hash, size=one.size_on_disk, folder=one.snapshot_path)
        for where in scan.repos
        for one in where.revisions
        if where.repo_type == "model" and repo in ("", where.repo_id)
    ]
    pins = {record.pin for _, _, record in registry().entries(Checkpoint)}
    ours = (entry for entry in found if entry.pin in pins or (entry.folder / RECORD_FILE).exists())
    return sorted(ours, key=lambda entry: entry.pin)


def remove(entries: Sequence[Cached]) -> None:
    """Delete checkpoints, but for what other commits need too; CacheUnwritable if that cannot be."""
    from huggingface_hub import scan_cache_dir

    commits = [entry.commit for entry in entries]
    scan_cache_dir(constants().HF_HUB_CACHE).delete_revisions(*commits).execute()  # tells of failures in its log alone
    for entry in entries:
        if entry.folder.exists():
            raise CacheUnwritable(f"cannot delete {entry.folder}: the cache is read-only")
