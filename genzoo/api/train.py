"""train: from a recipe to a checkpoint."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from genzoo import __version__
from genzoo.api.build import load, pick_device
from genzoo.api.data import one_root, open_data, survey_of, with_survey
from genzoo.api.defaults import plain_defaults, training_alone
from genzoo.api.evaluate import measure_quick, measure_test
from genzoo.api.length import Length, check_minutes
from genzoo.api.plan import Plan
from genzoo.api.progress import Note, Report, both, display
from genzoo.api.proposal import proposed
from genzoo.api.recipes import find_recipe, like, recipe_of, recipe_of_run, starting_from
from genzoo.arguments import typed
from genzoo.catalog import find_checkpoint
from genzoo.datasets import Split
from genzoo.datasets.files import Files
from genzoo.errors import GenzooWarning, InvalidInput
from genzoo.files import user_path
from genzoo.hub.files import encode_weights
from genzoo.models import Model
from genzoo.pictures import draw, grid, how_many, is_drawable, is_picture, png
from genzoo.protocols import Decoder, Encoder, Generator, Scaled
from genzoo.registry import registry
from genzoo.spec import Checkpoint, DatasetSpec, TrackerSpec
from genzoo.training import Progress, Recipe, Run, fit
from genzoo.training.lock import check_free, locked
from genzoo.training.loop import check_batches
from genzoo.training.origin import LENGTH
from genzoo.training.processes import Processes
from genzoo.training.run import record_bytes
from genzoo.training.track import find_tracker, tracked

__all__ = ["train"]

EXAMPLES = 256  # by which the scale of the data is known


@typed
@plain_defaults()
def train(
    recipe: str | Path | None = None,
    *,
    data: str = "",
    start: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    minutes: float | None = None,
    data_root: str | Path | None = None,
    output: str | Path | None = None,
    resume: bool = False,
    force: bool = False,
    device: str | torch.device = "auto",
    track: str = "",
    progress: bool = True,
    note: Callable[[str], None] | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Model:
    """Train a recipe and save the checkpoint; returns the trained model in eval mode.

    The run folder holds the log (``log.jsonl``), a picture for each epoch (``samples/``), the state to resume from and
    in the end the loss curves (``curves.png``) and the checkpoint, which ``load(folder)`` loads.

    In processes started by torchrun or ``accelerate launch`` all train together. The main one writes, measures and
    calls `note` and `report`; in the others the model has no record.

    Args:
        recipe: a TOML file, or the name of a checkpoint or recipe, to train it anew. Without one, that of `start`.
        data: another data set to use the recipe on, ``DATASET`` or ``DATASET:PATH``; see `like`.
        start: a checkpoint, or the folder of a run, with the same networks: the run begins with its weights. The recipe
            keeps its name and sha256.
        overrides: other values for keys of the recipe, ``{"training.epochs": 5}``.
        minutes: train for about so long, whatever epochs or steps the recipe has. A few steps are timed before, and
            the recipe of the run says ``training.steps``. With `resume` it is so many minutes more.
        data_root: where the data set lies or is downloaded to; the images themselves for ``folder``.
        output: the run folder; ``runs/<name>`` without one.
        resume: go on with the run in `output` from its last state, or start it if there is none. The recipe may have
            another license, evaluation, learning rate or number of epochs or steps than before; its schedule is from
            here on that of the longer run. A `recipe` that is a run folder goes on there without `output`.
        force: replace the run in `output`.
        device: as in `load`; several processes on ``cuda`` have a GPU each.
        track: a tracker, ``tensorboard`` or ``wandb``, that is told the terms of each epoch too.
        progress: show on stderr how far it is: a bar on a terminal, elsewhere a line for each epoch.
        note: called with a line that says what is trained on what, before the first step.
        report: called about twice a second with the Progress.

    Raises:
        NotFound, InvalidInput: a recipe that cannot be used, before anything is allocated or written.
        OutputExists: there is a run in `output` already, or another process is at it now.
        MissingDependency: what `track` needs is not installed, or the recipe wants torch.compile without a compiler.
        TrainingDiverged: a loss became NaN.
        KeyboardInterrupt: stopped after a whole step; the state is saved.
    """
    with display(shown=progress) as (say, show):
        return _train(
            recipe,
            data=data,
            start=start,
            overrides=overrides,
            minutes=minutes,
            data_root=data_root,
            output=output,
            resume=resume,
            force=force,
            device=device,
            track=track,
            note=both(say, note),
            report=both(show, report),
        )


def _train(
    recipe: str | Path | None,
    *,
    data: str,
    start: str | Path | None,
    overrides: Mapping[str, Any] | None,
    minutes: float | None,
    data_root: str | Path | None,
    output: str | Path | None,
    resume: bool,
    force: bool,
    device: str | torch.device,
    track: str,
    note: Note,
    report: Report,
) -> Model:
    tracker = find_tracker(track)
    check_minutes(minutes, overrides or {})
    if not (recipe or start):
        raise InvalidInput("train: recipe must be given, or start, the checkpoint whose recipe and weights are taken")
    chosen = pick_device(device)
    processes = Processes.join(chosen)
    with ExitStack() as stack:
        with processes.main_first():
            going_on = recipe_of_run(recipe) if recipe and resume and not output else None
            output = recipe if going_on else output
            source = going_on or (find_recipe(recipe) if recipe else recipe_of(start or ""))
            base, owner, root = _wanted(source, data, data_root)
            run = Run(user_path(output) if output else Path("runs") / base.changed(overrides or {}).name)
            if processes.main:
                check_free(run.folder)
                run.check_writable()
            found, choice = base.changed(overrides or {}), ""
            if data:
                kept = (*(["model", "evaluation"] if start else []), *(LENGTH if minutes else []))
                found, choice = _suited(base, root, overrides or {}, owner, kept)
            if start:
                found = starting_from(found, start)
            begun = resume and run.state_path.exists()
            plan = Plan.of(found, prefer=owner, root=root, start=start or "", begun=begun)
            if processes.main:
                run.check(found, resume=resume, force=force)
                record_bytes(_record(plan, processes))  # or what cannot be read back is told after hours
            split = open_data(plan.dataset, plan.split, root=root, shape=plan.blueprint.spec.input_shape)
            plan.check_columns(split)
            check_batches(plan.blueprint.skeleton(), plan.losses, split, found, processes.count)
            there = None
            if processes.main:
                stack.enter_context(locked(run.folder))
                run.check(found, resume=resume, force=force)  # again, for nobody else is in it now
                there = run.saved() if resume else None
        length = Length.of(plan, split, processes, minutes=minutes, done=there.step if there else 0, preview=_preview)
        plan = length.plan
        if processes.main:
            run.begin(plan.recipe, data=split.fingerprint(), examples=len(split), resume=resume)
            for line in filter(None, (length.announcement(processes), choice, split.preparation, *length.notes(there))):
                note(line)
        return _fit(plan, split, run, processes, root, tracker=tracker, note=note, report=report)


def _fit(
    plan: Plan,
    split: Split,
    run: Run,
    processes: Processes,
    root: str | Path | None,
    *,
    tracker: TrackerSpec | None,
    note: Note,
    report: Report,
) -> Model:
    """Train in a run folder that is ready; what the main process does besides, the others do not wait for."""
    with ExitStack() as stack:
        stack.enter_context(training_alone(processes.device))
        log = stack.enter_context(tracked(tracker if processes.main else None, plan.recipe.name, run.folder))
        model = fit(
            _untrained(plan, split).to(processes.device),
            plan.losses,
            split,
            plan.recipe,
            run,
            columns=plan.columns,
            processes=processes,
            report=both(report, log),
            on_epoch=partial(_save_preview, run, split),
        )
    if processes.main:
        if isinstance(split.source, Files) and split.source.replaced:
            note(f"{split.source.replaced} of {len(split):,} files could not be read; others took their places")
        with processes.alone():
            model.checkpoint = _finish(model, plan, run, processes, root, note)
    return model


def _wanted(
    recipe: tuple[Recipe, str], data: str, data_root: str | Path | None
) -> tuple[Recipe, str, str | Path | None]:
    """The recipe asked for, the distribution it came from, and where its data lies."""
    found, owner = recipe
    path: Path | None = None
    if data:
        found, path = like(found, data, prefer=owner)
    return found, owner, one_root(path, data_root)


def _suited(
    recipe: Recipe, root: str | Path | None, overrides: Mapping[str, Any], prefer: str, kept: Collection[str]
) -> tuple[Recipe, str]:
    """A recipe for other data with what suits these, where they are the user's own, and what the user sets; and a line
    on what was chosen, which is nothing in `kept`."""
    record, said = registry().find(DatasetSpec, recipe.data["name"], prefer=prefer), ""
    if survey := survey_of(record, root):
        recipe, said = proposed(recipe, with_survey(record, survey), survey, overrides, kept=kept, prefer=prefer)
    return recipe.changed(overrides), said


def _untrained(plan: Plan, data: Split) -> Model:
    """The model with its first weights: those of ``training.start``, or drawn from the recipe's seed and, where they
    have a scale, at that of the data. To read the data for it changes no random state."""
    torch.manual_seed(plan.recipe.training.seed)
    model = plan.blueprint.build("cpu")
    model.name = plan.recipe.name
    if plan.start:
        model.load_state_dict(load(plan.start, device="cpu").state_dict())
    elif isinstance(model, Scaled) and not plan.begun:
        with torch.random.fork_rng(devices=[]):
            model.fit_scale(data.some(EXAMPLES, seed=plan.recipe.training.seed))
    return model


def _finish(
    model: Model,
    plan: Plan,
    run: Run,
    processes: Processes,
    root: str | Path | None,
    note: Note,
) -> Checkpoint:
    """Save a trained model, then what is drawn and measured of it: that may fail, and the model is there."""
    checkpoint = _save_checkpoint(model, plan, run, processes)
    run.save_curves()
    note("saved; now measuring it, which --resume does if it is stopped")
    owner = plan.blueprint.distribution
    metrics = measure_test(model, plan.recipe, plan.dataset, root, prefer=owner)
    quick = measure_quick(model, plan.recipe, plan.dataset, root, metrics, prefer=owner)
    measured = replace(checkpoint, metrics=metrics, quick=quick)
    try:
        record_bytes(measured)
    except InvalidInput as error:  # of a third-party metric, say
        warnings.warn(f"the metrics are left out of the record: {error.message}", GenzooWarning, stacklevel=2)
        return checkpoint
    run.save_record(measured)
    return measured


def _save_preview(run: Run, data: Split, model: Model, epoch: int) -> None:
    if picture := _preview(data, model):
        run.write(run.picture_path(epoch), picture)


def _preview(data: Split, model: Model) -> bytes | None:
    """What a person wants to see after an epoch, as a PNG: samples, or pictures above their reconstructions."""
    shape, given = model.input_shape, tuple(model.spec.given)
    if not is_drawable(shape):
        return None
    if isinstance(model, Generator):
        count = min(how_many(shape), len(data)) if given else how_many(shape)
        told = data.examples(count, columns=given).given if given else {}
        picture = draw(model.sample(count, seed=0, **told))
    elif isinstance(model, Encoder) and isinstance(model, Decoder):
        batch = data.examples(16 if is_picture(shape) else how_many(shape), model.device, columns=given)
        y = model.decode(model.encode(batch.x, **batch.given), **batch.given)
        picture = grid(torch.cat([batch.x, y]), columns=len(y)) if is_picture(shape) else draw(y)
    else:
        return None
    return png(picture)


def _save_checkpoint(model: Model, plan: Plan, run: Run, processes: Processes) -> Checkpoint:
    weights = encode_weights(model.state_dict())
    record = _record(plan, processes)
    told = {"seconds": run.seconds(), **({"changed": list(run.origin.changed)} if run.origin.changed else {})}
    checkpoint = replace(
        record,
        trained={**record.trained, **told},
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        sha256=hashlib.sha256(weights).hexdigest(),
        size_bytes=len(weights),
        folder=run.folder,
    )
    run.save_checkpoint(weights, checkpoint)
    return checkpoint


def _record(plan: Plan, processes: Processes) -> Checkpoint:
    """The record of a run as far as it is known before the first step."""
    start, _, sha256 = plan.recipe.training.start.partition("@")
    return Checkpoint(
        name=plan.recipe.name,
        family=plan.blueprint.spec.family,
        architecture=plan.blueprint.spec.architecture,
        config=plan.blueprint.spec.config,
        given=plan.blueprint.spec.given,
        predicts=plan.blueprint.spec.predicts,
        parts=plan.blueprint.spec.parts,
        sampler=plan.blueprint.spec.sampler,
        dataset=plan.recipe.data["name"],
        license=plan.recipe.license,
        parameters=0,
        sha256="0" * 64,
        size_bytes=0,
        recipe=plan.recipe.to_dict(),
        trained={
            "genzoo": __version__,
            "torch": torch.__version__,
            "device": processes.device.type,
            "processes": processes.count,
            **({"start": sha256 or find_checkpoint(start).record.sha256} if start else {}),
        },
        distribution=plan.blueprint.distribution,
    )
