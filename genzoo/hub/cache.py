"""The cache of huggingface_hub on this machine, looked at without the network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genzoo.errors import CacheUnwritable
from genzoo.registry import registry
from genzoo.spec import RECORD_FILE, Checkpoint

__all__ = ["Cached", "cached", "cached_file", "forget", "offline", "remove"]


def offline() -> bool:
    """Whether the user wants no network: ``genzoo --offline``, or ``HF_HUB_OFFLINE=1``."""
    from huggingface_hub import constants

    return constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "").upper() in constants.ENV_VARS_TRUE_VALUES


def cached_file(repo: str, commit: str, name: str) -> Path:
    """Where the cache has a file of a commit, if it has it.

    The layout is a documented one (huggingface.co/docs/huggingface_hub/guides/manage-cache). To ask the library for the
    path would import a network client.
    """
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}" / "snapshots" / commit / name


def forget(path: Path) -> None:
    """Delete a file of the cache, and what it links to in there."""
    from huggingface_hub import constants

    target = path.resolve()
    try:
        path.unlink(missing_ok=True)
        if target.is_relative_to(Path(constants.HF_HUB_CACHE).resolve()):
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
    from huggingface_hub import CacheNotFound, constants, scan_cache_dir

    try:
        scan = scan_cache_dir(constants.HF_HUB_CACHE)
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
    from huggingface_hub import constants, scan_cache_dir

    commits = [entry.commit for entry in entries]
    scan_cache_dir(constants.HF_HUB_CACHE).delete_revisions(*commits).execute()  # tells of failures in its log alone
    for entry in entries:
        if entry.folder.exists():
            raise CacheUnwritable(f"cannot delete {entry.folder}: the cache is read-only")
