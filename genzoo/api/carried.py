"""Parts that a checkpoint brings along, in folders beside its record: those that are not found by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from genzoo.catalog import find_checkpoint, find_part
from genzoo.errors import InvalidInput
from genzoo.files import atomic_write, read_recorded, writable_folder
from genzoo.hub.sources import read_weights_of
from genzoo.registry import Found
from genzoo.spec import PARTS_FOLDER, RECORD_FILE, WEIGHTS_FILE, Checkpoint, record_bytes

__all__ = ["carried_in", "carry", "check_carried", "files_of_parts"]


def files_of_parts(found: Found[Checkpoint], where: str = "") -> Iterator[tuple[str, bytes]]:
    """The files of all parts of a checkpoint, by their paths below its folder."""
    for role in found.record.parts:
        yield from _files_of(find_part(found, role), f"{where}{PARTS_FOLDER}/{role}/")


def _files_of(part: Found[Checkpoint], folder: str) -> Iterator[tuple[str, bytes]]:
    record = part.record
    read = partial(read_recorded, sha256=record.sha256, size=record.size_bytes)
    yield f"{folder}{WEIGHTS_FILE}", read_weights_of(part, read)[0]
    yield f"{folder}{RECORD_FILE}", record_bytes(replace(record, repo="", commit=""))
    yield from files_of_parts(part, folder)


def carry(parts: Mapping[str, Path], folder: Path) -> None:
    """Copy checkpoints, which lie in folders by their roles, into the folder of one that stands on them."""
    there = carried_in(folder)
    for role, source in parts.items():
        if role in there and there[role].samefile(source):
            continue
        for path, data in _files_of(find_checkpoint(source), f"{PARTS_FOLDER}/{role}/"):
            target = folder / path
            writable_folder(target.parent)
            atomic_write(target, data)


def check_carried(parts: Mapping[str, Path], folder: Path) -> None:
    """InvalidInput if a run in `folder`, which is to go on, stands on other checkpoints than those in `parts`."""
    for role, path in carried_in(folder).items():
        if role in parts and find_checkpoint(parts[role]).record.sha256 != find_checkpoint(path).record.sha256:
            raise InvalidInput(
                f"the run in {folder} stands on another {role} than the one in {parts[role]}, which was trained anew: "
                "--force starts anew, -o DIR goes elsewhere"
            )


def carried_in(folder: Path) -> dict[str, Path]:
    """The folders of the parts that a checkpoint or a run brings along, by their roles."""
    return {path.parent.name: path.parent for path in sorted(folder.glob(f"{PARTS_FOLDER}/*/{RECORD_FILE}"))}
