"""Files of the hub, checked: from the cache without the network, or downloaded into it. Free of torch.

huggingface_hub is transport and cache. It looks at the length of what it downloads and not at the content, and waits
for a silent hub for six minutes. So a download begins with one request, answered within ``HF_HUB_ETAG_TIMEOUT``
seconds, whose headers are checked as any input is, and ends with a reader that checks the bytes.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from genzoo import __version__
from genzoo.errors import DamagedFile, GenzooWarning, HubMisbehaved, MalformedWeights, Offline
from genzoo.hub.cache import cached_file, forget, offline
from genzoo.hub.failures import typed
from genzoo.spec import COMMIT, MAX_RECORD_BYTES

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

__all__ = ["Wanted", "head", "obtain", "warn_of_token"]

T = TypeVar("T")
ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
DAMAGED = (DamagedFile, MalformedWeights)
LOOPBACK = ("localhost", "127.0.0.1", "::1")


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


def obtain(wanted: Wanted, read: Callable[[Path], T]) -> tuple[T, Path, bool]:
    """What `read` makes of a file, where the file lies, and whether it was downloaded now.

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
    return *_download(wanted, read, force=bool(damage)), True


def _download(wanted: Wanted, read: Callable[[Path], T], *, force: bool) -> tuple[T, Path]:
    _check_size(wanted, head(wanted.repo, wanted.commit, wanted.name))
    path = _transfer(wanted, force=force)
    try:
        return read(path), path
    except DAMAGED:
        path = _transfer(wanted, force=True)
    try:
        return read(path), path
    except DAMAGED as error:
        forget(path)
        raise type(error)(
            f"{error.message}. It came so twice, and is deleted: what lies between may change it, or its author "
            "published it so; try another network or HF_ENDPOINT"
        ) from None


def head(repo: str, revision: str, name: str) -> HfFileMetadata:
    """What the hub says of a file: commit, etag and size, all of them well formed.

    Raises:
        HubMisbehaved: they are not, or of another commit than the one asked for.
        NetworkError, HubNotFound: there is no such answer.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url

    what = f"hf:{repo}@{revision}: {name}"
    with typed(what):
        warn_of_token(constants.ENDPOINT)
        found = get_hf_file_metadata(
            hf_hub_url(repo, name, revision=revision, endpoint=constants.ENDPOINT),
            timeout=constants.HF_HUB_ETAG_TIMEOUT,
            endpoint=constants.ENDPOINT,
            library_name="genzoo",
            library_version=__version__,
        )
    if not found.commit_hash or not found.etag or found.size is None:
        raise HubMisbehaved(
            f"{what}: what answers at {constants.ENDPOINT} is no hub; check HF_ENDPOINT, or open a browser and log in "
            "to the network"
        )
    if not COMMIT.fullmatch(found.commit_hash) or not ETAG.fullmatch(found.etag):
        raise HubMisbehaved(f"{what}: {constants.ENDPOINT} answers with a malformed commit or etag; check HF_ENDPOINT")
    if COMMIT.fullmatch(revision) and found.commit_hash != revision:
        raise HubMisbehaved(f"{what}: {constants.ENDPOINT} answers with commit {found.commit_hash}; check HF_ENDPOINT")
    return found


def _check_size(wanted: Wanted, found: HfFileMetadata) -> None:
    """DamagedFile where the hub tells of other bytes than the recorded ones; nothing is downloaded then."""
    size, digest = found.size or 0, found.etag or ""
    where = f"{wanted.name} of hf:{wanted.repo}@{wanted.commit}"
    if not wanted.sha256 and size > MAX_RECORD_BYTES:
        raise MalformedWeights(f"{where} has {size:,} bytes, more than the {MAX_RECORD_BYTES:,} allowed")
    if wanted.sha256 and (size != wanted.size or (len(digest) == 64 and digest != wanted.sha256)):
        raise DamagedFile(
            f"{where} is not what its record says: the hub has {size:,} bytes of sha256 or etag {digest[:16]}…, the "
            f"record {wanted.size:,} of {wanted.sha256[:16]}…; check HF_ENDPOINT, or tell the author"
        )


def _transfer(wanted: Wanted, *, force: bool) -> Path:
    """Have huggingface_hub download a file into its cache; the bytes are checked by who reads them."""
    from huggingface_hub import constants, hf_hub_download

    with typed(f"hf:{wanted.repo}@{wanted.commit}: {wanted.name}"):
        path = hf_hub_download(
            wanted.repo,
            wanted.name,
            revision=wanted.commit,
            cache_dir=constants.HF_HUB_CACHE,
            endpoint=constants.ENDPOINT,
            etag_timeout=constants.HF_HUB_ETAG_TIMEOUT,
            force_download=force,
            tqdm_class=_bounded_bar(wanted.size or MAX_RECORD_BYTES),
            library_name="genzoo",
            library_version=__version__,
        )
    return Path(path)


def _bounded_bar(limit: int) -> type[Any]:
    """The client's progress bar, which it shows on terminals alone; a plain download ends after `limit` bytes.

    What Xet transfers may be more than the file, which it assembles in the recorded size.
    """
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]  # documented

    class Bar(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            self.left: float = limit if options.get("name") == "huggingface_hub.http_get" else float("inf")
            super().__init__(*args, **options)  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> Any:
            self.left -= n or 0
            if self.left < 0:
                raise HubMisbehaved(f"the hub sends more than the {limit:,} bytes it spoke of; check HF_ENDPOINT")
            return super().update(n)

    return Bar


@cache
def warn_of_token(endpoint: str) -> None:
    """Warn, once, where a token goes over a network in clear text."""
    from huggingface_hub import constants, get_token

    url = urlsplit(endpoint)
    if url.scheme != "http" or url.hostname in LOOPBACK or constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        return
    if get_token():
        warnings.warn(
            f"your token goes to {endpoint} in clear text; use https, or set HF_HUB_DISABLE_IMPLICIT_TOKEN=1",
            GenzooWarning,
            stacklevel=2,
        )
