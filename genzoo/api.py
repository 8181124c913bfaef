"""load, create, train, evaluate: the only room that knows the others."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from genzoo import __version__
from genzoo.catalog import find_checkpoint
from genzoo.datasets import Split, default_root
from genzoo.errors import InvalidInput, NotFound, StateMismatch, did_you_mean
from genzoo.hub.files import atomic_write, check_state, encode_weights, read_weights
from genzoo.metrics import measure
from genzoo.models import Model
from genzoo.pictures import grid, png
from genzoo.registry import load_target, registry
from genzoo.spec import (
    WEIGHTS_FILE,
    Architecture,
    Checkpoint,
    DatasetSpec,
    Family,
    Field,
    ModelSpec,
    Objective,
    RecipeFile,
    check_config,
)
from genzoo.training import Losses, Progress, Recipe, Run, fit
from genzoo.training.recipe import check_players

__all__ = ["Plan", "combinations", "create", "evaluate", "load", "open_data", "train"]

MAX_PARAMETERS = 1 << 31
_COMMON = {
    "input_shape": Field(
        kind="ints",
        doc="shape of one example, (channels, height, width) for pictures",
        required=True,
        minimum=1,
        maximum=8192,
        length=(1, 4),
    ),
    "latent_dim": Field(kind="int", doc="length of a code", required=True, minimum=1, maximum=65536),
}


def load(name: str | Path, *, device: str | torch.device = "auto") -> Model:
    """A trained model in eval mode, offline.

    Args:
        name: a checkpoint's name, ``distribution:name`` where two distributions offer it, or the folder of a run or
            checkpoint (a Path, or a string with a ``/``).
        device: ``auto`` is the first of cuda, mps, cpu that is there.

    Raises:
        NotFound: no such checkpoint; the message has the nearest names.
        IntegrityError: the weights are not the recorded bytes, or do not fit their architecture.
    """
    checkpoint, plugin = find_checkpoint(name)
    owner = plugin.distribution if plugin else ""
    model = _Blueprint.of(checkpoint.spec, checkpoint.name, prefer=owner).skeleton()
    tensors = read_weights(checkpoint.weights, sha256=checkpoint.sha256, size=checkpoint.size_bytes)
    check_state(tensors, model.state_dict(), checkpoint.weights)
    model.load_state_dict(tensors, assign=True)
    if hollow := [key for key, buffer in model.named_buffers() if buffer.is_meta]:
        raise StateMismatch(
            f"{checkpoint.architecture}: buffers {', '.join(hollow)} are in no state dict; register them"
        )
    model.name, model.checkpoint = checkpoint.name, checkpoint
    return model.to(pick_device(device)).eval()


def create(name: str, *, seed: int | None = None, **config: Any) -> Model:
    """An untrained model, on the CPU, in training mode.

    Args:
        name: ``family-architecture``, e.g. ``vae-conv``.
        seed: of the initial weights; torch's global generator without one.
        config: ``input_shape`` and ``latent_dim``, and what the family and the architecture declare.

    Raises:
        NotFound: no such family or architecture.
        InvalidInput: a config value that cannot be used, named, with the allowed ones; before anything is allocated.
    """
    family, architecture = _split_name(name)
    blueprint = _Blueprint.of(ModelSpec(family=family, architecture=architecture, config=config), "config")
    blueprint.skeleton()
    if seed is None:
        return blueprint.build("cpu")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return blueprint.build("cpu")


def combinations() -> dict[str, tuple[str, str]]:
    """What `create` builds: ``family-architecture`` -> (family, architecture), for every pair that fits."""
    known = registry()
    return {
        f"{family}-{record.name}": (family, record.name)
        for family, _, needed in known.entries(Family)
        for _, _, record in known.entries(Architecture)
        if set(needed.roles) <= set(record.roles)
    }


def _split_name(name: str) -> tuple[str, str]:
    """(family, architecture) of ``family-architecture``; a distribution in front goes to the architecture."""
    distribution, _, short = name.rpartition(":")
    known = combinations()
    if short not in known:
        hint, near = did_you_mean(short, known)
        raise NotFound(f"nothing is called {name!r:.80}{hint} (known: {', '.join(sorted(known))})", suggestions=near)
    family, architecture = known[short]
    return family, f"{distribution}:{architecture}" if distribution else architecture


@dataclass(frozen=True, kw_only=True)
class _Blueprint:
    """Family, architecture and a checked config: all that is needed to build a model."""

    spec: ModelSpec
    family: Family
    architecture: Architecture

    @classmethod
    def of(cls, spec: ModelSpec, where: str, *, prefer: str = "") -> _Blueprint:
        """The blueprint of `spec`, its names looked up (first in the distribution `prefer`) and its config checked."""
        family = registry().find(Family, spec.family, prefer=prefer)
        architecture = registry().find(Architecture, spec.architecture, prefer=prefer)
        if missing := [role for role in family.roles if role not in architecture.roles]:
            raise InvalidInput(f"{architecture.name} builds no {' and no '.join(missing)}, which {family.name} needs")
        declared = {**_COMMON, **family.config, **architecture.config}
        config = check_config(declared, spec.config, where)
        return cls(spec=replace(spec, config=config), family=family, architecture=architecture)

    def build(self, device: str | torch.device) -> Model:
        """The model, untrained, on `device`; on ``meta`` nothing is allocated."""
        options = {key: self.spec.config[key] for key in self.architecture.config}

        def network(role: str, *shape: Any) -> nn.Module:
            builder = load_target(self.architecture.roles[role], self.architecture.name)
            module: nn.Module = builder(*shape, **options)
            return module

        with torch.device(device):
            model: Model = load_target(self.family.target, self.family.name).build(network, self.spec)
        model.sample_block = self.architecture.sample_block
        return model

    def skeleton(self) -> Model:
        """The model on ``meta``; InvalidInput if it would be larger than any machine's."""
        model = self.build("meta")
        count = sum(parameter.numel() for parameter in model.parameters())
        if count > MAX_PARAMETERS:
            raise InvalidInput(
                f"{model.name} would have {count:,} parameters, more than the {MAX_PARAMETERS:,} allowed: "
                f"input_shape {model.input_shape} or latent_dim {model.latent_dim} is too large, or a width is"
            )
        return model


def pick_device(device: str | torch.device) -> torch.device:
    """The device named, ``auto`` being the first of cuda, mps, cpu that is there; InvalidInput if there is none."""
    if device == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator or torch.device("cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InvalidInput(
            f"there is no device {str(device)!r:.40}: {str(error).splitlines()[0]}; try 'auto'"
        ) from None
    return chosen


def open_data(name: str, split: str, *, root: str | Path | None = None, shape: tuple[int, ...] | None = None) -> Split:
    """A split of a named data set, from `root` (``$GENZOO_DATA`` or the cache folder without one).

    `shape` is the one wanted: pictures of any size are made so, others must have it.

    Raises:
        InvalidInput: its pictures have another shape.
        NotFound: no such data set or split.
        NetworkError: it is not in `root` and cannot be downloaded.
    """
    record = registry().find(DatasetSpec, name)
    if split not in record.splits:
        raise NotFound(f"{name} has no split {split!r:.40}: it has {', '.join(record.splits)}")
    if shape is None and record.shape is None:
        raise InvalidInput(f"{name} has pictures of any size: give model.input_shape = [channels, height, width]")
    if shape is not None and record.shape not in (None, tuple(shape)):
        raise InvalidInput(f"{name} has pictures of shape {record.shape}, not {tuple(shape)}; take another data set")
    where = default_root() if root is None else Path(root).expanduser()
    data: Split = load_target(record.target, record.name)(where, split, record.shape or shape)
    return data


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe with every name in it looked up and every value checked."""

    recipe: Recipe
    blueprint: _Blueprint
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
        blueprint = _Blueprint.of(spec, f"{where}: model")
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
    return {
        player: partial(load_target(target, objective.name), **options) for player, target in objective.players.items()
    }


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
    metrics = _measure_test(model, plan.dataset, data_root)
    model.checkpoint = _save_checkpoint(model, plan, run, metrics, seconds=time.monotonic() - started)
    return model


def find_recipe(recipe: str | Path) -> Recipe:
    """A recipe file's, the plugin's of that name, or the one recorded in a checkpoint."""
    if isinstance(recipe, Path) or recipe.endswith(".toml") or "/" in recipe:
        return Recipe.read(Path(recipe).expanduser())
    return Recipe.read(registry().find(RecipeFile, recipe).path)


def _save_preview(run: Run, data: Split, model: Model, epoch: int) -> None:
    """What a person wants to see after an epoch: samples, or pictures above their reconstructions."""
    if hasattr(type(model), "sample"):
        picture = grid(model.sample(64, seed=0))
    else:
        x = data.first(16).to(model.device)
        picture = grid(torch.cat([x, model.reconstruct(x)]), columns=16)
    atomic_write(run.picture_path(epoch), png(picture))


def _measure_test(model: Model, dataset: DatasetSpec, root: str | Path | None) -> dict[str, Any]:
    if "test" not in dataset.splits:
        return {}
    return measure(model, open_data(dataset.name, "test", root=root), "test")


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
    atomic_write(run.folder / "genzoo.json", checkpoint.to_json().encode())
    return checkpoint


def evaluate(
    name: str | Path, *, data_root: str | Path | None = None, device: str | torch.device = "auto"
) -> dict[str, Any]:
    """Every metric of a checkpoint, computed now on the test split of its data set: ``{name: {"value", …}}``."""
    model = load(name, device=device)
    assert model.checkpoint is not None
    return _measure_test(model, registry().find(DatasetSpec, model.checkpoint.dataset), data_root)
