"""train: from a recipe to a checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import torch

from genzoo import __version__
from genzoo.api.build import Blueprint, pick_device
from genzoo.api.data import open_data
from genzoo.api.evaluate import measure_test
from genzoo.catalog import is_path
from genzoo.datasets import Split
from genzoo.errors import InvalidInput, NotFound
from genzoo.fields import Field, check_config
from genzoo.files import atomic_write, user_path
from genzoo.hub.files import encode_weights
from genzoo.models import Model
from genzoo.pictures import draw, grid, how_many, is_drawable, is_picture, png
from genzoo.protocols import Decoder, Encoder, Generator
from genzoo.registry import load_target, registry
from genzoo.spec import Checkpoint, DatasetSpec, ModelSpec, Objective, RecipeFile
from genzoo.training import Losses, Progress, Recipe, Run, fit
from genzoo.training.recipe import check_players

__all__ = ["Plan", "find_recipe", "train"]


def train(
    recipe: str | Path,
    *,
    data_root: str | Path | None = None,
    output: str | Path | None = None,
    resume: bool = False,
    force: bool = False,
    device: str | torch.device = "auto",
    report: Callable[[Progress], None] = lambda progress: None,
) -> Model:
    """Train a recipe and save the checkpoint; returns the trained model in eval mode.

    The run folder holds the log (``log.jsonl``), a picture for each epoch (``samples/``), the state to resume from and
    in the end the checkpoint, which ``load(folder)`` loads.

    Args:
        recipe: a TOML file, or the name of a checkpoint or recipe, to train it anew.
        data_root: where the data set lies or is downloaded to; the images themselves for ``folder``.
        output: the run folder; ``runs/<name>`` without one.
        resume: go on with the run in `output` from its last state, or start it if there is none.
        force: replace the run in `output`.
        device: as in `load`.
        report: called about twice a second with the Progress.

    Raises:
        NotFound, InvalidInput: a recipe that cannot be used, before anything is allocated or written.
        OutputExists: there is a run in `output` already.
        TrainingDiverged: a loss became NaN.
        KeyboardInterrupt: stopped after a whole step; the state is saved.
    """
    found, owner = find_recipe(recipe)
    plan = Plan.of(found, prefer=owner)
    chosen = pick_device(device)
    run = Run(user_path(output) if output else Path("runs") / found.name)
    run.check(found, resume=resume, force=force)
    data = open_data(plan.dataset, plan.split, root=data_root, shape=plan.blueprint.spec.input_shape)
    run.begin(found, resume=resume)
    with torch.random.fork_rng(devices=[chosen] if chosen.type == "cuda" else []):
        torch.manual_seed(found.training["seed"])
        model = plan.blueprint.build("cpu").to(chosen)
        model.name = found.name
        model = fit(model, plan.losses, data, found, run, report=report, on_epoch=partial(_save_preview, run, data))
    model.checkpoint = _save_checkpoint(model, plan, run)
    metrics = measure_test(model, found, plan.dataset, data_root)
    model.checkpoint = replace(model.checkpoint, metrics=metrics)
    run.save_record(model.checkpoint)
    return model


def find_recipe(recipe: str | Path) -> tuple[Recipe, str]:
    """A recipe, and the distribution it came from ("" for a file).

    `recipe` is a TOML file, a recipe's name, or a checkpoint (a name or a folder), which records what trained it.
    """
    if is_path(recipe) or str(recipe).endswith(".toml"):
        path = user_path(recipe)
        if not path.is_dir():
            return Recipe.read(path), ""
        checkpoint = Checkpoint.read(path)
        return Recipe.parse(checkpoint.recipe, str(path)), checkpoint.distribution
    try:
        plugin, file = registry().find_entry(RecipeFile, str(recipe))
    except NotFound as error:
        try:
            owner, checkpoint = registry().find_entry(Checkpoint, str(recipe))
        except NotFound:
            raise error from None
        return Recipe.parse(checkpoint.recipe, str(recipe)), owner.distribution
    return Recipe.read(file.path), plugin.distribution


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe with every name in it looked up and every value checked."""

    recipe: Recipe
    blueprint: Blueprint
    losses: Losses
    dataset: DatasetSpec
    split: str

    @classmethod
    def of(cls, recipe: Recipe, *, prefer: str = "") -> Plan:
        """The plan of a recipe; names that clash are looked up in the distribution `prefer` first."""
        where = recipe.name
        objective = registry().find(Objective, recipe.objective["name"], prefer=prefer)
        dataset = registry().find(DatasetSpec, recipe.data["name"], prefer=prefer)
        if objective.family != recipe.model["family"]:
            raise InvalidInput(
                f"{where}: objective.name = {objective.name!r} is an objective of {objective.family}, "
                f"not of {recipe.model['family']}"
            )
        check_players(recipe, objective.players)
        given = {key: value for key, value in recipe.model.items() if key not in ("family", "architecture")}
        if dataset.shape is not None:
            given.setdefault("input_shape", dataset.shape)
        given.setdefault("values", "real" if dataset.values == "real" else "unit")
        data = {key: value for key, value in recipe.data.items() if key != "name"}
        split = check_config(_data_fields(dataset), data, f"{where}: data")["split"]
        spec = ModelSpec(family=recipe.model["family"], architecture=recipe.model["architecture"], config=given)
        blueprint = Blueprint.of(spec, f"{where}: model", prefer=prefer)
        blueprint.skeleton().check_values(dataset.values)
        return cls(
            recipe=recipe,
            blueprint=blueprint,
            losses=_losses(objective, recipe.objective, f"{where}: objective"),
            dataset=dataset,
            split=split,
        )


def _data_fields(dataset: DatasetSpec) -> dict[str, Field]:
    return {"split": Field(kind="str", doc="split to train on", default="train", choices=dataset.splits)}


def _losses(objective: Objective, given: Mapping[str, Any], where: str) -> Losses:
    options = check_config(objective.config, {key: value for key, value in given.items() if key != "name"}, where)
    return {player: _bind(load_target(target, objective.name), options) for player, target in objective.players.items()}


def _bind(loss: Callable[..., Any], options: Mapping[str, Any]) -> Callable[..., Any]:
    """`loss` with those of the objective's options that it takes: a gradient penalty is the critic's alone."""
    taken = signature(loss).parameters
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in taken.values()):
        return partial(loss, **options)
    return partial(loss, **{key: value for key, value in options.items() if key in taken})


def _save_preview(run: Run, data: Split, model: Model, epoch: int) -> None:
    """What a person wants to see after an epoch: samples, or pictures above their reconstructions."""
    shape = model.input_shape
    if not is_drawable(shape):
        return
    if isinstance(model, Generator):
        picture = draw(model.sample(how_many(shape), seed=0))
    elif isinstance(model, Encoder) and isinstance(model, Decoder):
        x = data.first(16 if is_picture(shape) else how_many(shape)).to(model.device)
        y = model.decode(model.encode(x))
        picture = grid(torch.cat([x, y]), columns=len(x)) if is_picture(shape) else draw(y)
    else:
        return
    atomic_write(run.picture_path(epoch), png(picture))


def _save_checkpoint(model: Model, plan: Plan, run: Run) -> Checkpoint:
    """Save a trained model, before anything that can fail is measured."""
    weights = encode_weights(model.state_dict())
    checkpoint = Checkpoint(
        name=plan.recipe.name,
        family=plan.blueprint.spec.family,
        architecture=plan.blueprint.spec.architecture,
        config=plan.blueprint.spec.config,
        dataset=plan.recipe.data["name"],
        license=plan.recipe.license,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        sha256=hashlib.sha256(weights).hexdigest(),
        size_bytes=len(weights),
        recipe=plan.recipe.to_dict(),
        trained={
            "genzoo": __version__,
            "torch": torch.__version__,
            "device": model.device.type,
            "seconds": run.seconds(),
        },
        distribution=plan.blueprint.distribution,
        folder=run.folder,
    )
    run.save_checkpoint(weights, checkpoint)
    return checkpoint
