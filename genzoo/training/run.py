"""The folder of a run: recipe, log, pictures, the state to go on from, and at the end checkpoint and loss curves."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from genzoo.errors import DamagedFile, InvalidInput, OutputExists
from genzoo.files import atomic_write, json_text, read_regular, writable_folder
from genzoo.hub.files import encode_weights, parse_weights
from genzoo.spec import RECORD_FILE, WEIGHTS_FILE, Checkpoint
from genzoo.training.recipe import MAX_RECIPE_BYTES, Recipe

__all__ = ["Run"]

DIGEST_BYTES = 32


class Run:
    """``recipe.json``, ``data``, ``log.jsonl``, ``samples/epoch-0001.png`` …, ``state``; when it has ended also
    ``model.safetensors`` and ``genzoo.json``, which make the folder a checkpoint, and ``curves.png``.

    ``data`` is the fingerprint of the data. ``state`` is a sha256 and a safetensors file behind it: one file, so that
    it is whole or not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state_path = folder / "state"
        self.recipe_path = folder / "recipe.json"
        self.data_path = folder / "data"
        self.log_path = folder / "log.jsonl"
        self.curves_path = folder / "curves.png"

    def check(self, recipe: Recipe, *, resume: bool, force: bool) -> None:
        """Refuse a folder that the run must not use; nothing is written.

        Raises:
            OutputExists: there is a run or a checkpoint already, and neither `resume` nor `force`.
            InvalidInput: it cannot be written to; or `resume`, but what is there is no run of this recipe.
        """
        self._check_writable()
        names = (self.recipe_path, self.state_path, self.folder / WEIGHTS_FILE, self.folder / RECORD_FILE)
        if force or not any(path.exists() for path in names):
            return
        if not resume:
            raise OutputExists(
                f"{self.folder} holds a run or a checkpoint already; --resume goes on with a run, --force starts anew, "
                "-o DIR goes elsewhere",
                suggestions=["--resume", "--force"],
            )
        if not self.recipe_path.exists():
            raise InvalidInput(f"{self.folder} holds a checkpoint but no run to go on with; -o DIR goes elsewhere")
        self._check_same(recipe)

    def _check_writable(self) -> None:
        """Before hours of work: the folder, or the nearest one above that is there, takes a file."""
        there = next(path for path in (self.folder, *self.folder.absolute().parents) if os.access(path, os.F_OK))
        if not there.is_dir():
            raise InvalidInput(f"cannot write to {self.folder}: {there} is not a folder; -o DIR goes elsewhere")
        writable_folder(there)

    def _check_same(self, recipe: Recipe) -> None:
        try:
            there = Recipe.parse(json.loads(read_regular(self.recipe_path, limit=MAX_RECIPE_BYTES)), "recipe")
            there = there.changed({"training.workers": recipe.training["workers"]})  # who reads changes no result
            differing = _differences(_as_json(there.to_dict()), _as_json(recipe.to_dict()))
        except (ValueError, AttributeError, RecursionError) as error:
            raise DamagedFile(f"{self.recipe_path} is damaged ({error}); --force starts anew") from None
        if differing:
            raise InvalidInput(
                f"{self.folder} is a run of another recipe ({'; '.join(differing)}); "
                "give the same recipe, --force to start anew, or -o DIR to go elsewhere"
            )

    def begin(self, recipe: Recipe, *, resume: bool) -> None:
        """Make the folder ready: for a new run without the traces of an old one, whose checkpoint stays until the new
        one replaces it."""
        writable_folder(self.folder / "samples")
        if not (resume and self.recipe_path.exists()):
            old = (self.state_path, self.data_path, self.log_path, self.curves_path)
            for path in (*old, *(self.folder / "samples").glob("epoch-*.png")):
                path.unlink(missing_ok=True)
            shutil.rmtree(self.folder / "tensorboard", ignore_errors=True)
            self.write(self.recipe_path, json_text(recipe.to_dict()).encode())

    def check_data(self, fingerprint: str) -> None:
        """Keep the fingerprint of a new run's data; InvalidInput if the run began with other data."""
        if not self.data_path.exists():  # a new run, or one of a genzoo that did not keep it
            self.write(self.data_path, f"{fingerprint}\n".encode())
        elif read_regular(self.data_path, limit=MAX_RECIPE_BYTES) != f"{fingerprint}\n".encode():
            raise InvalidInput(
                f"the run in {self.folder} began with other data than it is given now: restore the data, or start anew "
                "with --force"
            )

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
        data = encode_weights(tensors)
        self.write(self.state_path, hashlib.sha256(data).digest() + data)

    def read_state(self) -> bytes | None:
        """The last saved state, to `parse_state`; None if there is none, DamagedFile if it is not what was saved."""
        if not self.state_path.exists():
            return None
        data = read_regular(self.state_path)
        if hashlib.sha256(data[DIGEST_BYTES:]).digest() != data[:DIGEST_BYTES]:
            raise DamagedFile(f"{self.state_path} is damaged; --force starts anew")
        return data[DIGEST_BYTES:]

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
        self.write(self.folder / RECORD_FILE, checkpoint.to_json().encode())

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
        if self.log_path.exists():
            kept = [line for line in self.log_path.read_text().splitlines() if _step(line) <= step]
            self.write(self.log_path, "".join(f"{line}\n" for line in kept).encode())

    def entries(self) -> list[dict[str, Any]]:
        """The lines of the log: epoch, step, seconds since the run began, and the terms."""
        return [json.loads(line) for line in self.log_path.read_text().splitlines()] if self.log_path.exists() else []

    def seconds(self) -> int:
        """How long the logged epochs took, all parts of the run together."""
        entries = self.entries()
        return round(entries[-1]["seconds"]) if entries else 0

    def picture_path(self, epoch: int) -> Path:
        return self.folder / "samples" / f"epoch-{epoch:04d}.png"


def _differences(there: Mapping[str, Any], here: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The keys in which two recipes differ, with both values: ``training.epochs 6 → 7``."""
    found = []
    for key in sorted(there.keys() | here.keys()):
        old, new = there.get(key), here.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += _differences(old, new, f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key} {old} → {new}")
    return found


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _step(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
