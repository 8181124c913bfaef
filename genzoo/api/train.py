"""train: from a recipe to a checkpoint."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from genzoo import __version__
from genzoo.api.build import load, pick_device
from genzoo.api.carried import carried_in, carry, check_carried
from genzoo.api.data import Opener, one_root, opener, survey_of, with_survey
from genzoo.api.defaults import borrowed_random_state, plain_defaults
from genzoo.api.evaluate import measure_quick, measure_test
from genzoo.api.length import Length, check_minutes
from genzoo.api.own import OwnData
from genzoo.api.plan import Plan
from genzoo.api.progress import Note, Report, both, display
from genzoo.api.proposal import proposed
from genzoo.api.recipes import find_recipe, like, like_own, recipe_of, recipe_of_run, starting_from
from genzoo.arguments import typed
from genzoo.catalog import find_checkpoint, is_path
from genzoo.datasets import Split
from genzoo.datasets.files import Files
from genzoo.datasets.own import Values
from genzoo.errors import GenzooWarning, InvalidInput
from genzoo.files import user_path
from genzoo.hub.files import encode_weights
from genzoo.models import Model
from genzoo.pictures import draw, grid, how_many, is_drawable, is_picture, png
from genzoo.protocols import Decoder, Encoder, Generator, Scaled
from genzoo.registry import registry
from genzoo.spec import OWN_DATA, Checkpoint, DatasetSpec, Family, TrackerSpec, record_bytes
from genzoo.training import Progress, Recipe, Run, fit, fit_once
from genzoo.training.lock import check_free, locked
from genzoo.training.loop import check_batches
from genzoo.training.once import check_fitted_at_once
from genzoo.training.origin import LENGTH
from genzoo.training.processes import Processes
from genzoo.training.track import find_tracker, tracked

__all__ = ["train"]

OnEpoch = Callable[[Model, int], object]

EXAMPLES = 256  # by which the scale of the data is known


@typed
@plain_defaults()
def train(
    recipe: str | Path | Mapping[str, Any] | None = None,
    *,
    data: str | Tensor | Dataset[Any] | DataLoader[Any] | Split = "",
    start: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    minutes: float | None = None,
    data_root: str | Path | None = None,
    output: str | Path | None = None,
    parts: Mapping[str, str | Path] = MappingProxyType({}),
    resume: bool = False,
    force: bool = False,
    device: str | torch.device = "auto",
    track: str = "",
    progress: bool = True,
    note: Callable[[str], None] | None = None,
    report: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[Model, int], object] | None = None,
) -> Model:
    """Train a recipe and save the checkpoint; returns the trained model in eval mode.

    The run folder holds the log (``log.jsonl``), a picture for each epoch (``samples/``), the state to resume from and
    in the end the loss curves (``curves.png``) and the checkpoint, which ``load(folder)`` loads.

    In processes started by torchrun or ``accelerate launch`` all train together. The main one writes, measures and
    calls `note`, `report` and `on_epoch`; in the others the model has no record.

    Args:
        recipe: a TOML file, its table as a dict, or the name of a checkpoint or recipe, to train it anew. Without one,
            that of `start`.
        data: other data to use the recipe on: a data set, ``DATASET`` or ``DATASET:PATH``; or examples in memory, of
            which a tenth is held out. These are a tensor (n, *shape), for pictures (n, c, h, w), of floats in [0, 1] or
            of bytes; or a map-style Dataset that gives x, (x, label), or a dict of ``x`` and columns. Of a DataLoader
            the dataset is used alone. A recipe that names no data is used as it is, others under another name.
        start: a checkpoint, or the folder of a run, with the same networks: the run begins with its weights. The recipe
            keeps its name and sha256.
        overrides: other values for keys of the recipe, ``{"training.epochs": 5}``.
        minutes: train for about so long, whatever epochs or steps the recipe has. A few steps are timed before, and
            the recipe of the run says ``training.steps``. With `resume` it is so many minutes more.
        data_root: where the data set lies or is downloaded to; the images themselves for ``folder``.
        output: the run folder; ``runs/<name>`` without one.
        parts: the folders of checkpoints that the model stands on, by role, under the names that the recipe has for
            them: of those that no plugin and no hub offers. They are copied into the run folder.
        resume: go on with the run in `output` from its last state, or start it if there is none. The recipe may have
            another license, evaluation, learning rate or number of epochs or steps than before; its schedule is from
            here on that of the longer run. A `recipe` that is a run folder goes on there without `output`.
        force: replace the run in `output`.
        device: as in `load`; several processes on ``cuda`` have a GPU each.
        track: a tracker, ``tensorboard`` or ``wandb``, that is told the terms of each epoch too.
        progress: show on stderr how far it is: a bar on a terminal, elsewhere a line for each epoch.
        note: called with lines that say what is trained on what, before the first step.
        report: called about twice a second with the Progress. What it or `on_epoch` raises ends the run, whose state
            is saved first, to go on from with `resume`.
        on_epoch: called after each epoch with the model as it would be saved now, in eval mode, and the number of
            epochs done. If it returns True, training ends there, and the model is saved and measured as after the last
            epoch; `resume` goes on from there. Its random draws do not change the run.

    Raises:
        NotFound, InvalidInput: a recipe or data that cannot be used, before anything is allocated or written.
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
            parts=parts,
            resume=resume,
            force=force,
            device=device,
            track=track,
            note=both(say, note),
            report=both(show, report),
            on_epoch=on_epoch,
        )


def _train(
    recipe: str | Path | Mapping[str, Any] | None,
    *,
    data: Any,
    start: str | Path | None,
    overrides: Mapping[str, Any] | None,
    minutes: float | None,
    data_root: str | Path | None,
    output: str | Path | None,
    parts: Mapping[str, str | Path],
    resume: bool,
    force: bool,
    device: str | torch.device,
    track: str,
    note: Note,
    report: Report,
    on_epoch: OnEpoch | None,
) -> Model:
    tracker = find_tracker(track)
    check_minutes(minutes, overrides or {})
    if not (recipe or start):
        raise InvalidInput("train: recipe must be given, or start, the checkpoint whose recipe and weights are taken")
    chosen = pick_device(device)
    processes = Processes.join(chosen)
    with ExitStack() as stack:
        with processes.main_first():
            folder = recipe if isinstance(recipe, str | Path) and resume and not output else None
            going_on = recipe_of_run(folder) if folder else None
            output = folder if going_on else output
            named = "" if isinstance(data, str) else OWN_DATA
            source = going_on or (find_recipe(recipe, data=named) if recipe else recipe_of(start or ""))
            base, owner, root = _wanted(source, data, data_root)
            run = Run(user_path(output) if output else Path("runs") / base.changed(overrides or {}).name)
            if processes.main:
                check_free(run.folder)
                run.check_writable()
            found, choice = base.changed(overrides or {}), ""
            if isinstance(data, str) and data:
                kept = (*(["model", "evaluation"] if start else []), *(LENGTH if minutes else []))
                found, choice = _suited(base, root, overrides or {}, owner, kept)
            if start:
                found = starting_from(found, start)
            own = None if isinstance(data, str) else _own(found, owner, data, note if processes.main else None)
            begun = resume and run.state_path.exists()
            record = own.dataset if own else None
            known = _folders(recipe, parts, run.folder if resume else None)
            plan = Plan.of(found, prefer=owner, root=root, dataset=record, start=start or "", begun=begun, parts=known)
            shape = plan.blueprint.spec.input_shape
            if own:
                own.check_shape(shape)
            open_split = own.open if own else opener(root, shape)
            if processes.main:
                run.check(found, resume=resume, force=force)
                record_bytes(_record(plan, processes, own))  # or what cannot be read back is told after hours
            split = open_split(plan.dataset, plan.split)
            plan.check_columns(split)
            _check_steps(plan, split, processes.count)
            there = None
            if processes.main:
                stack.enter_context(locked(run.folder))
                run.check(found, resume=resume, force=force)  # again, for nobody else is in it now
                there = run.saved() if resume else None
                carry(known, run.folder)
        length = Length.of(plan, split, processes, minutes=minutes, done=there.step if there else 0, preview=_preview)
        lines = chain((choice, split.preparation), length.notes(there))
        return _carry_out(
            length,
            split,
            run,
            processes,
            own,
            open_split,
            resume=resume,
            tracker=tracker,
            lines=lines,
            note=note,
            report=report,
            on_epoch=on_epoch,
        )


def _carry_out(
    length: Length,
    split: Split,
    run: Run,
    processes: Processes,
    own: OwnData | None,
    open_split: Opener,
    *,
    resume: bool,
    tracker: TrackerSpec | None,
    lines: Iterable[str],
    note: Note,
    report: Report,
    on_epoch: OnEpoch | None,
) -> Model:
    """Train as planned in a folder that is locked, and measure; `lines` are said before."""
    plan = length.plan
    if processes.main:
        digest = own.fingerprint if own else split.fingerprint()
        run.begin(plan.recipe, data=digest, examples=len(split), resume=resume)
        note(length.announcement(processes))
        for line in filter(None, lines):
            note(line)
    epochs = _Epochs(run, split, on_epoch)
    model = _fit(plan, split, run, processes, tracker=tracker, report=report, on_epoch=epochs)
    if processes.main:
        if isinstance(split.source, Files) and split.source.replaced:
            note(f"{split.source.replaced} of {len(split):,} files could not be read; others took their places")
        trained = _record(plan, processes, own)
        trained = replace(trained, trained={**trained.trained, **epochs.told})
        with processes.alone(), borrowed_random_state() if own else nullcontext():
            model.checkpoint = _finish(model, trained, plan, run, open_split, note)
    return model


def _own(recipe: Recipe, owner: str, data: Any, note: Note | None) -> OwnData:
    """The caller's data, with the values that the recipe's model takes."""
    alphabet = "alphabet" in registry().find(Family, recipe.model["family"], prefer=owner).config
    values = recipe.model.get("values", "index" if alphabet else "unit")
    if values not in get_args(Values):
        values = "unit"  # the plan refuses what the recipe says
    with borrowed_random_state():  # which a Dataset may draw from
        return OwnData.of(data, "train: data", values=values, note=note or (lambda line: None))


def _fit(
    plan: Plan,
    split: Split,
    run: Run,
    processes: Processes,
    *,
    tracker: TrackerSpec | None,
    report: Report,
    on_epoch: Callable[[Model, int], bool],
) -> Model:
    """Train in a run folder that is ready; what the main process does besides, the others do not wait for."""
    with ExitStack() as stack:
        stack.enter_context(borrowed_random_state(processes.device))
        log = stack.enter_context(tracked(tracker if processes.main else None, plan.recipe.name, run.folder))
        told: dict[str, Any] = {"columns": plan.columns, "report": both(report, log), "on_epoch": on_epoch}
        model = _untrained(plan, split).to(processes.device)
        if plan.estimate is not None:
            return fit_once(model, plan.estimate, split, plan.recipe, run, **told)
        return fit(model, plan.losses, split, plan.recipe, run, processes=processes, **told)


def _wanted(
    recipe: tuple[Recipe, str], data: Any, data_root: str | Path | None
) -> tuple[Recipe, str, str | Path | None]:
    """The recipe asked for, the distribution it came from, and where its data lies."""
    found, owner = recipe
    if not isinstance(data, str):
        if data_root is not None:
            raise InvalidInput(f"data is given, and data_root = {str(data_root)!r:.80} too; leave one of the two out")
        return like_own(found), owner, None
    path: Path | None = None
    if data:
        found, path = like(found, data, prefer=owner)
    return found, owner, one_root(path, data_root)


def _check_steps(plan: Plan, data: Split, count: int) -> None:
    """InvalidInput if the steps of a plan cannot be done on the data by `count` processes."""
    if plan.estimate is None:
        check_batches(plan.blueprint.skeleton(), plan.losses, data, plan.recipe, count)
    else:
        check_fitted_at_once(plan.recipe, count)


def _folders(recipe: Any, parts: Mapping[str, str | Path], run: Path | None) -> dict[str, Path]:
    """The folders of parts, by role: those given, those that a run folder brings along which is trained anew, and those
    of the `run` that goes on, which must be the same; None for one that begins."""
    brought = carried_in(user_path(recipe)) if isinstance(recipe, str | Path) and is_path(recipe) else {}
    folders = {**brought, **{role: user_path(folder) for role, folder in parts.items()}}
    if run is None:
        return folders
    check_carried(folders, run)
    return {**carried_in(run), **folders}


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


def _finish(model: Model, record: Checkpoint, plan: Plan, run: Run, open_split: Opener, note: Note) -> Checkpoint:
    """Save a trained model, then what is drawn and measured of it: that may fail, and the model is there."""
    checkpoint = _save_checkpoint(model, record, run)
    if plan.estimate is None:  # of one step there is no curve
        run.save_curves()
    note("saved; now measuring it, which --resume does if it is stopped")
    owner = plan.blueprint.distribution
    metrics = measure_test(model, plan.recipe, plan.dataset, open_split, prefer=owner)
    quick = measure_quick(model, plan.recipe, plan.dataset, open_split, metrics, prefer=owner)
    measured = replace(checkpoint, metrics=metrics, quick=quick)
    try:
        record_bytes(measured)
    except InvalidInput as error:  # of a third-party metric, say
        warnings.warn(f"the metrics are left out of the record: {error.message}", GenzooWarning, stacklevel=2)
        return checkpoint
    run.save_record(measured)
    return measured


class _Epochs:
    """What happens after an epoch: a picture is written, and the caller is called, who may end the run."""

    def __init__(self, run: Run, data: Split, on_epoch: OnEpoch | None) -> None:
        self.run, self.data, self.on_epoch = run, data, on_epoch
        self.told: dict[str, Any] = {}

    def __call__(self, model: Model, epoch: int) -> bool:
        _save_preview(self.run, self.data, model, epoch)
        if self.on_epoch is None:
            return False
        with borrowed_random_state(model.device):
            enough = self.on_epoch(model, epoch) is True
        if enough:
            self.told = {"stopped": f"by on_epoch, after epoch {epoch}"}
        return enough


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


def _save_checkpoint(model: Model, record: Checkpoint, run: Run) -> Checkpoint:
    weights = encode_weights(model.state_dict())
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


def _record(plan: Plan, processes: Processes, own: OwnData | None) -> Checkpoint:
    """The record of a run as far as it is known before the first step."""
    start, _, sha256 = plan.recipe.training.start.partition("@")
    return Checkpoint.of(
        plan.blueprint.spec,
        name=plan.recipe.name,
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
            **({"data": own.trained} if own else {}),
        },
        distribution=plan.blueprint.distribution,
    )
