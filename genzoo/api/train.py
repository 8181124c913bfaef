"""train: from a recipe to a checkpoint."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import torch

from genzoo import __version__
from genzoo.api.build import Blueprint, pick_device
from genzoo.api.data import open_data
from genzoo.api.evaluate import measure_test
from genzoo.datasets import Split
from genzoo.errors import InvalidInput
from genzoo.hub.files import atomic_write, encode_weights
from genzoo.models import Model
from genzoo.pictures import grid, png
from genzoo.registry import load_target, registry
from genzoo.spec import (
    RECORD_FILE,
    WEIGHTS_FILE,
    Checkpoint,
    DatasetSpec,
    Field,
    ModelSpec,
    Objective,
    RecipeFile,
    check_config,
)
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
    plan = Plan.of(find_recipe(recipe))
    chosen = pick_device(device)
    folder = Path(output).expanduser() if output else Path("runs") / plan.recipe.name
    data = open_data(plan.dataset.name, plan.split, root=data_root, shape=plan.blueprint.spec.input_shape)
    run = Run.begin(folder, plan.recipe, resume=resume, force=force)
    started = time.monotonic()
    with torch.random.fork_rng():
        torch.manual_seed(plan.recipe.training["seed"])
        model = plan.blueprint.build("cpu").to(chosen)
        model.name = plan.recipe.name
        preview = partial(_save_preview, run, data)
        model = fit(model, plan.losses, data, plan.recipe, run, report=report, on_epoch=preview)
    metrics = measure_test(model, plan.dataset, data_root)
    model.checkpoint = _save_checkpoint(model, plan, run, metrics, seconds=time.monotonic() - started)
    return model


def find_recipe(recipe: str | Path) -> Recipe:
    """The recipe in a TOML file, the one of that name, or the one that trained a checkpoint (a name or a folder)."""
    if isinstance(recipe, Path) or recipe.endswith(".toml") or "/" in recipe:
        path = Path(recipe).expanduser()
        return Recipe.parse(Checkpoint.read(path).recipe, str(path)) if path.is_dir() else Recipe.read(path)
    known = registry()
    if recipe in known.names(Checkpoint) and recipe not in known.names(RecipeFile):
        return Recipe.parse(known.find(Checkpoint, recipe).recipe, recipe)
    return Recipe.read(known.find(RecipeFile, recipe).path)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe with every name in it looked up and every value checked."""

    recipe: Recipe
    blueprint: Blueprint
    losses: Losses
    dataset: DatasetSpec
    split: str

    @classmethod
    def of(cls, recipe: Recipe) -> Plan:
        where = recipe.name
        objective = registry().find(Objective, recipe.objective["name"])
        dataset = registry().find(DatasetSpec, recipe.data["name"])
        if objective.family != recipe.model["family"]:
            raise InvalidInput(
                f"{where}: objective.name = {objective.name!r} is an objective of {objective.family}, "
                f"not of {recipe.model['family']}"
            )
        check_players(recipe, objective.players)
        given = {key: value for key, value in recipe.model.items() if key not in ("family", "architecture")}
        if dataset.shape is not None:
            given.setdefault("input_shape", dataset.shape)
        data = {key: value for key, value in recipe.data.items() if key != "name"}
        split = check_config(_data_fields(dataset), data, f"{where}: data")["split"]
        spec = ModelSpec(family=recipe.model["family"], architecture=recipe.model["architecture"], config=given)
        blueprint = Blueprint.of(spec, f"{where}: model")
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
    return partial(loss, **{key: value for key, value in options.items() if key in taken})


def _save_preview(run: Run, data: Split, model: Model, epoch: int) -> None:
    """What a person wants to see after an epoch: samples, or pictures above their reconstructions."""
    if hasattr(type(model), "sample"):
        picture = grid(model.sample(64, seed=0))
    else:
        x = data.first(16).to(model.device)
        picture = grid(torch.cat([x, model.reconstruct(x)]), columns=16)
    atomic_write(run.picture_path(epoch), png(picture))


def _save_checkpoint(model: Model, plan: Plan, run: Run, metrics: Mapping[str, Any], seconds: float) -> Checkpoint:
    weights = encode_weights(model.state_dict())
    checkpoint = Checkpoint(
        name=plan.recipe.name,
        family=plan.blueprint.spec.family,
        architecture=plan.blueprint.spec.architecture,
        config=plan.blueprint.spec.config,
        dataset=plan.dataset.name,
        license=plan.recipe.license,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        sha256=hashlib.sha256(weights).hexdigest(),
        size_bytes=len(weights),
        recipe=plan.recipe.to_dict(),
        metrics=metrics,
        trained={
            "genzoo": __version__,
            "torch": torch.__version__,
            "device": model.device.type,
            "seconds": round(seconds),
        },
        folder=run.folder,
    )
    atomic_write(run.folder / WEIGHTS_FILE, weights)
    atomic_write(run.folder / RECORD_FILE, checkpoint.to_json().encode())
    return checkpoint
