"""A recipe: what trains a checkpoint, and trains it again. TOML, checked key by key before anything is allocated."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from genzoo.errors import InvalidInput, MalformedWeights, did_you_mean
from genzoo.fields import Field, check_config
from genzoo.files import check_depth, read_regular
from genzoo.spec import check_name

__all__ = ["EVALUATION", "OPTIMIZER", "TRAINING", "Recipe", "check_players", "parse_override"]

MAX_RECIPE_BYTES = 1 << 16
MAX_DOTS = 64  # in a line

OPTIMIZER = {
    "learning_rate": Field(kind="float", doc="step size of Adam", default=1e-3, minimum=1e-8, maximum=1.0),
    "beta1": Field(kind="float", doc="decay of Adam's first moment", default=0.9, minimum=0.0, maximum=0.9999),
    "every": Field(kind="int", doc="the player moves at every so many steps", default=1, minimum=1, maximum=1000),
    "beta2": Field(kind="float", doc="decay of Adam's second moment", default=0.999, minimum=0.0, maximum=0.999999),
}

TRAINING = {
    "epochs": Field(kind="int", doc="passes over the data", minimum=1, maximum=1_000_000),
    "batch_size": Field(
        kind="int", doc="examples in a step, of all processes together", default=128, minimum=1, maximum=65536
    ),
    "accumulate": Field(
        kind="int", doc="micro-batches a step is cut into, to save memory", default=1, minimum=1, maximum=65536
    ),
    "start": Field(kind="str", doc="checkpoint of the same networks whose weights are the first", default=""),
    "seed": Field(kind="int", doc="seed of initial weights, order and noise", default=0, minimum=0, maximum=2**62),
    "schedule": Field(
        kind="str",
        doc="learning rate over the run: constant, or cosine down to 0",
        default="constant",
        choices=("constant", "cosine"),
    ),
    "warmup_steps": Field(
        kind="int", doc="steps of linear rise to the learning rate", default=0, minimum=0, maximum=1_000_000
    ),
    "ema": Field(
        kind="float",
        doc="decay of the exponential moving average of the weights that is saved; 0 for none",
        default=0.0,
        minimum=0.0,
        maximum=0.99999,
    ),
    "drop_given": Field(
        kind="float",
        doc="share of examples that are not told a column, so that it may be left out when the "
        "model is used; 0: always told",
        default=0.0,
        minimum=0.0,
        maximum=0.9,
    ),
    "precision": Field(kind="str", doc="precision of the forward pass", default="float32", choices=("float32", "bf16")),
    "compile": Field(kind="bool", doc="torch.compile the losses (needs a C++ compiler)", default=False),
    "workers": Field(
        kind="int",
        doc="processes that read picture files ahead; 0: none, -1: as many as are useful here",
        default=-1,
        minimum=-1,
        maximum=256,
    ),
}

EVALUATION = {
    "importance_draws": Field(
        kind="int",
        doc="draws of the importance weighted bound that is reported as −log p(x); 0 for none",
        default=0,
        minimum=0,
        maximum=1_000_000,
    ),
    "features": Field(
        kind="str",
        doc="checkpoint in whose features samples and pictures are compared; else the network that the data set names",
        default="",
    ),
}

_TOP = {
    "name": Field(kind="str", doc="name of the checkpoint"),
    "license": Field(kind="str", doc="SPDX licence of the weights", default="unstated"),
}
_SECTIONS = ("model", "objective", "data", "optimizer", "training", "evaluation")
_REQUIRED = {"model": ("family", "architecture"), "objective": ("name",), "data": ("name",)}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Its sections as checked as they can be without the registry: `optimizer`, `training` and `evaluation` fully, of
    the others that what names a record is a name."""

    name: str
    license: str
    model: Mapping[str, Any]
    objective: Mapping[str, Any]
    data: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    training: Mapping[str, Any]
    evaluation: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The recipe in a TOML file.

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
        return cls.parse(table, str(path))

    @classmethod
    def parse(cls, table: Mapping[str, Any], where: str) -> Self:
        """The recipe in a table, as TOML or a record holds it; `where` is for messages."""
        if not isinstance(table, Mapping):
            raise InvalidInput(f"{where} must be a table; got {table!r:.80}")
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
        sections["optimizer"] = _optimizer(sections["optimizer"], f"{where}: optimizer")
        sections["training"] = check_config(TRAINING, sections["training"], f"{where}: training")
        sections["evaluation"] = check_config(EVALUATION, sections["evaluation"], f"{where}: evaluation")
        return cls(**top, **sections)

    def to_dict(self) -> dict[str, Any]:
        """What `parse` takes; JSON-ready."""
        return asdict(self)

    def changed(self, overrides: Mapping[str, Any]) -> Self:
        """The recipe with other values: ``{"training.epochs": 5}``; InvalidInput if it is none then."""
        table = self.to_dict()
        for path, value in overrides.items():
            *sections, key = path.split(".")
            inner = table
            for section in sections:
                inner = inner.setdefault(section, {})
                if not isinstance(inner, dict):
                    raise InvalidInput(f"{self.name}: {path} cannot be set: {section} is no section")
            inner[key] = value
        return self.parse(table, self.name)

    def optimizer_of(self, player: str) -> dict[str, Any]:
        """The optimizer's config for one player: the section's own keys under those of ``[optimizer.<player>]``."""
        shared = {key: value for key, value in self.optimizer.items() if key in OPTIMIZER}
        return {**shared, **self.optimizer.get(player, {})}


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


def _optimizer(section: dict[str, Any], where: str) -> dict[str, Any]:
    """The shared keys checked and filled in; sub-tables, one for a player, checked for what they override."""
    shared = {key: value for key, value in section.items() if not isinstance(value, dict)}
    checked = check_config(OPTIMIZER, shared, where)
    for player, table in section.items():
        if isinstance(table, dict):
            if player in OPTIMIZER:
                raise InvalidInput(f"{where}.{player} must be {OPTIMIZER[player].allowed()}; got a table")
            full = check_config(OPTIMIZER, table, f"{where}.{player}")
            checked[player] = {key: full[key] for key in table}
    return checked


def check_players(recipe: Recipe, players: Mapping[str, Any]) -> None:
    """InvalidInput if ``[optimizer.<player>]`` names a player that the objective does not have."""
    for key in recipe.optimizer:
        if key not in OPTIMIZER and key not in players:
            hint, near = did_you_mean(key, players)
            raise InvalidInput(f"optimizer.{key}: the players are {', '.join(players)}{hint}", suggestions=near)
