"""Where the files of a checkpoint are looked for: one order for all names. Free of torch.

A record comes from a folder, a plugin, or a commit on the hub; its weights from the first of these places that has
them: the folder, ``$GENZOO_HUB``, the plugin's package, the cache of the hub, the hub. What is found there is the
recorded file or an error: no other place is looked at then.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

from genzoo.errors import (
    GenzooWarning,
    IntegrityError,
    NetworkError,
    NonFiniteWeights,
    NotFound,
    Offline,
    StateMismatch,
)
from genzoo.files import user_path
from genzoo.hub.cache import cached, cached_file, keep_ref
from genzoo.hub.fetch import Wanted, head, obtain
from genzoo.hub.reference import Reference
from genzoo.hub.settings import offline
from genzoo.registry import Found
from genzoo.spec import RECORD_FILE, WEIGHTS_FILE, Checkpoint

__all__ = ["Source", "part_record", "pin", "read_weights_of", "remote_record"]

T = TypeVar("T")
MAIN = "main"
Kind = Literal["folder", "directory", "bundled", "cache", "hub"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where weights came from: a ``folder`` that was named, a ``directory`` of ``$GENZOO_HUB``, ``bundled`` with a
    plugin, the ``cache`` of the hub, or the ``hub``; and in which folder they lie."""

    kind: Kind
    folder: Path
    remedy: str = ""


def remote_record(name: str) -> Checkpoint:
    """The record of ``hf:org/name@revision``: its genzoo.json at that commit, and the commit itself.

    Raises:
        InvalidInput: it is no such name.
        NetworkError, HubNotFound: it is not in the cache and cannot be downloaded, or its commit cannot be asked for.
        IntegrityError: it is no record.
    """
    reference = Reference.parse(name)
    pinned = reference if reference.pinned else _announced(reference)
    wanted = Wanted(repo=pinned.repo, commit=pinned.revision, name=RECORD_FILE, asked=str(pinned))
    record, path, _ = obtain(wanted, Checkpoint.read_file)
    if not reference.pinned:
        keep_ref(reference.repo, reference.revision or MAIN, pinned.revision)
    return replace(record, repo=pinned.repo, commit=pinned.revision, folder=path.parent)


def part_record(checkpoint: Checkpoint, within: str) -> Checkpoint:
    """The record of a part that a checkpoint on the hub brings along in the folder `within`; raises as
    `remote_record`."""
    wanted = Wanted(repo=checkpoint.repo, commit=checkpoint.commit, name=f"{within}{RECORD_FILE}", asked=checkpoint.pin)
    record, path, _ = obtain(wanted, Checkpoint.read_file)
    return replace(record, repo=checkpoint.repo, commit=checkpoint.commit, folder=path.parent)


@cache
def _announced(reference: Reference) -> Reference:
    """`reference` with its commit, said once."""
    pinned = pin(reference)
    warnings.warn(f"{reference} is now {pinned.revision}; to stay with it: {pinned}", GenzooWarning, stacklevel=2)
    return pinned


def pin(reference: Reference) -> Reference:
    """`reference` with the commit it names now, which the hub alone knows.

    Raises:
        NetworkError, HubNotFound: it cannot be asked; the message has the commits in the cache.
    """
    if reference.pinned:
        return reference
    if offline():
        again = f"genzoo pin {reference}"
        raise Offline(
            f"{reference} names no commit, and genzoo is offline; with the network: {again}{_in_cache(reference)}",
            suggestions=[again],
        )
    try:
        found = head(reference.repo, reference.revision or MAIN, RECORD_FILE)
    except NetworkError as error:
        raise type(error)(f"{error.message}{_in_cache(reference)}") from error
    return replace(reference, revision=found.commit)


def _in_cache(reference: Reference) -> str:
    pins = [entry.pin for entry in cached(reference.repo)]
    return f"; in the cache: {', '.join(pins)}" if pins else ""


def read_weights_of(
    found: Found[Checkpoint],
    read: Callable[[Path], T],
    *,
    fresh: Callable[[Path], T] | None = None,
    without: Path | None = None,
) -> tuple[T, Source]:
    """What `read`, which checks them, makes of the weights of a checkpoint, and where they were found.

    Args:
        found: its record, and where that came from.
        read: called with the path of the weights.
        fresh: called in its place for weights that have just been downloaded and checked, where they need not be read.
        without: a directory of ``$GENZOO_HUB`` not to look in.

    Raises:
        NotFound: they are not where they must be.
        IntegrityError: `read` refuses what was found first.
        NetworkError, CacheUnwritable: they are on the hub alone, and cannot be downloaded.
    """
    source = _on_this_machine(found, without)
    if source is None:
        return _from_hub(found, read, fresh)
    try:
        return read(source.folder / WEIGHTS_FILE), source
    except (NotFound, IntegrityError) as error:
        raise type(error)(f"{error.message}; try: {source.remedy}", suggestions=[source.remedy]) from None


def _on_this_machine(found: Found[Checkpoint], without: Path | None) -> Source | None:
    """Where the weights must be, if not in the cache or on the hub."""
    checkpoint = found.record
    if found.plugin is None:
        if checkpoint.repo and checkpoint.folder == _cached(found).parent:
            return None
        return Source(kind="folder", folder=checkpoint.folder, remedy="copy the folder again, or train it anew")
    for directory in _directories(os.environ.get("GENZOO_HUB", "")):
        if directory != without and os.path.lexists(folder := directory / checkpoint.name):
            return Source(kind="directory", folder=folder, remedy=f"genzoo pull {checkpoint.name} --to {directory}")
    if checkpoint.repo and not os.path.lexists(checkpoint.weights):
        return None
    remedy = f"pip install --force-reinstall {found.owner}"
    return Source(kind="bundled", folder=checkpoint.folder, remedy=remedy)


def _from_hub(
    found: Found[Checkpoint], read: Callable[[Path], T], fresh: Callable[[Path], T] | None
) -> tuple[T, Source]:
    checkpoint = found.record
    wanted = Wanted(
        repo=checkpoint.repo,
        commit=checkpoint.commit,
        name=f"{found.within}{WEIGHTS_FILE}",
        asked=checkpoint.name if found.plugin else checkpoint.pin,
        sha256=checkpoint.sha256,
        size=checkpoint.size_bytes,
    )
    try:
        weights, path, downloaded = obtain(wanted, read, fresh=fresh)
    except (StateMismatch, NonFiniteWeights) as error:
        raise type(error)(f"{error.message}; {checkpoint.pin} was published so: tell its author") from None
    return weights, Source(kind="hub" if downloaded else "cache", folder=path.parent)


def _cached(found: Found[Checkpoint]) -> Path:
    return cached_file(found.record.repo, found.record.commit, f"{found.within}{WEIGHTS_FILE}")


@cache
def _directories(variable: str) -> tuple[Path, ...]:
    """The directories in ``$GENZOO_HUB``; a warning, once, for what is none."""
    found = [user_path(text) for text in variable.split(os.pathsep) if text]
    for path in found:
        if not path.is_dir():
            warnings.warn(f"GENZOO_HUB names {path}, which is no folder", GenzooWarning, stacklevel=2)
    return tuple(found)
