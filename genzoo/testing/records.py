"""Laws of what a distribution declares: its plugins work, its records are true, and a listing stays light."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from importlib.metadata import distribution as installed
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import torch

from genzoo.api.data import open_data
from genzoo.api.plan import Plan
from genzoo.api.recipes import find_recipe
from genzoo.errors import MissingDependency, NetworkError, NotFound
from genzoo.isolated import python
from genzoo.registry import Plugin, load_target, registry, same_distribution
from genzoo.spec import (
    Alias,
    Architecture,
    Checkpoint,
    DatasetSpec,
    Family,
    Objective,
    RecipeFile,
    Record,
    Targeted,
)
from genzoo.training import Recipe

__all__ = ["DISTRIBUTION_LAWS", "RECORD_LAWS", "DistributionLaw", "RecordLaw", "plugins_of"]

DistributionLaw = Callable[[str], None]
RecordLaw = Callable[[Any, str], None]

HEAVY = {"PIL", "huggingface_hub", "jax", "jaxtyping", "matplotlib", "numpy", "sklearn", "torch", "torchvision"}
PICKLES = {".bin", ".ckpt", ".joblib", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth"}
NOWHERE = Path(__file__) / "none"
"""A data folder that can be neither read nor made: what is drawn needs none, and what is downloaded says so."""


def plugins_of(distribution: str) -> list[Plugin]:
    """The plugins that a distribution brings; core is one of genzoo's."""
    return [plugin for plugin in registry().plugins if same_distribution(plugin.distribution, distribution)]


def plugins_work(distribution: str) -> None:
    """Every plugin of the distribution is loaded, for this plugin API, and shares no name with another distribution."""
    for plugin in plugins_of(distribution):
        assert plugin.status == "ok", f"the plugin {plugin.name} is {plugin.status}: {plugin.reason}"


def listing_stays_light(distribution: str) -> None:
    """A listing imports neither torch nor another heavy package, and none of the modules that records name; what other
    plugins import is left out."""
    code = "import json, sys; from genzoo.registry import registry; registry(); print(json.dumps(list(sys.modules)))"
    alone = {**os.environ, "GENZOO_ONLY_PLUGINS": distribution}
    result = subprocess.run(python(code), env=alone, capture_output=True, text=True, check=False)  # noqa: S603  # our words
    assert result.returncode == 0, f"a listing fails: {result.stderr.strip()[-500:]}"
    imported = set(json.loads(result.stdout.splitlines()[-1]))
    named = {target.partition(":")[0] for target in _targets(distribution)}
    found = sorted(imported & (HEAVY | named))
    assert not found, f"a listing imports {', '.join(found)}: import them where they are used, not at a module's top"


def dependencies_are_public(distribution: str) -> None:
    """Every dependency is a name and a range, which any index can serve: no link, no path."""
    for requirement in installed(distribution).requires or ():
        assert not re.match(r"[\w.-]+\s*(\[[^]]*\])?\s*@", requirement), f"{requirement!r} is a link or a path"


def license_is_stated(distribution: str) -> None:
    """The distribution says under which licence it may be used: ``license = "Apache-2.0"`` in pyproject.toml."""
    stated = set(installed(distribution).metadata)
    assert stated & {"License-Expression", "License"}, "no licence is stated in its metadata"


def holds_no_pickle(distribution: str) -> None:
    """No file of the distribution is of a kind that may hold a pickle, which runs code when it is read."""
    files = [Path(file) for file in installed(distribution).files or ()]
    found = [str(file) for file in files if file.suffix in PICKLES and len(file.parts) > 1]  # x.pth alone is of paths
    assert not found, f"it holds {', '.join(found[:5])}; weights are safetensors"


def targets_are_there(record: Record, distribution: str) -> None:
    """Whatever a record names as ``module:attribute`` can be imported, and can be called."""
    for target in _targets_of(record):
        assert callable(load_target(target, record.name)), f"{target} is nothing that can be called"


def roles_are_asked_for(record: Architecture, distribution: str) -> None:
    """Every role of an architecture is one that a family asks for."""
    known = {role for _, _, family in registry().entries(Family) for role in family.roles}
    lost = sorted(set(record.roles) - known)
    assert not lost, f"no family asks for {', '.join(lost)}; families ask for {', '.join(sorted(known))}"


def family_is_known(record: Objective, distribution: str) -> None:
    """The family of an objective is there."""
    registry().find(Family, record.family, prefer=distribution)


def options_are_taken(record: Objective, distribution: str) -> None:
    """Every key of an objective's config is a parameter of a player's loss, or of its fit."""
    targets = [*record.players.values(), *([record.fit] if record.fit else [])]
    losses = [signature(load_target(target, record.name)).parameters for target in targets]
    if any(parameter.kind is Parameter.VAR_KEYWORD for taken in losses for parameter in taken.values()):
        return
    idle = sorted(key for key in record.config if not any(key in taken for taken in losses))
    assert not idle, f"no loss takes {', '.join(idle)}"


def data_are_as_recorded(record: DatasetSpec, distribution: str) -> None:
    """A split has the recorded shape, values, labels and factors and is the same twice; where it lies nowhere and
    cannot be drawn, its opener says so with NotFound, NetworkError or MissingDependency."""
    shape = record.shape or (1, 16, 16)
    for split in record.splits:
        try:
            first, again = (open_data(record, split, root=NOWHERE, shape=shape) for _ in range(2))
        except (MissingDependency, NetworkError, NotFound):
            return
        x = first.first(8)
        assert tuple(x.shape[1:]) == shape, f"{split} has examples of shape {tuple(x.shape[1:])}, not {shape}"
        assert first.fingerprint() == again.fingerprint(), f"{split} is other data when it is opened again"
        low, high = x.min().item(), x.max().item()
        most = {"real": float("inf"), "index": record.alphabet - 1}.get(record.values, 1)
        assert record.values == "real" or 0 <= low <= high <= most, f"{split} has values in [{low:g}, {high:g}]"
        assert record.values != "binary" or bool(((x == 0) | (x == 1)).all()), f"{split} has values between 0 and 1"
        assert x.dtype == (torch.int64 if record.values == "index" else torch.float32), f"{split} gives {x.dtype}"


def recipe_can_be_trained(record: RecipeFile, distribution: str) -> None:
    """A recipe is called as its file is, and every name and value in it is known and fits."""
    recipe = Recipe.read(record.path)
    assert recipe.name == record.name, f"{record.path.name} says name = {recipe.name!r}"
    Plan.of(recipe, prefer=distribution)


def recipe_is_the_one_that_trained(record: Checkpoint, distribution: str) -> None:
    """The recipe in a checkpoint's record is the shipped one of its name, so that training it anew is that."""
    shipped = find_recipe(f"{distribution}:{record.name}")[0]
    assert Recipe.parse(record.recipe, record.name) == shipped, "the record's recipe is not the shipped one"


def alias_leads_to_a_checkpoint(record: Alias, distribution: str) -> None:
    """What a former name leads to is a checkpoint."""
    names = {name for plugin in plugins_of(distribution) for name in plugin.summary()["offers"].get("checkpoint", [])}
    assert record.to in names, f"there is no checkpoint {record.to!r} in {distribution}"


DISTRIBUTION_LAWS: tuple[DistributionLaw, ...] = (
    plugins_work,
    listing_stays_light,
    dependencies_are_public,
    license_is_stated,
    holds_no_pickle,
)

_CODED = (Architecture, Objective, Targeted)
RECORD_LAWS: tuple[tuple[RecordLaw, tuple[type[Record], ...]], ...] = (
    (targets_are_there, _CODED),
    (roles_are_asked_for, (Architecture,)),
    (family_is_known, (Objective,)),
    (options_are_taken, (Objective,)),
    (data_are_as_recorded, (DatasetSpec,)),
    (recipe_can_be_trained, (RecipeFile,)),
    (recipe_is_the_one_that_trained, (Checkpoint,)),
    (alias_leads_to_a_checkpoint, (Alias,)),
)
"""Each law of a record and its distribution, and the kinds of record that it is for."""


def _targets(distribution: str) -> Iterator[str]:
    for plugin in plugins_of(distribution):
        for record in plugin.records:
            yield from _targets_of(record)


def _targets_of(record: Record) -> Iterator[str]:
    if isinstance(record, Architecture):
        yield from record.roles.values()
    elif isinstance(record, Objective):
        yield from record.players.values()
    elif isinstance(record, Targeted):
        yield record.target
