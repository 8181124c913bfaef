"""What a saved state belongs to: the recipe and the data that made it, and the changes with which it may go on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from genzoo.errors import InvalidInput
from genzoo.training.recipe import Recipe

__all__ = ["Change", "Origin", "check_follows"]

MAY_CHANGE = "license, evaluation, learning_rate, training.epochs, training.steps and training.workers may change"
LENGTH = ("training.epochs", "training.steps")


@dataclass(frozen=True, kw_only=True)
class Change:
    """A key in which two recipes differ."""

    key: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.key} {self.old!s:.80} → {self.new!s:.80}"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The recipe of a run, the fingerprint of its data, how many steps are done, and what was changed on the way that
    the weights depend on: learning rates, and the length of a run whose schedule follows it."""

    recipe: Recipe
    data: str = ""
    step: int = 0
    changed: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """What `to_json` gave; ValueError for anything else."""
        table = json.loads(text)
        if not isinstance(table, dict) or {key: type(value) for key, value in table.items()} != _TYPES:
            raise ValueError("it does not say what it belongs to")
        if not all(isinstance(text, str) for text in table["changed"]):
            raise ValueError("it does not say what was changed")
        recipe = Recipe.parse(table["recipe"], "its recipe")
        return cls(recipe=recipe, data=table["data"], step=table["step"], changed=tuple(table["changed"]))

    def to_json(self) -> str:
        """One line."""
        return json.dumps({key: getattr(self, key) for key in _TYPES} | {"recipe": self.recipe.to_dict()})

    def becomes(self, wanted: Self, examples: int, where: str) -> Self:
        """`wanted`, of so many examples, with the history of this one, from whose state it goes on.

        Raises:
            InvalidInput: other data, another recipe than may follow this one, or fewer steps than are done.
        """
        changes = check_follows(self.recipe, wanted.recipe, where)
        if self.data != wanted.data:
            raise InvalidInput(
                f"the run in {where} began with other data than it is given now: restore the data, or start anew "
                "with --force"
            )
        if (steps := wanted.recipe.training.steps_of(examples)) < self.step:
            raise InvalidInput(
                f"the run in {where} has done {self.step:,} steps, more than the {steps:,} it is given now: "
                f"--set training.steps={self.step} or more, or start anew with --force"
            )
        rescheduled = self.rescheduled(wanted.recipe, examples)
        told = [
            f"step {self.step}: {change}"
            for change in changes
            if change.key.startswith("optimizer.") or (rescheduled and change.key in LENGTH)
        ]
        return replace(wanted, step=self.step, changed=(*self.changed, *told))

    def rescheduled(self, wanted: Recipe, examples: int) -> bool:
        """Whether the learning rate goes on otherwise than it began, as the run now has another length."""
        training = self.recipe.training
        return training.schedule != "constant" and training.steps_of(examples) != wanted.training.steps_of(examples)


_TYPES = {"recipe": dict, "data": str, "step": int, "changed": list}


def check_follows(there: Recipe, wanted: Recipe, where: str) -> list[Change]:
    """The changes between the recipe of a run and the one it is to go on with.

    Raises:
        InvalidInput: one of them would give weights of neither recipe; the message names those.
    """
    changes = list(_changes(_as_json(there), _as_json(wanted)))
    if bad := [change for change in changes if not _may_change(change)]:
        raise InvalidInput(
            f"{where} is a run of another recipe ({'; '.join(map(str, bad))}); give the same recipe, --force to start "
            f"anew, or -o DIR to go elsewhere ({MAY_CHANGE})"
        )
    return changes


def _may_change(change: Change) -> bool:
    """Whether the steps so far are those of the wanted recipe too, or its author knows that they are not."""
    section, _, key = change.key.partition(".")
    if section == "optimizer":
        return key.rpartition(".")[2] == "learning_rate"
    return section in ("license", "evaluation") or change.key in (*LENGTH, "training.workers")


def _changes(there: Mapping[str, Any], here: Mapping[str, Any], prefix: str = "") -> Iterator[Change]:
    for key in sorted(there.keys() | here.keys()):
        old, new = there.get(key), here.get(key)
        if isinstance(old, dict) or isinstance(new, dict):
            tables = [value if isinstance(value, dict) else {} for value in (old, new)]
            yield from _changes(tables[0], tables[1], f"{prefix}{key}.")
        elif old != new:
            yield Change(key=f"{prefix}{key}", old=old, new=new)


def _as_json(recipe: Recipe) -> Any:
    return json.loads(json.dumps(recipe.to_dict()))
