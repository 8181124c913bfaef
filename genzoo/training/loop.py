"""The one loop. Each player of the objective moves in turn: a VAE has one, a GAN two.

A run that is stopped and resumed has the same bits as one that is not (on the CPU): the order of epoch e depends on
(seed, e) alone, and the saved state holds weights, moments, averages, random state and step.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from genzoo.datasets import Split
from genzoo.errors import InvalidInput, MissingDependency, TrainingDiverged
from genzoo.models import Model
from genzoo.randomness import stream
from genzoo.training.recipe import Recipe
from genzoo.training.run import Run

__all__ = ["Interrupted", "Losses", "Progress", "fit"]

SAVE_SECONDS = 20.0
REPORT_SECONDS = 0.5

_REMEDY = (
    "no state after that is saved. Try a smaller optimizer.learning_rate, or training.precision = 'float32', "
    "with --force or -o DIR"
)

Loss = Callable[..., dict[str, Tensor]]
Losses = Mapping[str, Loss]
"""player -> loss: (model, batch) -> {term: (n,) tensor}, ``loss`` among them; in the order of play. A loss that has
the parameter ``data_size`` is given the number of examples, one that has ``step`` a tensor with the step."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run is. `terms` are means since the epoch (or the resumed part of it) began; `rate` is in images/s."""

    epoch: int
    epochs: int
    step: int
    steps: int
    terms: Mapping[str, float]
    rate: float
    seconds_left: float
    epoch_ended: bool


class Interrupted(KeyboardInterrupt):
    """SIGINT or SIGTERM stopped the run after a whole step, and its state is saved."""


class _Means:
    """Running means of the terms since an epoch began, kept on the device until they are asked for."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, terms: Mapping[str, Tensor], prefix: str) -> None:
        """Count in the terms of one move; ``loss`` gets the prefix, which says whose."""
        for key, value in terms.items():
            name = f"{prefix}{key}" if key == "loss" else key
            self._sums[name] = self._sums.get(name, torch.zeros_like(value, requires_grad=False)) + value.detach()
            self._counts[name] = self._counts.get(name, 0) + 1

    def values(self) -> dict[str, float]:
        return {name: float(value) / self._counts[name] for name, value in self._sums.items()}


@dataclass(kw_only=True)
class _Player:
    name: str
    module: nn.Module
    loss: Loss
    optimizer: torch.optim.Optimizer
    learning_rate: float
    every: int
    takes_step: bool
    takes_labels: bool

    def terms(self, model: Model, batch: Tensor, labels: Tensor | None, step: int) -> dict[str, Tensor]:
        """The means of the loss's terms on a batch."""
        options = {"step": torch.tensor(step, device=batch.device)} if self.takes_step else {}
        if self.takes_labels:
            assert labels is not None
            options["labels"] = labels.to(batch.device)
        return {key: value.mean() for key, value in self.loss(model, batch, **options).items()}


@dataclass(kw_only=True)
class _Trainer:
    """All that a saved state restores: model, optimizers, average and step."""

    model: Model
    players: list[_Player]
    average: AveragedModel | None
    examples: int = 0
    step: int = 0
    seconds: float = 0.0
    means: _Means = field(default_factory=_Means)

    def state(self) -> dict[str, Tensor]:
        tensors = {f"model.{key}": value for key, value in self.model.state_dict().items()}
        if self.average is not None:
            tensors |= {f"average.{key}": value for key, value in self.average.state_dict().items()}
        for player in self.players:
            for index, moments in player.optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{player.name}.{index}.{key}": value for key, value in moments.items()}
        if self.model.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.model.device)
        return tensors | {
            "random.cpu": torch.get_rng_state(),
            "step": torch.tensor(self.step),
            "examples": torch.tensor(self.examples),
            "seconds": torch.tensor(self.seconds, dtype=torch.float64),
        }

    def expected(self) -> dict[str, Tensor]:
        """Tensors like those of a state: Adam's moments are like its parameters."""
        tensors = self.state()
        for player in self.players:
            for index, parameter in enumerate(player.module.parameters()):
                moments = {"step": torch.tensor(0.0), "exp_avg": parameter, "exp_avg_sq": parameter}
                tensors |= {f"optimizer.{player.name}.{index}.{key}": value for key, value in moments.items()}
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        self.model.load_state_dict(_below(tensors, "model."))
        if self.average is not None:
            self.average.load_state_dict(_below(tensors, "average."))
        for player in self.players:
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in _below(tensors, f"optimizer.{player.name}.").items():
                index, _, moment = key.partition(".")
                state.setdefault(int(index), {})[moment] = value
            groups = player.optimizer.state_dict()["param_groups"]
            player.optimizer.load_state_dict({"state": state, "param_groups": groups})
        if "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], self.model.device)
        torch.set_rng_state(tensors["random.cpu"])
        self.step, self.seconds = int(tensors["step"]), float(tensors["seconds"])
        if int(tensors["examples"]) != self.examples:
            raise InvalidInput(
                f"the run began with {int(tensors['examples'])} examples, and the data now has {self.examples}: "
                "restore the data, or start anew with --force"
            )


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def fit(
    model: Model,
    losses: Losses,
    data: Split,
    recipe: Recipe,
    run: Run,
    *,
    report: Callable[[Progress], None] = lambda progress: None,
    on_epoch: Callable[[Model, int], None] = lambda model, epoch: None,
) -> Model:
    """Train `model` on `data` until the recipe's last epoch, from the state in `run` if there is one.

    Draws from torch's global generators: seed or fork them outside.

    Args:
        model: untrained, or as it was when the run began; it is trained in place.
        losses: the players' losses.
        data: the training split.
        recipe: of which ``optimizer`` and ``training`` are read.
        run: where states and the log are written.
        report: called about twice a second and at the end of each epoch.
        on_epoch: called with the model to be saved (in eval mode) and the number of epochs done.

    Returns:
        The model to be saved, in eval mode: the moving average of the weights if the recipe asks for one.

    Raises:
        InvalidInput: there are fewer images than a batch has.
        MissingDependency: the recipe wants torch.compile, and there is no compiler.
        TrainingDiverged: a loss became NaN or infinite; the last good state stays.
        Interrupted: see there.
    """
    settings = recipe.training
    steps_per_epoch = len(data) // settings["batch_size"]
    if steps_per_epoch == 0:
        raise InvalidInput(
            f"training.batch_size is {settings['batch_size']}, but there are only {len(data)} images: "
            f"write training.batch_size = {max(1, len(data) // 4)} or so"
        )
    if settings["compile"]:
        _check_compiler()
    trainer = _trainer(model, losses, recipe, data_size=len(data))
    if (state := run.load_state(trainer.expected())) is not None:
        trainer.restore(state)
    run.forget_log_after(trainer.step)
    steps = steps_per_epoch * settings["epochs"]
    clock = _Clock(trainer=trainer, steps=steps, batch_size=settings["batch_size"])
    kept = model if trainer.average is None else cast(Model, trainer.average.module)
    with _stop_requests() as stop_requested:
        while trainer.step < steps:
            epoch, done = divmod(trainer.step, steps_per_epoch)
            trainer.means = _Means()
            order = torch.randperm(len(data), generator=stream("order", settings["seed"], epoch))
            order = order[done * settings["batch_size"] : steps_per_epoch * settings["batch_size"]]
            labels = None if data.labels is None else iter(torch.split(data.labels[order], settings["batch_size"]))
            for batch in data.batches(order, settings["batch_size"], model.device):
                _play(trainer, batch, None if labels is None else next(labels), settings, steps)
                clock.tick()
                ended = trainer.step % steps_per_epoch == 0
                if ended or clock.report_due():
                    report(clock.progress(epoch, settings["epochs"], trainer.means.values(), ended))
                if ended:  # before the state that says so: what is killed in between is done again
                    _end_epoch(trainer, run, kept, epoch + 1, on_epoch)
                stop = stop_requested() and trainer.step < steps
                if clock.save_due() or trainer.step == steps or stop:
                    _save(trainer, run)
                if stop:
                    raise Interrupted
    return kept.requires_grad_(True).eval()


def _end_epoch(trainer: _Trainer, run: Run, kept: Model, epoch: int, on_epoch: Callable[[Model, int], None]) -> None:
    run.log({"epoch": epoch, "step": trainer.step, "seconds": round(trainer.seconds, 3), **trainer.means.values()})
    on_epoch(kept.eval(), epoch)
    trainer.model.train()


def _save(trainer: _Trainer, run: Run) -> None:
    """Save the state, unless the last step left NaN in it: what is saved can always be gone on from."""
    tensors = trainer.state()
    if bad := [key for key, value in tensors.items() if value.is_floating_point() and not value.isfinite().all()]:
        raise TrainingDiverged(f"{bad[0]} became NaN or infinite at step {trainer.step}; {_REMEDY}")
    run.save_state(tensors)


def _check_compiler() -> None:
    """MissingDependency if torch.compile would find no C++ compiler."""
    names = [os.environ["CXX"]] if "CXX" in os.environ else ["g++", "clang++", "cl"]
    if not any(map(shutil.which, names)):
        raise MissingDependency(
            "training.compile = true needs a C++ compiler, and none is on the PATH; install one (g++ or clang++), "
            "or set training.compile = false"
        )


def _trainer(model: Model, losses: Losses, recipe: Recipe, *, data_size: int) -> _Trainer:
    players = []
    for name, loss in losses.items():
        options = recipe.optimizer_of(name)
        objective = partial(loss, data_size=data_size) if "data_size" in signature(loss).parameters else loss
        module = model.players[name]
        betas = (options["beta1"], options["beta2"])
        players.append(
            _Player(
                name=name,
                module=module,
                loss=torch.compile(objective) if recipe.training["compile"] else objective,
                optimizer=torch.optim.Adam(module.parameters(), lr=options["learning_rate"], betas=betas, fused=True),
                learning_rate=options["learning_rate"],
                every=options["every"],
                takes_step="step" in signature(objective).parameters,
                takes_labels="labels" in signature(objective).parameters,
            )
        )
    average = None
    if decay := recipe.training["ema"]:
        follow = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        average = AveragedModel(model, multi_avg_fn=follow, use_buffers=True)
    return _Trainer(model=model.train(), players=players, average=average, examples=data_size)


def _play(trainer: _Trainer, batch: Tensor, labels: Tensor | None, settings: Mapping[str, Any], steps: int) -> None:
    """One step: every player whose turn it is moves, then the average follows."""
    factor = _schedule(trainer.step, steps, settings["schedule"], settings["warmup_steps"])
    for player in trainer.players:
        if trainer.step % player.every:
            continue
        if len(trainer.players) > 1:  # no gradient to who does not move
            for other in trainer.players:
                other.module.requires_grad_(other is player)
        with _autocast(batch.device, settings["precision"]):
            terms = player.terms(trainer.model, batch, labels, trainer.step)
        _check_finite(terms, player, trainer.step)
        player.optimizer.zero_grad()
        terms["loss"].backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        for group in player.optimizer.param_groups:
            group["lr"] = player.learning_rate * factor
        player.optimizer.step()
        trainer.means.add(terms, f"{player.name}_" if len(trainer.players) > 1 else "")
    trainer.step += 1
    if trainer.average is not None:
        trainer.average.update_parameters(trainer.model)


def _autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def _check_finite(terms: Mapping[str, Tensor], player: _Player, step: int) -> None:
    if not terms["loss"].isfinite():
        bad = ", ".join(key for key, value in terms.items() if not value.isfinite())
        raise TrainingDiverged(f"{bad} of the {player.name} became NaN or infinite at step {step}; {_REMEDY}")


def _schedule(step: int, steps: int, schedule: str, warmup_steps: int) -> float:
    """The factor on the learning rate at a step."""
    rise = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    return rise if schedule == "constant" else rise * 0.5 * (1 + math.cos(math.pi * step / steps))


class _Clock:
    """Rates, and what is due."""

    def __init__(self, *, trainer: _Trainer, steps: int, batch_size: int) -> None:
        self.trainer, self.steps, self.batch_size = trainer, steps, batch_size
        self.first_step, self.before = trainer.step, trainer.seconds
        self.start = self.reported = self.saved = time.monotonic()

    def tick(self) -> None:
        """Count the time of the run, all its parts, in the trainer."""
        self.trainer.seconds = self.before + time.monotonic() - self.start

    def report_due(self) -> bool:
        return time.monotonic() - self.reported >= REPORT_SECONDS

    def save_due(self) -> bool:
        due = time.monotonic() - self.saved >= SAVE_SECONDS
        if due:
            self.saved = time.monotonic()
        return due

    def progress(self, epoch: int, epochs: int, terms: Mapping[str, float], ended: bool) -> Progress:
        self.reported = time.monotonic()
        step = self.trainer.step
        per_step = (self.reported - self.start) / (step - self.first_step)
        return Progress(
            epoch=epoch + 1,
            epochs=epochs,
            step=step,
            steps=self.steps,
            terms=terms,
            rate=self.batch_size / per_step,
            seconds_left=per_step * (self.steps - step),
            epoch_ended=ended,
        )


@contextmanager
def _stop_requests() -> Iterator[Callable[[], bool]]:
    """Says whether SIGINT or SIGTERM came, which then wait for the end of a step. A second one acts at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {int(number): signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: Any) -> None:
        asked.set()
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, ask)
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
