"""What there is, without loading it: `list_models` and `show`. Free of torch."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from genzoo.registry import Plugin, registry
from genzoo.spec import Checkpoint

__all__ = ["describe", "find_checkpoint", "list_models", "show", "summary"]


def list_models(pattern: str = "*") -> list[str]:
    """The names of all checkpoints that match a shell pattern, sorted: ``list_models("vae-*")``.

    A name that two distributions offer stands once for each, as ``distribution:name``.
    """
    return [name for name in registry().names(Checkpoint) if fnmatchcase(name, pattern)]


def show(name: str | Path) -> Checkpoint:
    """The record of a checkpoint.

    Raises:
        NotFound: there is none of that name; the message has the nearest ones.
    """
    return find_checkpoint(name)[0]


def find_checkpoint(name: str | Path) -> tuple[Checkpoint, Plugin | None]:
    """The record of a checkpoint, and the plugin it came from (None for a folder).

    `name` is a checkpoint's name, ``distribution:name``, or the folder of a run or checkpoint: a Path, or a string
    with a ``/`` in it. A bare name is never tried as a path.
    """
    if isinstance(name, Path) or "/" in name or "\\" in name:
        return Checkpoint.read(Path(name).expanduser()), None
    plugin, checkpoint = registry().find_entry(Checkpoint, name)
    return checkpoint, plugin


def summary(name: str | Path) -> dict[str, Any]:
    """The row of a checkpoint in ``genzoo list --json``."""
    checkpoint, plugin = find_checkpoint(name)
    return {
        "name": str(name),
        "family": checkpoint.family,
        "architecture": checkpoint.architecture,
        "dataset": checkpoint.dataset,
        "input_shape": list(checkpoint.input_shape),
        "latent_dim": checkpoint.latent_dim,
        "parameters": checkpoint.parameters,
        "size_bytes": checkpoint.size_bytes,
        "sha256": checkpoint.sha256,
        "license": checkpoint.license,
        "plugin": plugin.name if plugin else None,
        "distribution": plugin.distribution if plugin else None,
        "metrics": dict(checkpoint.metrics),
    }


def describe(name: str | Path) -> dict[str, Any]:
    """The whole record of a checkpoint, for ``genzoo show``."""
    checkpoint, _ = find_checkpoint(name)
    more = ("config", "recipe", "trained")
    return summary(name) | {key: dict(getattr(checkpoint, key)) for key in more} | {"path": str(checkpoint.folder)}
