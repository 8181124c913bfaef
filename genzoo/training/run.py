"""The folder of a run: recipe, log, pictures, the state to go on from, and at the end the checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from genzoo.errors import InvalidInput, NotFound, OutputExists
from genzoo.hub.files import atomic_write, encode_weights, read_weights, writable_folder
from genzoo.training.recipe import Recipe

__all__ = ["Run"]


class Run:
    """``recipe.json``, ``log.jsonl``, ``samples/epoch-0001.png`` …, ``state.safetensors``; when it has ended also
    ``model.safetensors`` and ``genzoo.json``, which make the folder a checkpoint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state_path = folder / "state.safetensors"
        self.recipe_path = folder / "recipe.json"
        self.log_path = folder / "log.jsonl"

    @classmethod
    def begin(cls, folder: Path, recipe: Recipe, *, resume: bool, force: bool) -> Run:
        """The run of `recipe` in `folder`, new or to be gone on with.

        Raises:
            OutputExists: there is a run already, and neither `resume` nor `force`.
            InvalidInput: `resume`, but the run there is of another recipe; or the folder cannot be written to.
        """
        run = cls(folder)
        exists = run.recipe_path.exists()
        if exists and not (resume or force):
            raise OutputExists(
                f"{folder} holds a run already; --resume goes on with it, --force starts anew, -o DIR goes elsewhere",
                suggestions=["--resume", "--force"],
            )
        writable_folder(folder / "samples")
        if exists and resume:
            run._check_same(recipe)
        else:
            run._clear()
            atomic_write(run.recipe_path, (json.dumps(recipe.to_dict(), indent=1) + "\n").encode())
        return run

    def _check_same(self, recipe: Recipe) -> None:
        there = json.loads(self.recipe_path.read_text())
        here = json.loads(json.dumps(recipe.to_dict()))
        if there != here:
            keys = [key for key in here if here[key] != there.get(key)]
            raise InvalidInput(
                f"{self.folder} is a run of another recipe ({', '.join(keys)} differ); "
                "give the same recipe, or --force to start anew"
            )

    def _clear(self) -> None:
        files = [self.state_path, self.log_path, self.recipe_path, *(self.folder / "samples").glob("epoch-*.png")]
        for path in (*files, self.folder / "model.safetensors", self.folder / "genzoo.json"):
            path.unlink(missing_ok=True)

    def save_state(self, tensors: Mapping[str, Tensor]) -> None:
        atomic_write(self.state_path, encode_weights(tensors))

    def load_state(self) -> dict[str, Tensor] | None:
        """The last saved state, or None if there is none."""
        try:
            return read_weights(self.state_path)
        except NotFound:
            return None

    def log(self, entry: Mapping[str, Any]) -> None:
        with self.log_path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def forget_log_after(self, step: int) -> None:
        """Drop what was logged after `step`, which will be done again."""
        if self.log_path.exists():
            lines = self.log_path.read_text().splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
            atomic_write(self.log_path, "".join(kept).encode())

    def picture_path(self, epoch: int) -> Path:
        return self.folder / "samples" / f"epoch-{epoch:04d}.png"
