"""The folder of a run: recipe, log, pictures, the state to go on from, and at the end the checkpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from genzoo.errors import DamagedFile, InvalidInput, OutputExists
from genzoo.files import atomic_write, read_regular, writable_folder
from genzoo.hub.files import encode_weights, parse_weights
from genzoo.spec import RECORD_FILE, WEIGHTS_FILE, Checkpoint
from genzoo.training.recipe import MAX_RECIPE_BYTES, Recipe

__all__ = ["Run"]

DIGEST_BYTES = 32


class Run:
    """``recipe.json``, ``log.jsonl``, ``samples/epoch-0001.png`` …, ``state``; when it has ended also
    ``model.safetensors`` and ``genzoo.json``, which make the folder a checkpoint.

    ``state`` is a sha256 and a safetensors file behind it: one file, so that it is whole or not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state_path = folder / "state"
        self.recipe_path = folder / "recipe.json"
        self.log_path = folder / "log.jsonl"

    def check(self, recipe: Recipe, *, resume: bool, force: bool) -> None:
        """Refuse a folder that the run must not use; nothing is written.

        Raises:
            OutputExists: there is a run or a checkpoint already, and neither `resume` nor `force`.
            InvalidInput: `resume`, but what is there is no run of this recipe.
        """
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

    def _check_same(self, recipe: Recipe) -> None:
        try:
            there = json.loads(read_regular(self.recipe_path, limit=MAX_RECIPE_BYTES))
            differing = _differences(there, _as_json(recipe.to_dict()))
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
            old = (self.state_path, self.log_path, *(self.folder / "samples").glob("epoch-*.png"))
            for path in old:
                path.unlink(missing_ok=True)
            atomic_write(self.recipe_path, (json.dumps(recipe.to_dict(), indent=1) + "\n").encode())

    def save_state(self, tensors: Mapping[str, Tensor]) -> None:
        data = encode_weights(tensors)
        atomic_write(self.state_path, hashlib.sha256(data).digest() + data)

    def load_state(self, expected: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
        """The last saved state, with the names, shapes and dtypes of `expected`; None if there is none.

        Raises:
            DamagedFile: it is not what was saved.
            StateMismatch: it is of another model or optimizer.
        """
        if not self.state_path.exists():
            return None
        data = read_regular(self.state_path)
        if hashlib.sha256(data[DIGEST_BYTES:]).digest() != data[:DIGEST_BYTES]:
            raise DamagedFile(f"{self.state_path} is damaged; --force starts anew")
        return parse_weights(data[DIGEST_BYTES:], expected, str(self.state_path))

    def save_checkpoint(self, weights: bytes, checkpoint: Checkpoint) -> None:
        """Write the weights and their record; a reader between the two finds the sha256 not to fit."""
        atomic_write(self.folder / WEIGHTS_FILE, weights)
        self.save_record(checkpoint)

    def save_record(self, checkpoint: Checkpoint) -> None:
        atomic_write(self.folder / RECORD_FILE, checkpoint.to_json().encode())

    def log(self, entry: Mapping[str, Any]) -> None:
        with self.log_path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def forget_log_after(self, step: int) -> None:
        """Drop what was logged after `step`, which will be done again, and a line that was cut."""
        if self.log_path.exists():
            kept = [line for line in self.log_path.read_text().splitlines() if _step(line) <= step]
            atomic_write(self.log_path, "".join(f"{line}\n" for line in kept).encode())

    def seconds(self) -> int:
        """How long the logged epochs took, all parts of the run together."""
        lines = self.log_path.read_text().splitlines() if self.log_path.exists() else []
        return round(json.loads(lines[-1])["seconds"]) if lines else 0

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
