"""The folder of a run: recipe, log, pictures, the state to go on from, and at the end checkpoint and loss curves."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

from torch import Tensor

from genzoo.errors import DamagedFile, IntegrityError, InvalidInput, OutputExists
from genzoo.files import atomic_write, json_text, read_regular, unfinished, writable_folder
from genzoo.hub.files import encode_weights, parse_weights
from genzoo.spec import MAX_RECORD_BYTES, RECORD_FILE, WEIGHTS_FILE, Checkpoint, record_bytes
from genzoo.training.origin import Origin, check_follows
from genzoo.training.recipe import Recipe

__all__ = ["TRACKING", "Run"]

DIGEST_BYTES = 32
TRACKING = "tracking"
"""Where trackers write, each in a folder of its name."""


class Run:
    """``recipe.json``, ``log.jsonl``, ``samples/epoch-0001.png`` …, ``state``; when it has ended also
    ``model.safetensors`` and ``genzoo.json``, which make the folder a checkpoint, and ``curves.png``.

    ``state`` is the sha256 of what follows it in the file, a line of JSON that says to which run it belongs (see
    Origin), and a safetensors file: one file, so that it is whole or not there, and goes with no other recipe.
    """

    origin: Origin

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state_path = folder / "state"
        self.recipe_path = folder / "recipe.json"
        self.log_path = folder / "log.jsonl"
        self.curves_path = folder / "curves.png"

    def check(self, recipe: Recipe, *, resume: bool, force: bool) -> None:
        """Refuse a folder that the run must not use; nothing is written.

        Raises:
            OutputExists: there is a run or a checkpoint already, and neither `resume` nor `force`.
            InvalidInput: it cannot be written to; or `resume`, but what is there is no run that may go on so.
        """
        self.check_writable()
        names = (self.recipe_path, self.state_path, self.folder / WEIGHTS_FILE, self.folder / RECORD_FILE)
        if force or not any(map(os.path.lexists, names)):
            return
        if not resume:
            raise OutputExists(
                f"{self.folder} holds a run or a checkpoint already; --resume goes on with a run, --force starts anew, "
                "-o DIR goes elsewhere",
                suggestions=["--resume", "--force"],
            )
        if not self.recipe_path.exists():
            raise InvalidInput(f"{self.folder} holds a checkpoint but no run to go on with; -o DIR goes elsewhere")
        check_follows(self.recipe(), recipe, str(self.folder))

    def check_writable(self) -> None:
        """Before hours of work: the folder, or the nearest one above that is there, takes a file."""
        there = next(path for path in (self.folder, *self.folder.absolute().parents) if os.access(path, os.F_OK))
        if not there.is_dir():
            raise InvalidInput(f"cannot write to {self.folder}: {there} is not a folder; -o DIR goes elsewhere")
        writable_folder(there)

    def recipe(self) -> Recipe:
        """That of the run in the folder; DamagedFile if it is not what was written."""
        try:
            return Recipe.parse(json.loads(read_regular(self.recipe_path, limit=MAX_RECORD_BYTES)), "recipe")
        except (ValueError, RecursionError, IntegrityError) as error:
            raise self._damaged(self.recipe_path, error) from None

    def begin(self, recipe: Recipe, *, data: str, examples: int, resume: bool) -> None:
        """Make the folder ready: for a new run without the traces of an old one, whose checkpoint stays until the new
        one replaces it.

        Args:
            recipe: that of the run.
            data: the fingerprint of its data.
            examples: how many there are.
            resume: go on with what is there, if there is a run.

        Raises:
            DamagedFile: the state to go on from is not what was saved.
            InvalidInput: it is the state of another run: of other data, or of a recipe that this one may not follow.
        """
        self.origin = Origin(recipe=recipe, data=data)
        if resume and (there := self.saved()):
            self.origin = there.becomes(self.origin, examples, str(self.folder))
        writable_folder(self.folder / "samples")
        old = [path for folder in (self.folder, self.folder / "samples") for path in unfinished(folder)]
        if not (resume and self.recipe_path.exists()):
            old += [self.state_path, self.log_path, self.curves_path, *self.folder.glob("samples/epoch-*.png")]
            shutil.rmtree(self.folder / TRACKING, ignore_errors=True)
        for path in old:
            self._remove(path)
        self.write(self.recipe_path, json_text(self.origin.recipe.to_dict()).encode())

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise InvalidInput(f"cannot remove {path}: {error.strerror}; -o DIR goes elsewhere") from None

    def write(self, path: Path, data: bytes) -> None:
        """Write a file of the run, whole or not at all; InvalidInput with the way to go on if it cannot be."""
        with self._can_go_on():
            atomic_write(path, data)

    @contextmanager
    def _can_go_on(self) -> Iterator[None]:
        """Where a write fails, of a full disk perhaps: say what there is to go on from."""
        try:
            yield
        except InvalidInput as error:
            cause = error.message
        except OSError as error:
            cause = f"cannot write {self.log_path}: {error.strerror}"
        else:
            return
        stays = "the last saved state stays" if self.state_path.exists() else "no state was saved yet"
        raise InvalidInput(f"{cause}; {stays}: make room, then go on with --resume", suggestions=["--resume"])

    def save_state(self, tensors: Mapping[str, Tensor]) -> None:
        self.origin = replace(self.origin, step=int(tensors["step"]))
        data = self.origin.to_json().encode() + b"\n" + encode_weights(tensors)
        self.write(self.state_path, hashlib.sha256(data).digest() + data)

    def saved(self) -> Origin | None:
        """What the last saved state belongs to; None if there is none, DamagedFile if it is not what was saved."""
        if (data := self._read_state()) is None:
            return None
        try:
            return Origin.parse(data[: data.find(b"\n")])
        except (ValueError, RecursionError) as error:
            raise self._damaged(self.state_path, error) from None

    def read_state(self) -> bytes | None:
        """The tensors of the last saved state, to `parse_state`; None if there is none, DamagedFile if they are not
        what was saved."""
        data = self._read_state()
        return None if data is None else data[data.find(b"\n") + 1 :]

    def _read_state(self) -> bytes | None:
        if not self.state_path.exists():
            return None
        data = read_regular(self.state_path)
        if hashlib.sha256(data[DIGEST_BYTES:]).digest() != data[:DIGEST_BYTES]:
            raise self._damaged(self.state_path, "its sha256 is not the one in it")
        return data[DIGEST_BYTES:]

    def _damaged(self, path: Path, cause: Exception | str) -> DamagedFile:
        return DamagedFile(f"{path} is damaged ({cause!s:.200}); --force starts anew", suggestions=["--force"])

    def parse_state(self, data: bytes, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of a state, with the names, shapes and dtypes of `expected`; StateMismatch if it has others.

        ``random.`` and ``terms.``, which depend on the processes and the objective, are as they were saved.
        """
        return parse_weights(data, expected, str(self.state_path), beside=("random.", "terms."))

    def save_checkpoint(self, weights: bytes, checkpoint: Checkpoint) -> None:
        """Write the weights and their record; a reader between the two finds the sha256 not to fit."""
        self.write(self.folder / WEIGHTS_FILE, weights)
        self.save_record(checkpoint)

    def save_record(self, checkpoint: Checkpoint) -> None:
        self.write(self.folder / RECORD_FILE, record_bytes(checkpoint))

    def save_curves(self) -> None:
        """Draw the log into ``curves.png``."""
        from genzoo.training.curves import curves

        if entries := self.entries():
            self.write(self.curves_path, curves(entries))

    def log(self, entry: Mapping[str, Any]) -> None:
        with self._can_go_on(), self.log_path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def forget_log_after(self, step: int) -> None:
        """Drop what was logged after `step`, which will be done again, and a line that was cut."""
        kept = [entry for entry in self.entries() if entry["step"] <= step]
        if kept or self.log_path.exists():
            self.write(self.log_path, "".join(f"{json.dumps(entry)}\n" for entry in kept).encode())

    def entries(self) -> list[dict[str, Any]]:
        """The whole lines of the log: epoch, step, seconds since the run began, and the terms."""
        if not self.log_path.exists():
            return []
        try:
            lines = read_regular(self.log_path).splitlines()
        except IntegrityError as error:
            raise self._damaged(self.log_path, error) from None
        return [entry for entry in map(_entry, lines) if entry]

    def seconds(self) -> int:
        """How long the logged epochs took, all parts of the run together."""
        entries = self.entries()
        return round(entries[-1]["seconds"]) if entries else 0

    def picture_path(self, epoch: int) -> Path:
        return self.folder / "samples" / f"epoch-{epoch:04d}.png"


def _entry(line: bytes) -> dict[str, Any] | None:
    """A line of a log; None for what is none."""
    try:
        entry = json.loads(line)
        numbers = all(isinstance(value, int | float) for value in entry.values())
        whole = all(isfinite(entry[key]) for key in ("epoch", "step", "seconds"))
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError, OverflowError):
        return None
    return entry if numbers and whole else None
