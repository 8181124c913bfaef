"""A recipe: what trains a checkpoint, and trains it again. TOML, checked key by key before anything is allocated."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from genzoo.errors import InvalidInput, MalformedWeights, did_you_mean
from genzoo.fields import Field, check_config, fields_of, from_table
from genzoo.files import check_depth, read_regular
from genzoo.spec import check_name
from genzoo.spec.sections import Evaluation, Optimizer, Training

__all__ = ["Recipe", "check_players", "parse_override"]

MAX_RECIPE_BYTES = 1 << 16
MAX_DOTS = 64  # in a line

_TOP = {
    "name": Field(kind="str", doc="name of the checkpoint"),
    "license": Field(kind="str", doc="SPDX licence of the weights", default="unstated"),
}
_SECTIONS = ("model", "objective", "data", "optimizer", "training", "evaluation")
_LENGTH = ("training.epochs", "training.steps")
_REQUIRED = {"model": ("family", "architecture"), "objective": ("name",), "data": ("name",)}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Its sections as checked as they can be without the registry: `optimizer`, `training` and `evaluation` fully, of
    the others that what names a record is a name. `players` has what ``[optimizer.<player>]`` says otherwise."""

    name: str
    license: str
    model: Mapping[str, Any]
    objective: Mapping[str, Any]
    data: Mapping[str, Any]
    optimizer: Optimizer
    training: Training
    evaluation: Evaluation
    players: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, *, data: str = "") -> Self:
        """The recipe in a TOML file; `data` is as in `parse`.

        Raises:
            NotFound: there is no such file.
            InvalidInput: not TOML, or not a recipe; the message names the key.
        """
        try:
            table = _parse_toml(read_regular(path, limit=MAX_RECIPE_BYTES).decode())
        except MalformedWeights as error:
            raise InvalidInput(f"no recipe: {error.message}") from None
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{path} is not TOML: {error}") from None
        return cls.parse(table, str(path), data=data)

    @classmethod
    def parse(cls, table: Mapping[str, Any], where: str, *, data: str = "") -> Self:
        """The recipe in a table, as TOML or a record holds it; `where` is for messages, and `data` the name of the
        data where the table has no ``[data]``."""
        if not isinstance(table, Mapping):
            raise InvalidInput(f"{where} must be a table; got {table!r:.80}")
        table = {"data": {"name": data}, **table} if data else table
        try:
            check_depth(table)
        except ValueError as error:
            raise InvalidInput(f"{where} is no recipe: {error}") from None
        if unknown := [key for key in table if key not in (*_TOP, *_SECTIONS)]:
            known = (*_TOP, *(f"[{section}]" for section in _SECTIONS))
            hint, near = did_you_mean(unknown[0], (*_TOP, *_SECTIONS))
            raise InvalidInput(
                f"{where} has no key {unknown[0]!r:.80}{hint} (known: {', '.join(known)})", suggestions=near
            )
        top = check_config(_TOP, {k: v for k, v in table.items() if k not in _SECTIONS}, where)
        check_name(top["name"], f"{where}: name")
        sections: dict[str, Any] = {section: _section(table, section, where) for section in _SECTIONS}
        shared, sections["players"] = _optimizer(sections["optimizer"], f"{where}: optimizer")
        sections["optimizer"] = shared
        sections["training"] = _training(sections["training"], f"{where}: training")
        sections["evaluation"] = from_table(Evaluation, sections["evaluation"], f"{where}: evaluation")
        return cls(**top, **sections)

    def to_dict(self) -> dict[str, Any]:
        """What `parse` takes; JSON-ready."""
        table = asdict(self)
        table["optimizer"] |= table.pop("players")
        return table

    def changed(self, overrides: Mapping[str, Any]) -> Self:
        """The recipe with other values: ``{"training.epochs": 5}``; InvalidInput if it is none then.

        ``training.steps`` takes the place of the recipe's epochs, and ``training.epochs`` that of its steps.
        """
        table = self.to_dict()
        if not overrides.keys().isdisjoint(_LENGTH):
            overrides = dict.fromkeys(_LENGTH, 0) | dict(overrides)
        for path, value in overrides.items():
            *sections, key = path.split(".")
            inner = table
            for section in sections:
                inner = inner.setdefault(section, {})
                if not isinstance(inner, dict):
                    raise InvalidInput(f"{self.name}: {path} cannot be set: {section} is no section")
            inner[key] = value
        return self.parse(table, self.name)

    def optimizer_of(self, player: str) -> Optimizer:
        """One player's: the section's own keys under those of ``[optimizer.<player>]``."""
        return replace(self.optimizer, **self.players.get(player, {}))


def parse_override(text: str) -> tuple[str, Any]:
    """(path, value) of ``section.key=VALUE``, VALUE as TOML has it; a bare word is a string."""
    path, equals, value = text.partition("=")
    if not (path.strip() and equals):
        raise InvalidInput(f"--set {text!r:.80} must be section.key=VALUE, e.g. --set training.epochs=5")
    try:
        table = _parse_toml(f"value = {value}")
    except (ValueError, RecursionError):
        table = {"value": value.strip()} if re.fullmatch(r"[\w.:+-]+", value.strip()) else {}
    if set(table) != {"value"}:
        raise InvalidInput(f"--set {path.strip()}: {value!r:.80} is no TOML value; a string of words needs quotes")
    return path.strip(), table["value"]


def _parse_toml(text: str) -> dict[str, Any]:
    """A TOML document; ValueError or RecursionError if it is none.

    tomllib keeps every beginning of a dotted key, so that a key of 100,000 dots would take gigabytes.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > MAX_DOTS:
            raise ValueError(f"line {number} has more than {MAX_DOTS} dots; a key of a recipe has one or two")
    return tomllib.loads(text)


def _section(table: Mapping[str, Any], section: str, where: str) -> dict[str, Any]:
    value = table.get(section, {})
    if not isinstance(value, dict):
        raise InvalidInput(f"{where}: {section} must be a table, [{section}]")
    for key in _REQUIRED.get(section, ()):
        if key not in value:
            raise InvalidInput(f"{where}: {section}.{key} is missing: the name of the {key}")
        if not isinstance(value[key], str):
            raise InvalidInput(f"{where}: {section}.{key} must be a name; got {value[key]!r:.80}")
    return dict(value)


def _training(section: dict[str, Any], where: str) -> Training:
    """The section, in which either epochs or steps say how long."""
    training = from_table(Training, section, where)
    if training.epochs and training.steps:
        raise InvalidInput(
            f"{where}.epochs = {training.epochs} and {where}.steps = {training.steps} both say how long: write one of "
            "the two"
        )
    if not training.epochs and not training.steps:
        wrong = "must be a whole number from 1 to 1000000" if "epochs" in section else "is missing"
        raise InvalidInput(f"{where}.epochs {wrong}, the passes over the data; or write {where}.steps")
    return training


def _optimizer(section: dict[str, Any], where: str) -> tuple[Optimizer, dict[str, dict[str, Any]]]:
    """What players share, and the checked keys that sub-tables, one for a player, have otherwise."""
    declared = fields_of(Optimizer)
    tables = {player: table for player, table in section.items() if isinstance(table, dict)}
    if taken := [player for player in tables if player in declared]:
        raise InvalidInput(f"{where}.{taken[0]} must be {declared[taken[0]].allowed()}; got a table")
    shared = from_table(Optimizer, {key: value for key, value in section.items() if key not in tables}, where)
    full = {player: check_config(declared, table, f"{where}.{player}") for player, table in tables.items()}
    players = {player: {key: full[player][key] for key in table} for player, table in tables.items()}
    _check_momentum(shared, where)
    for player, changed in players.items():
        _check_momentum(replace(shared, **changed), f"{where}.{player}")
    return shared, players


def _check_momentum(optimizer: Optimizer, where: str) -> None:
    if optimizer.momentum and optimizer.name != "sgd":
        raise InvalidInput(
            f"{where}.momentum is for sgd, and {where}.name is {optimizer.name!r}, whose momentum is beta1: "
            "leave momentum out, or write name = 'sgd'"
        )


def check_players(recipe: Recipe, players: Mapping[str, Any]) -> None:
    """InvalidInput if ``[optimizer.<player>]`` names a player that the objective does not have."""
    for key in recipe.players:
        if key not in players:
            hint, near = did_you_mean(key, players)
            raise InvalidInput(f"optimizer.{key}: the players are {', '.join(players)}{hint}", suggestions=near)
