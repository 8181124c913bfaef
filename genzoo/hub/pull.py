"""pull: have the files of a checkpoint on this machine, in the cache or in a directory of one's own. Free of torch."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from genzoo.errors import IntegrityError, NotFound, OutputExists
from genzoo.files import atomic_write, read_recorded, writable_folder
from genzoo.hub.sources import read_weights_of
from genzoo.registry import Plugin
from genzoo.spec import RECORD_FILE, WEIGHTS_FILE, Checkpoint

__all__ = ["pull"]


def pull(checkpoint: Checkpoint, plugin: Plugin | None, to: Path | None = None) -> Path:
    """The folder with the weights of a checkpoint, which are the recorded bytes.

    With `to` that is ``to/<name>``, a checkpoint folder of its own, for ``$GENZOO_HUB`` on another machine. What is
    there already is left alone; a damaged copy is replaced.

    Raises:
        OutputExists: something else is at ``to/<name>``.
        InvalidInput: it cannot be written.
        NotFound, IntegrityError, NetworkError: as in genzoo.hub.sources.read_weights_of.
    """
    read = partial(read_recorded, sha256=checkpoint.sha256, size=checkpoint.size_bytes)
    if to is None:
        return read_weights_of(checkpoint, plugin, read)[1].folder
    folder = to / checkpoint.name
    _refuse_other(folder, checkpoint)
    try:
        read(folder / WEIGHTS_FILE)
    except (NotFound, IntegrityError):
        data, _ = read_weights_of(checkpoint, plugin, read, without=to)
        writable_folder(folder)
        atomic_write(folder / RECORD_FILE, checkpoint.to_json().encode())  # first: it says what the folder is
        atomic_write(folder / WEIGHTS_FILE, data)
    return folder


def _refuse_other(folder: Path, checkpoint: Checkpoint) -> None:
    """OutputExists unless the folder is free, or one of this checkpoint."""
    if not folder.is_dir() or all(path.name.startswith(".") for path in folder.iterdir()):
        return
    if not (folder / RECORD_FILE).exists() or Checkpoint.read(folder).sha256 != checkpoint.sha256:
        raise OutputExists(f"{folder} holds something else than {checkpoint.name}; remove it, or give another --to DIR")
