"""pull: have the files of a checkpoint on this machine, in the cache or in a directory of one's own. Free of torch."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from genzoo.errors import IntegrityError, NotFound, OutputExists
from genzoo.files import atomic_write, read_recorded, writable_folder
from genzoo.hub.sources import read_weights_of
from genzoo.registry import Found
from genzoo.spec import RECORD_FILE, WEIGHTS_FILE, Checkpoint

__all__ = ["pull"]


def pull(found: Found[Checkpoint], to: Path | None = None) -> Path:
    """The folder with the weights of a checkpoint, which are the recorded bytes.

    With `to` that is this folder, a checkpoint's own: ``DIR/<name>`` for ``GENZOO_HUB=DIR`` on another machine. What is
    there already is left alone; a damaged copy is replaced.

    Raises:
        OutputExists: something else is in `to`.
        InvalidInput: it cannot be written.
        NotFound, IntegrityError, NetworkError: as in genzoo.hub.sources.read_weights_of.
    """
    checkpoint = found.record
    read = partial(read_recorded, sha256=checkpoint.sha256, size=checkpoint.size_bytes)
    if to is None:
        return read_weights_of(found, read, fresh=lambda path: b"")[1].folder
    _refuse_other(to, checkpoint)
    try:
        read(to / WEIGHTS_FILE)
    except (NotFound, IntegrityError):
        data, _ = read_weights_of(found, read, without=to.parent)
        writable_folder(to)
        atomic_write(to / RECORD_FILE, checkpoint.to_json().encode())  # first: it says what the folder is
        atomic_write(to / WEIGHTS_FILE, data)
    return to


def _refuse_other(folder: Path, checkpoint: Checkpoint) -> None:
    """OutputExists unless the folder is free, or one of this checkpoint."""
    if not folder.is_dir() or all(path.name.startswith(".") for path in folder.iterdir()):
        return
    if not (folder / RECORD_FILE).exists() or Checkpoint.read(folder).sha256 != checkpoint.sha256:
        raise OutputExists(f"{folder} holds something else than {checkpoint.name}; remove it, or give another --to DIR")
