"""The one loop. Each player of the objective moves in turn: a VAE has one, a GAN two.

A run that is stopped and resumed has the same bits as one that is not (on the CPU): the order of epoch e depends on
(seed, e) alone, and the saved state holds weights, moments, averages, random state and step.

A batch is the examples of one step, whatever plays it: each of several processes takes its slice, and
``training.accumulate`` cuts a slice into micro-batches that are played one after the other. The gradient is that of the
mean over the whole batch. What looks at its neighbours sees only its micro-batch: batch normalisation, and objectives
that pair examples (``tcvae``) or clamp a mean over them (``free_bits``).
"""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import Dataset

from genzoo.augmentation import flipped, shifted
from genzoo.batch import Batch
from genzoo.datasets import Split
from genzoo.errors import InvalidInput, MissingDependency, TrainingDiverged
from genzoo.models import Model
from genzoo.models.given import not_told
from genzoo.randomness import stream
from genzoo.spec.sections import Training
from genzoo.training.clock import Clock, Pace, Progress
from genzoo.training.processes import Processes
from genzoo.training.recipe import Recipe
from genzoo.training.run import Run
from genzoo.training.signals import Interrupted, stop_requests
from genzoo.training.state import Losses, Means, Player, Trainer

__all__ = ["check_batches", "fit", "normalises", "pace"]

PACE_SECONDS = 2.0
_ANEW = "start anew with a smaller optimizer.learning_rate or training.precision = 'float32', with --force or -o DIR"


def fit(
    model: Model,
    losses: Losses,
    data: Split,
    recipe: Recipe,
    run: Run,
    *,
    columns: Collection[str] = (),
    processes: Processes | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    on_epoch: Callable[[Model, int], object] = lambda model, epoch: None,
) -> Model:
    """Train `model` on `data` until the recipe's last step, from the state in `run` if there is one.

    Draws from torch's global generators: seed or fork them outside.

    Args:
        model: untrained, or as it was when the run began, the same in all processes; it is trained in place.
        losses: the players' losses.
        data: the training split.
        recipe: of which ``optimizer`` and ``training`` are read.
        run: where the main process writes states and the log.
        columns: of the data, which batches have beside those that the model is told.
        processes: those that train together; this one alone without it.
        report: called about twice a second and at the end of each epoch, by the main process.
        on_epoch: called with the model to be saved (in eval mode) and the number of epochs begun, by the main process,
            at the end of each epoch and of the run, which ends there if it returns True. What it or `report` raises is
            raised when the state is saved.

    Returns:
        The model to be saved, in eval mode: the moving average of the weights if the recipe asks for one.

    Raises:
        InvalidInput: the batches cannot be made; see `check_batches`.
        MissingDependency: the recipe wants torch.compile, and there is no compiler.
        TrainingDiverged: a loss became NaN or infinite; the last good state stays.
        ProcessLost: another process is gone; the last state stays.
        Interrupted: see there.
    """
    processes = processes or Processes(device=model.device)
    settings = recipe.training
    check_batches(model, losses, data, recipe, processes.count)
    trainer = _trainer(model, losses, data, recipe, processes)
    batch_size, steps_per_epoch = settings.batch_size, len(data) // settings.batch_size
    steps, epochs = settings.steps_of(len(data)), settings.epochs_of(len(data))
    _begin_or_go_on(trainer, run, settings, steps)
    clock = Clock(trainer=trainer, steps=steps, batch_size=batch_size)
    kept = model if trainer.average is None else cast(Model, trainer.average.module)
    called, enough = _Called(), False
    with stop_requests() as stop_requested:
        while trainer.step < steps and not enough:
            epoch, done = divmod(trainer.step, steps_per_epoch)
            order = _order(data, settings, epoch)[done * batch_size :][: (steps - trainer.step) * batch_size]
            for batches in _steps(trainer, data, order, settings, columns):
                _play(trainer, batches, settings, steps)
                clock.tick()
                last = trainer.step == steps
                whole = trainer.step % steps_per_epoch == 0
                if processes.main and (whole or last or clock.report_due()):
                    called(report, clock.progress(epoch, epochs, ended=whole or last))
                if whole or last:  # before the state that says so: what is killed in between is done again
                    enough = _end_epoch(trainer, run, kept, epoch + 1, partial(called, on_epoch))
                if whole:  # a run that ends within an epoch may go on with it
                    trainer.means = Means()
                asked = stop_requested() or called.error is not None
                stop, due, enough = processes.any(asked, processes.main and clock.save_due(), enough)
                if due or last or stop or enough:
                    _save(trainer, run)
                if called.error:
                    raise called.error
                if stop and not last:
                    raise Interrupted(steps)
    kept.to(memory_format=torch.contiguous_format)
    return kept.requires_grad_(True).eval()


class _Called:
    """Calls functions of the caller's, and keeps the first error that they raise."""

    error: BaseException | None = None

    def __call__(self, function: Callable[..., Any], *args: Any) -> Any:
        try:
            return function(*args)
        except BaseException as error:  # an interrupt too: the state is to be saved before
            self.error = self.error or error
            return None


def pace(
    model: Model,
    losses: Losses,
    data: Split,
    recipe: Recipe,
    *,
    most: int,
    columns: Collection[str] = (),
    processes: Processes | None = None,
) -> Pace:
    """How fast `model` trains here, by up to `most` steps that are played on it in two seconds or so.

    Takes what `fit` takes, and writes nothing. `model` and torch's global generators are not as before.
    """
    processes = processes or Processes(device=model.device)
    trainer = _trainer(model, losses, data, recipe, processes)
    settings, steps = recipe.training, recipe.training.steps_of(len(data))
    epochs = math.ceil(most / (len(data) // settings.batch_size))
    order = torch.cat([_order(data, settings, epoch) for epoch in range(epochs)])
    ends, waited = [time.monotonic()], 0.0
    for batches in _steps(trainer, data, order[: most * settings.batch_size], settings, columns):
        waited = waited or time.monotonic() - ends[0]
        _play(trainer, batches, settings, steps)
        ends.append(time.monotonic())
        (over,) = processes.any(ends[-1] - ends[0] > PACE_SECONDS)
        if over:
            break
    return Pace.of(ends, read_ahead=isinstance(data.source, Dataset), waited=waited)


def _order(data: Split, settings: Training, epoch: int) -> Tensor:
    """The examples of an epoch in their order, without those that fill no batch."""
    order = torch.randperm(len(data), generator=stream("order", settings.seed, epoch), device="cpu")
    return order[: len(data) // settings.batch_size * settings.batch_size]


def _trainer(model: Model, losses: Losses, data: Split, recipe: Recipe, processes: Processes) -> Trainer:
    if recipe.training.compile:
        _check_compiler()
    # Convolutions in bf16 are a tenth faster where the channels of a pixel lie together.
    layout = torch.channels_last if recipe.training.precision == "bf16" else torch.contiguous_format
    model.to(memory_format=layout)
    return Trainer.of(model, losses, recipe, processes, data_size=len(data))


def check_batches(model: Model, losses: Losses, data: Split, recipe: Recipe, count: int = 1) -> None:
    """Refuse batches that cannot be made of the data by `count` processes.

    Raises:
        InvalidInput: there are fewer examples than a batch has, it does not divide, or batch normalisation would see
            one example alone.
    """
    batch_size, accumulate = recipe.training.batch_size, recipe.training.accumulate
    if len(data) < batch_size:
        raise InvalidInput(
            f"training.batch_size is {batch_size}, but there are only {len(data)} examples: "
            f"write training.batch_size = {max(1, len(data) // 4)} or so"
        )
    if batch_size % (count * accumulate):
        raise InvalidInput(
            f"training.batch_size = {batch_size} must be a multiple of {count * accumulate}: "
            f"training.accumulate = {accumulate} times {count} process(es)"
        )
    if batch_size == count * accumulate and normalises(model):
        raise InvalidInput(
            "batch normalisation needs two examples at a time at least: write a larger training.batch_size than "
            f"{batch_size}, or a smaller training.accumulate"
        )


def normalises(network: nn.Module) -> bool:
    """Whether a network normalises over the batch, so that examples depend on each other."""
    return any(isinstance(module, _BatchNorm) for module in network.modules())


def _check_compiler() -> None:
    """MissingDependency if torch.compile would find no C++ compiler."""
    names = [os.environ["CXX"]] if "CXX" in os.environ else ["g++", "clang++", "cl"]
    if not any(map(shutil.which, names)):
        raise MissingDependency(
            "training.compile = true needs a C++ compiler, and none is on the PATH; install one (g++ or clang++), "
            "or set training.compile = false"
        )


def _begin_or_go_on(trainer: Trainer, run: Run, settings: Training, steps: int) -> None:
    """Restore the state in the run folder, which the main process reads, or let the noise of a new run begin.

    The log keeps the line of an epoch that was broken off only if the run ends there.
    """
    processes = trainer.processes
    saved = processes.send(run.read_state() if processes.main else None)
    if saved is None:
        processes.seed_noise(settings.seed)
    else:
        trainer.restore(run.parse_state(saved, trainer.expected()))
    if processes.main:
        within = trainer.step % (trainer.examples // settings.batch_size) if trainer.step < steps else 0
        run.forget_log_after(trainer.step - within)


def _steps(
    trainer: Trainer, data: Split, order: Tensor, settings: Training, columns: Collection[str]
) -> Iterator[Sequence[Batch]]:
    """This process's micro-batches of each step; nothing is drawn before its step, so that a resumed run draws the
    same."""
    processes, model = trainer.processes, trainer.model
    mine = processes.slice_of(order, settings.batch_size)
    size = settings.batch_size // (processes.count * settings.accumulate)
    wanted = dict.fromkeys((*model.spec.given, *columns))
    batches = data.batches(mine, size, model.device, workers=settings.workers, columns=tuple(wanted))
    prepared = (without_some(augmented(batch, settings), model, settings.drop_given) for batch in batches)
    while step := list(islice(prepared, settings.accumulate)):
        yield step


def augmented(batch: Batch, settings: Training) -> Batch:
    """A batch whose pictures are mirrored and moved at random, as ``training.flip`` and ``training.shift`` say; what is
    known of them, if it is a picture, with them."""
    if not settings.flip and not settings.shift:
        return batch
    count, device = len(batch), batch.x.device
    which = torch.rand(count, dtype=torch.float32, device=device) < 0.5 * settings.flip
    by = settings.shift * (2 * torch.rand(count, 2, dtype=torch.float32, device=device) - 1)

    def change(values: Tensor) -> Tensor:
        if values.dim() != 4:
            return values
        mirrored = flipped(values, which)
        return shifted(mirrored, by) if settings.shift else mirrored

    known = {name: change(values) for name, values in batch.known.items()}
    return replace(batch, x=change(batch.x), known=known, given={name: known[name] for name in batch.given})


def without_some(batch: Batch, model: Model, share: float) -> Batch:
    """A batch in which each optional column of the model is not told for about this share of the examples (Ho &
    Salimans 2022, §3.2, there all at once), each for itself, so that every choice of columns is learned from."""
    given = {name: batch.known[name] for name in model.spec.given}
    for name, column in model.spec.given.items():
        if share and column.optional:
            values = given[name]
            drop = torch.rand(len(values), dtype=torch.float32, device=values.device) < share
            drop = drop.view(-1, *[1] * (values.dim() - 1))
            given[name] = torch.where(drop, not_told(column, len(values), values), values)
    return replace(batch, given=given)


def _play(trainer: Trainer, batches: Sequence[Batch], settings: Training, steps: int) -> None:
    """One step: every player whose turn it is moves, then the average follows."""
    factor = _schedule(trainer.step, steps, settings.schedule, settings.warmup_steps)
    for player in trainer.players:
        if trainer.step % player.settings.every:
            continue
        if len(trainer.players) > 1:  # no gradient to who does not move
            for other in trainer.players:
                other.module.requires_grad_(other is player)
        terms = trainer.processes.mean(_backward(trainer, player, batches, settings.precision))
        _check_finite(terms, player, trainer)
        if player.settings.clip:
            nn.utils.clip_grad_norm_(player.module.parameters(), player.settings.clip)
        for group in player.optimizer.param_groups:
            group["lr"] = player.settings.learning_rate * factor
        player.optimizer.step()
        trainer.means.add(terms, f"{player.name}_" if len(trainer.players) > 1 else "")
    trainer.step += 1
    trainer.follow()


def _backward(trainer: Trainer, player: Player, batches: Sequence[Batch], precision: str) -> Mapping[str, Tensor]:
    """The terms' means over the micro-batches; the player's gradients are those of its ``loss``."""
    player.optimizer.zero_grad()
    parts = []
    for number, batch in enumerate(batches, 1):
        with trainer.processes.passing(player.step, last=number == len(batches)):
            with _autocast(batch.x.device, precision):
                terms = player.step(trainer.model, batch, trainer.step)
            terms["loss"].backward(torch.full_like(terms["loss"], 1 / len(batches)))
        parts.append({key: value.detach() for key, value in terms.items()})
    if len(parts) == 1:
        return parts[0]
    return {key: torch.stack([part[key] for part in parts]).mean() for key in parts[0]}


def _autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def _check_finite(terms: Mapping[str, Tensor], player: Player, trainer: Trainer) -> None:
    if not terms["loss"].isfinite():
        bad = ", ".join(key for key, value in terms.items() if not value.isfinite())
        raise _diverged(f"{bad} of the {player.name}", trainer)


def _diverged(what: str, trainer: Trainer) -> TrainingDiverged:
    where = f"{what} became NaN or infinite at step {trainer.step}"
    if trainer.saved_step is None:
        return TrainingDiverged(f"{where}; no state was saved: {_ANEW}", suggestions=["--force"])
    several = len(trainer.players) > 1
    keys = [(f"{player.name}." if several else "", player.settings.learning_rate / 2) for player in trainer.players]
    smaller = " ".join(f"--set optimizer.{key}learning_rate={rate:.3g}" for key, rate in keys)
    return TrainingDiverged(
        f"{where}; the last good state is that of {trainer.saved_step}: go on from it with --resume {smaller}, "
        f"or {_ANEW}",
        suggestions=["--resume", "--force"],
    )


def _schedule(step: int, steps: int, schedule: str, warmup_steps: int) -> float:
    """The factor on the learning rate at a step."""
    rise = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    return rise if schedule == "constant" else rise * 0.5 * (1 + math.cos(math.pi * step / steps))


def _end_epoch(trainer: Trainer, run: Run, kept: Model, epoch: int, on_epoch: Callable[[Model, int], Any]) -> bool:
    """Log an epoch; whether the run is to end with it."""
    enough = False
    if trainer.processes.main:
        entry = {"epoch": epoch, "step": trainer.step, "seconds": round(trainer.seconds, 3)}
        run.log(entry | trainer.means.values())
        with trainer.processes.alone():
            enough = on_epoch(kept.eval(), epoch) is True
        trainer.model.train()
    return enough


def _save(trainer: Trainer, run: Run) -> None:
    """Save the state, unless the last step left NaN in it: what is saved can always be gone on from."""
    tensors = trainer.state()
    for key, value in tensors.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise _diverged(key.removeprefix("terms."), trainer)
    if trainer.processes.main:
        run.save_state(tensors)
    trainer.saved_step = trainer.step
