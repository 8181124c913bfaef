"""A recipe with every name in it looked up and every value checked, before anything is allocated or written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from inspect import Parameter, signature
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from genzoo.api.build import Blueprint, open_parts
from genzoo.api.data import find_dataset
from genzoo.api.features import find_features
from genzoo.catalog import find_checkpoint, is_path
from genzoo.datasets import Split
from genzoo.errors import InvalidInput, NotFound, did_you_mean
from genzoo.fields import Field, check_config
from genzoo.hub.reference import is_reference
from genzoo.models import Model
from genzoo.models.sampling import sampler_of
from genzoo.registry import load_target, registry
from genzoo.spec import Column, DatasetSpec, Family, ModelSpec, Objective
from genzoo.training import Losses, Recipe
from genzoo.training.loop import normalises
from genzoo.training.once import Estimate, check_fitted_at_once
from genzoo.training.recipe import check_players

__all__ = ["Plan", "losses_of", "model_for"]

APART = ("family", "architecture", "given", "predicts", "parts", "sampler")
"""The keys of a recipe's ``[model]`` that are no config of the networks."""
NO_FOLDERS: Mapping[str, Path] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe with every name in it looked up and every value checked."""

    recipe: Recipe
    blueprint: Blueprint
    losses: Losses
    estimate: Estimate | None
    columns: tuple[str, ...]
    dataset: DatasetSpec
    split: str
    start: str | Path = ""
    """The checkpoint whose weights are the first; "" for weights that are drawn, or a run that has begun."""
    begun: bool = False

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        *,
        prefer: str = "",
        root: str | Path | None = None,
        dataset: DatasetSpec | None = None,
        start: str | Path = "",
        begun: bool = False,
        parts: Mapping[str, Path] = NO_FOLDERS,
    ) -> Plan:
        """The plan of a recipe.

        Args:
            recipe: what is planned.
            prefer: the distribution whose names come first, where some clash.
            root: where the data lies.
            dataset: the record of data that is given, which the recipe's is looked up without.
            start: where the checkpoint is that ``training.start`` names; without it, it is looked up by its name.
            begun: the run has a state, so that its first weights need not be there any more.
            parts: by role, the folders of those of its parts that no plugin and no hub offers.
        """
        where = recipe.name
        objective = registry().find(Objective, recipe.objective["name"], prefer=prefer)
        dataset = dataset or find_dataset(recipe.data["name"], root, prefer=prefer)
        if objective.family != recipe.model["family"]:
            raise InvalidInput(
                f"{where}: objective.name = {objective.name!r} is an objective of {objective.family}, "
                f"not of {recipe.model['family']}"
            )
        check_players(recipe, objective.players)
        data = {key: value for key, value in recipe.data.items() if key != "name"}
        split = check_config(_data_fields(dataset), data, f"{where}: data")["split"]
        names = recipe.model.get("parts", {})
        pins, models = open_parts(names, f"{where}: model.parts", torch.device("cpu"), folders=parts)
        spec = replace(model_for(recipe, dataset, prefer), parts=pins)
        if objective.fit:
            told = {name: replace(column, optional=True) for name, column in spec.given.items()}
            spec = replace(spec, given=told)
        blueprint = Blueprint.of(spec, f"{where}: model", prefer=prefer, parts=models)
        skeleton = blueprint.skeleton()
        skeleton.check_values(dataset.values)
        if spec.sampler:
            sampler_of(skeleton, spec.sampler)
        _check_networks(skeleton, objective, where)
        _check_augmentation(recipe, skeleton)
        if objective.per_example and recipe.training.compile:
            raise InvalidInput(
                f"{where}: {objective.name} takes the gradient of a gradient, which torch.compile cannot; set "
                "training.compile = false"
            )
        if recipe.training.start:
            start = "" if begun else _find_start(recipe.training.start, start, blueprint, f"{where}: training.start")
        if features := recipe.evaluation.features:
            find_features(features, skeleton.input_shape, f"{where}: evaluation.features", prefer=prefer)
        return cls(
            recipe=recipe,
            blueprint=blueprint,
            losses=losses_of(objective, recipe.objective, f"{where}: objective"),
            estimate=_estimate_of(objective, recipe),
            columns=tuple(dict.fromkeys((*skeleton.predicts, *objective.columns))),
            dataset=dataset,
            split=split,
            start=start,
            begun=begun,
        )

    def check_columns(self, data: Split) -> None:
        """InvalidInput if the data lacks a column that the model learns from, or has more classes than the model."""
        if missing := [name for name in (*self.columns, *self.blueprint.spec.given) if name not in data.columns]:
            known = ", ".join(data.columns) or "none"
            raise InvalidInput(
                f"{self.recipe.name}: {self.recipe.data['name']} has no {missing[0]} to learn from (its columns: "
                f"{known}); take other data, as mnist is"
            )
        if data.labels is None or self.blueprint.spec.predicts:
            return
        found = int(data.labels.max()) + 1
        if found > (classes := self.blueprint.spec.config.get("classes", found)):
            raise InvalidInput(
                f"{self.recipe.name}: model.classes is {classes}, and the data has {found}: write {found}, "
                "or leave it out"
            )


def model_for(recipe: Recipe, dataset: DatasetSpec, prefer: str) -> ModelSpec:
    """The recipe's model, with what the data set decides where the recipe leaves it open."""
    family, architecture = recipe.model["family"], recipe.model["architecture"]
    config = {key: value for key, value in recipe.model.items() if key not in APART}
    if dataset.shape is not None:
        config.setdefault("input_shape", dataset.shape)
    config.setdefault("values", {"binary": "unit"}.get(dataset.values, dataset.values))
    if dataset.alphabet and "alphabet" in registry().find(Family, family, prefer=prefer).config:
        config.setdefault("alphabet", dataset.alphabet)
    predicts = _columns(recipe, dataset, "predicts")
    sampler = recipe.model.get("sampler", "")
    if not isinstance(sampler, str):
        raise InvalidInput(f"{recipe.name}: model.sampler must be a sampler's name and options; got {sampler!r:.80}")
    if dataset.classes and not predicts and "classes" in registry().find(Family, family, prefer=prefer).config:
        config.setdefault("classes", dataset.classes)
    return ModelSpec(
        family=family,
        architecture=architecture,
        config=config,
        given=_given(recipe, dataset),
        predicts=predicts,
        sampler=sampler,
    )


def _estimate_of(objective: Objective, recipe: Recipe) -> Estimate | None:
    """What fits the model at once, with the options of the recipe; None of an objective that has players."""
    if not objective.fit:
        return None
    check_fitted_at_once(recipe)
    return partial(
        load_target(objective.fit, objective.name), **_options(objective, recipe.objective, f"{recipe.name}: objective")
    )


def _given(recipe: Recipe, dataset: DatasetSpec) -> dict[str, Column]:
    """The columns that the model is told; optional ones if training drops them."""
    drop, columns = recipe.training.drop_given, _columns(recipe, dataset, "given")
    if drop and not columns:
        raise InvalidInput(
            f"{recipe.name}: training.drop_given drops what a model is told, and model.given names nothing"
        )
    return {name: replace(column, optional=drop > 0) for name, column in columns.items()}


def _columns(recipe: Recipe, dataset: DatasetSpec, key: str) -> dict[str, Column]:
    """The columns of the data that a key of ``[model]`` names."""
    names, where = recipe.model.get(key, ()), f"{recipe.name}: model.{key}"
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InvalidInput(f"{where} must be a list of columns, e.g. ['label']; got {names!r:.80}")
    for name in names:
        if name not in dataset.columns:
            hint, near = did_you_mean(name, dataset.columns)
            known = ", ".join(dataset.columns) or "none"
            told = f"; what makes columns of yours: genzoo show {dataset.name}" if dataset.shape is None else ""
            raise InvalidInput(
                f"{where}: {dataset.name} has no column {name!r:.40}{hint} (its columns: {known}){told}",
                suggestions=near,
            )
    return {name: dataset.columns[name] for name in names}


def _check_networks(model: Model, objective: Objective, where: str) -> None:
    """InvalidInput if the objective wants examples apart, and a critic normalises over the batch."""
    critics = [module for name, module in model.players.items() if name != "generator"]
    if objective.per_example and any(map(normalises, critics)):
        raise InvalidInput(
            f"{where}: {objective.name} takes the gradient of each example alone, and the discriminator normalises "
            "over the batch; choose another normalisation (of dcgan: --set model.critic_norm=layer)"
        )


def _check_augmentation(recipe: Recipe, model: Model) -> None:
    """InvalidInput if pictures are to be changed at random that are none, or that the change does not fit."""
    wanted = {
        "training.flip": recipe.training.flip,
        "training.shift": recipe.training.shift,
        "objective.augment": recipe.objective.get("augment"),
    }
    for key, value in wanted.items():
        if value and (len(model.input_shape) != 3 or model.values == "index"):
            raise InvalidInput(
                f"{recipe.name}: {key} changes pictures, and these are examples of shape {model.input_shape}: leave it "
                "out"
            )
    if not wanted["objective.augment"]:
        return
    if model.values != "unit":
        raise InvalidInput(
            f"{recipe.name}: objective.augment is for values in [0, 1], and these are real: leave it out"
        )
    if told := [name for name, column in model.spec.given.items() if column.is_picture]:
        raise InvalidInput(
            f"{recipe.name}: objective.augment would change pictures but not the {told[0]} that belongs to them: take "
            "training.flip and training.shift"
        )


def _find_start(told: str, start: str | Path, blueprint: Blueprint, where: str) -> str | Path:
    """What to load the first weights from: `start`, or what ``training.start``, NAME or NAME@SHA256, names.

    Raises:
        InvalidInput: that is a path, or the checkpoint has other networks than `blueprint` or another sha256.
        NotFound: there is no such checkpoint.
    """
    name, _, sha256 = told.partition("@")
    if is_path(name) or is_reference(told):
        raise InvalidInput(
            f"{where} must be the name of a checkpoint, not a path; got {told!r:.80}; for a run folder: --start FOLDER"
        )
    try:
        found = find_checkpoint(start or name)
    except NotFound as error:
        hint = "; for a checkpoint of your own: --start FOLDER" if sha256 else ""
        raise NotFound(f"{where}: {error.message}{hint}", suggestions=error.suggestions) from None
    if sha256 not in ("", found.record.sha256):
        raise InvalidInput(
            f"{where}: {start or name} has other weights than the run began with, whose sha256 is {sha256:.80}: give "
            "those with --start FOLDER"
        )
    there = Blueprint.of(found.record.spec, where, prefer=found.owner).spec
    if replace(there, sampler="") != replace(blueprint.spec, sampler=""):
        differing = [key for key, value in blueprint.spec.config.items() if there.config.get(key) != value]
        differing += [
            key for key in ("given", "predicts", "parts") if getattr(there, key) != getattr(blueprint.spec, key)
        ]
        raise InvalidInput(f"{where}: {name} has other networks ({', '.join(differing) or 'another architecture'})")
    return start or name


def _data_fields(dataset: DatasetSpec) -> dict[str, Field]:
    return {"split": Field(kind="str", doc="split to train on", default="train", choices=dataset.splits)}


def losses_of(objective: Objective, given: Mapping[str, Any], where: str) -> Losses:
    """The losses of an objective's players with the options `given`, which are checked, and the defaults of others."""
    options = _options(objective, given, where)
    return {player: _bind(load_target(target, objective.name), options) for player, target in objective.players.items()}


def _options(objective: Objective, given: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    return check_config(objective.config, {key: value for key, value in given.items() if key != "name"}, where)


def _bind(loss: Callable[..., Any], options: Mapping[str, Any]) -> Callable[..., Any]:
    """`loss` with those of the objective's options that it takes: a gradient penalty is the critic's alone."""
    taken = signature(loss).parameters
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in taken.values()):
        return partial(loss, **options)
    return partial(loss, **{key: value for key, value in options.items() if key in taken})
