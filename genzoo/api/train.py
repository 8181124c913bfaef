"""train: from a recipe to a checkpoint; like: from a recipe to one for other data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from inspect import Parameter, signature
from pathlib import Path
from typing import Any
from unicodedata import normalize

import torch

from genzoo import __version__
from genzoo.api.build import Blueprint, load, pick_device
from genzoo.api.data import one_root, open_data, split_root
from genzoo.api.evaluate import measure_test
from genzoo.catalog import find_checkpoint, is_path, owner_of
from genzoo.datasets import Split
from genzoo.errors import InvalidInput, NotFound
from genzoo.fields import Field, check_config
from genzoo.files import user_path
from genzoo.hub.files import encode_weights
from genzoo.hub.reference import is_reference
from genzoo.models import Model
from genzoo.pictures import draw, grid, how_many, is_drawable, is_picture, png
from genzoo.protocols import Decoder, Encoder, Generator
from genzoo.registry import load_target, registry
from genzoo.spec import Checkpoint, DatasetSpec, Family, ModelSpec, Objective, RecipeFile
from genzoo.training import Losses, Progress, Recipe, Run, fit
from genzoo.training.loop import check_batches, normalises
from genzoo.training.processes import Processes
from genzoo.training.recipe import check_players
from genzoo.training.track import check_tracker, tracked

__all__ = ["Plan", "find_recipe", "like", "losses_of", "train"]

MAX_NAME = 64


def train(
    recipe: str | Path,
    *,
    data: str = "",
    overrides: Mapping[str, Any] | None = None,
    data_root: str | Path | None = None,
    output: str | Path | None = None,
    resume: bool = False,
    force: bool = False,
    device: str | torch.device = "auto",
    track: str = "",
    note: Callable[[str], None] = lambda line: None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Model:
    """Train a recipe and save the checkpoint; returns the trained model in eval mode.

    The run folder holds the log (``log.jsonl``), a picture for each epoch (``samples/``), the state to resume from and
    in the end the loss curves (``curves.png``) and the checkpoint, which ``load(folder)`` loads.

    In processes started by torchrun or ``accelerate launch`` all train together. The main one writes, measures and
    calls `note` and `report`; in the others the model has no record.

    Args:
        recipe: a TOML file, or the name of a checkpoint or recipe, to train it anew.
        data: another data set to use the recipe on, ``DATASET`` or ``DATASET:PATH``; see `like`.
        overrides: other values for keys of the recipe, ``{"training.epochs": 5}``.
        data_root: where the data set lies or is downloaded to; the images themselves for ``folder``.
        output: the run folder; ``runs/<name>`` without one.
        resume: go on with the run in `output` from its last state, or start it if there is none.
        force: replace the run in `output`.
        device: as in `load`; several processes on ``cuda`` have a GPU each.
        track: ``tensorboard`` logs the terms for it in the run folder too.
        note: called with a line that says what is trained on what, before the first step.
        report: called about twice a second with the Progress.

    Raises:
        NotFound, InvalidInput: a recipe that cannot be used, before anything is allocated or written.
        OutputExists: there is a run in `output` already.
        MissingDependency: `track` is not installed, or the recipe wants torch.compile and there is no compiler.
        TrainingDiverged: a loss became NaN.
        KeyboardInterrupt: stopped after a whole step; the state is saved.
    """
    check_tracker(track)
    chosen = pick_device(device)
    processes = Processes.join(chosen)
    with processes.main_first():
        found, owner, root = _wanted(recipe, data, overrides or {}, data_root)
        plan = Plan.of(found, prefer=owner)
        run = Run(user_path(output) if output else Path("runs") / found.name)
        if processes.main:
            run.check(found, resume=resume, force=force)
        split = open_data(plan.dataset, plan.split, root=root, shape=plan.blueprint.spec.input_shape)
        _check_labels(plan.blueprint.spec, split, found.name)
        check_batches(plan.blueprint.skeleton(), plan.losses, split, found, processes.count)
        if processes.main:
            run.begin(found, resume=resume)
            run.check_data(split.fingerprint())
            note(_announcement(found, split, processes))
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[processes.device] if chosen.type == "cuda" else []))
        log = stack.enter_context(tracked(track if processes.main else "", run.folder, cpu=chosen.type == "cpu"))
        torch.manual_seed(found.training["seed"])
        model = plan.blueprint.build("cpu")
        if start := found.training["start"]:
            model.load_state_dict(load(start, device="cpu").state_dict())
        model = model.to(processes.device)
        model.name = found.name
        model = fit(
            model,
            plan.losses,
            split,
            found,
            run,
            processes=processes,
            report=_both(report, log),
            on_epoch=partial(_save_preview, run, split),
        )
    if processes.main:
        model.checkpoint = _finish(model, plan, run, processes, root)
    return model


def _both(first: Callable[[Progress], None], second: Callable[[Progress], None]) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        first(progress)
        second(progress)

    return report


def _wanted(
    recipe: str | Path, data: str, overrides: Mapping[str, Any], data_root: str | Path | None
) -> tuple[Recipe, str, str | Path | None]:
    """The recipe asked for, the distribution it came from, and where its data lies."""
    found, owner = find_recipe(recipe)
    path: Path | None = None
    if data:
        found, path = like(found, data, prefer=owner)
    return found.changed(overrides), owner, one_root(path, data_root)


def _announcement(recipe: Recipe, data: Split, processes: Processes) -> str:
    steps = len(data) // recipe.training["batch_size"] * recipe.training["epochs"]
    together = f", {processes.count} processes" if processes.count > 1 else ""
    return f"{recipe.name}: {len(data):,} examples, {steps:,} steps on {processes.device.type}{together}"


def _finish(model: Model, plan: Plan, run: Run, processes: Processes, root: str | Path | None) -> Checkpoint:
    """Save a trained model, then what is drawn and measured of it: that may fail, and the model is there."""
    checkpoint = _save_checkpoint(model, plan, run, processes)
    run.save_curves()
    metrics = measure_test(model, plan.recipe, plan.dataset, root, prefer=plan.blueprint.distribution)
    checkpoint = replace(checkpoint, metrics=metrics)
    run.save_record(checkpoint)
    return checkpoint


def like(recipe: Recipe, data: str, *, prefer: str = "") -> tuple[Recipe, Path | None]:
    """A recipe for other data, and where that lies, which is in no recipe.

    Everything but data, name and license stays; ``input_shape`` too where the data set has pictures of any size.

    Args:
        recipe: the one to take over.
        data: ``DATASET`` or ``DATASET:PATH``, e.g. ``fashion-mnist`` or ``folder:./faces``.
        prefer: the distribution whose names come first.

    Returns:
        The recipe, called ``<family>-<architecture>-<data>`` (``vae-conv-faces``), and PATH.

    Raises:
        NotFound: no such data set.
    """
    name, path = split_root(data)
    dataset = registry().find(DatasetSpec, name, prefer=prefer)
    model = {key: value for key, value in recipe.model.items() if key != "input_shape"}
    if dataset.shape is None:
        before = recipe.model.get("input_shape")
        model["input_shape"] = before or registry().find(DatasetSpec, recipe.data["name"], prefer=prefer).shape
    pictures = path.resolve().name if path and dataset.shape is None else ""
    words = (model["family"], model["architecture"].rpartition(":")[2], _slug(pictures) or dataset.name)
    table = {**recipe.to_dict(), "name": "-".join(words)[:MAX_NAME], "license": "unstated"}
    return Recipe.parse({**table, "model": model, "data": {"name": name}}, recipe.name), path


def _slug(text: str) -> str:
    """What a name may have of a text: ``Gäste 2`` is ``gaste-2``."""
    plain = normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def find_recipe(recipe: str | Path) -> tuple[Recipe, str]:
    """A recipe, and the distribution it came from ("" for a file).

    `recipe` is a TOML file, a recipe's name, or a checkpoint (a name or a folder), which records what trained it.
    """
    if is_reference(recipe):
        return _recipe_of(recipe)
    if is_path(recipe) or str(recipe).endswith(".toml"):
        path = user_path(recipe)
        if not path.is_dir():
            return Recipe.read(path), ""
        return _recipe_of(path)
    try:
        plugin, file = registry().find_entry(RecipeFile, str(recipe))
    except NotFound as error:
        try:
            return _recipe_of(str(recipe))
        except NotFound:
            raise error from None
    return Recipe.read(file.path), plugin.distribution


def _recipe_of(name: str | Path) -> tuple[Recipe, str]:
    found = find_checkpoint(name)
    return Recipe.parse(found[0].recipe, str(name)), owner_of(*found)


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
        if dataset.classes and "classes" in registry().find(Family, recipe.model["family"], prefer=prefer).config:
            given.setdefault("classes", dataset.classes)
        data = {key: value for key, value in recipe.data.items() if key != "name"}
        split = check_config(_data_fields(dataset), data, f"{where}: data")["split"]
        spec = ModelSpec(family=recipe.model["family"], architecture=recipe.model["architecture"], config=given)
        blueprint = Blueprint.of(spec, f"{where}: model", prefer=prefer)
        skeleton = blueprint.skeleton()
        skeleton.check_values(dataset.values)
        _check_networks(skeleton, objective, where)
        if start := recipe.training["start"]:
            _check_start(start, blueprint, f"{where}: training.start")
        return cls(
            recipe=recipe,
            blueprint=blueprint,
            losses=losses_of(objective, recipe.objective, f"{where}: objective"),
            dataset=dataset,
            split=split,
        )


def _check_labels(model: ModelSpec, data: Split, where: str) -> None:
    """InvalidInput if the data has more classes than the model."""
    found = 0 if data.labels is None else int(data.labels.max()) + 1
    if found > (classes := model.config.get("classes", found)):
        raise InvalidInput(
            f"{where}: model.classes is {classes}, and the data has {found}: write {found}, or leave it out"
        )


def _check_networks(model: Model, objective: Objective, where: str) -> None:
    """InvalidInput if the objective wants examples apart, and a critic normalises over the batch."""
    critics = [module for name, module in model.players.items() if name != "generator"]
    if objective.per_example and any(map(normalises, critics)):
        raise InvalidInput(
            f"{where}: {objective.name} takes the gradient of each example alone, and the discriminator normalises "
            "over the batch; choose another normalisation (of dcgan: --set model.critic_norm=layer)"
        )


def _check_start(name: str, blueprint: Blueprint, where: str) -> None:
    """InvalidInput unless the checkpoint of this name has the networks of `blueprint`."""
    if is_path(name) or is_reference(name):
        raise InvalidInput(f"{where} must be the name of a checkpoint, not a path; got {name!r:.80}")
    checkpoint, plugin = find_checkpoint(name)
    there = Blueprint.of(checkpoint.spec, where, prefer=owner_of(checkpoint, plugin)).spec
    if there != blueprint.spec:
        differing = [key for key, value in blueprint.spec.config.items() if there.config.get(key) != value]
        raise InvalidInput(f"{where}: {name} has other networks ({', '.join(differing) or 'another architecture'})")


def _data_fields(dataset: DatasetSpec) -> dict[str, Field]:
    return {"split": Field(kind="str", doc="split to train on", default="train", choices=dataset.splits)}


def losses_of(objective: Objective, given: Mapping[str, Any], where: str) -> Losses:
    """The losses of an objective's players with the options `given`, which are checked, and the defaults of others."""
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
    run.write(run.picture_path(epoch), png(picture))


def _save_checkpoint(model: Model, plan: Plan, run: Run, processes: Processes) -> Checkpoint:
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
            "processes": processes.count,
            "seconds": run.seconds(),
        },
        distribution=plan.blueprint.distribution,
        folder=run.folder,
    )
    run.save_checkpoint(weights, checkpoint)
    return checkpoint
