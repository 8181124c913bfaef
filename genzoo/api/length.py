"""How long a run is: its steps, about how many minutes they take here, and what a person is told of both."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Self

import torch

from genzoo.api.defaults import borrowed_random_state
from genzoo.api.plan import Plan
from genzoo.datasets import Split
from genzoo.errors import GenzooWarning, InvalidInput, TrainingDiverged
from genzoo.models import Model
from genzoo.text import about
from genzoo.training.clock import Pace
from genzoo.training.loop import pace
from genzoo.training.origin import LENGTH, Origin
from genzoo.training.processes import Processes

__all__ = ["Length", "check_minutes"]

FEW_STEPS = 500
MOST_STEPS = 1_000_000_000
MOST_MINUTES = 1_000_000
TIMED_STEPS = 30
SHARE_TIMED = 20  # of a run whose length is known, one step in so many is timed, and nothing of a shorter one
FAST_STEP = 0.2  # seconds; where steps are slower, a picture after each epoch is nothing beside them, or as slow


def check_minutes(minutes: float | None, overrides: Mapping[str, Any]) -> None:
    """InvalidInput unless `minutes` is None, or a time that nothing else contradicts."""
    if minutes is None:
        return
    if not 0 < minutes <= MOST_MINUTES:
        raise InvalidInput(f"minutes must be a number above 0, at most {MOST_MINUTES:,}; got {minutes!r:.40}")
    if also := [key for key in LENGTH if key in overrides]:
        raise InvalidInput(f"minutes and {also[0]} both say how long to train: give one of the two")


@dataclass(frozen=True, kw_only=True)
class Length:
    """The length of a run on its data.

    Attributes:
        plan: with the steps in its recipe.
        examples: how many there are.
        done: steps that are done already.
        seconds: about how long the others take; None if that was not measured.
        minutes: how long it was to take, if it was said so.
    """

    plan: Plan
    examples: int
    done: int
    seconds: float | None
    minutes: float | None

    @classmethod
    def of(
        cls,
        plan: Plan,
        data: Split,
        processes: Processes,
        *,
        minutes: float | None,
        done: int,
        preview: Callable[[Split, Model], object],
    ) -> Self:
        """The length of a run that is planned, from `done` on: what its recipe says, or so many `minutes`.

        A few steps are timed on a model of its own: neither the run's weights and folder nor random state change. All
        processes call it together.

        Args:
            plan: of the run.
            data: the training split.
            processes: those that train.
            minutes: how long to train from here on.
            done: the steps done so far, in the main process.
            preview: what is done after each epoch, besides.

        Raises:
            TrainingDiverged: within the steps that were timed, and there are `minutes`.
            InvalidInput: there are `minutes`, and the model is fitted at once.
        """
        if plan.estimate is not None:
            if minutes:
                raise InvalidInput(f"{plan.recipe.objective['name']} is fitted at once: leave minutes out")
            return cls(plan=plan, examples=len(data), done=done, seconds=None, minutes=None)
        training = plan.recipe.training
        done = int(processes.send(b"%d" % done) or 0)
        left, per_epoch = training.steps_of(len(data)) - done, len(data) // training.batch_size
        known = 0 if training.compile or left < SHARE_TIMED else max(2, left // SHARE_TIMED)
        most = min(TIMED_STEPS, TIMED_STEPS if minutes else known)
        try:
            found = _pace(plan, data, processes, most, preview) if most else None
        except TrainingDiverged:
            if minutes:
                raise
            found = None  # the run will say so itself
        if minutes and found:
            steps = done + found.steps_in(60 * minutes, per_epoch)
            steps = int(processes.send(b"%d" % min(steps, MOST_STEPS)) or 0)  # the main process's
            plan = replace(plan, recipe=plan.recipe.changed({"training.steps": steps}))
            left = steps - done
        seconds = found.seconds(left, per_epoch) if found else None
        return cls(plan=plan, examples=len(data), done=done, seconds=seconds, minutes=minutes)

    @property
    def steps(self) -> int:
        return 1 if self.plan.estimate is not None else self.plan.recipe.training.steps_of(self.examples)

    def announcement(self, processes: Processes) -> str:
        """What is trained on what, and how long."""
        shape = "×".join(map(str, self.plan.blueprint.spec.input_shape))
        together = f", {processes.count} processes" if processes.count > 1 else ""
        time_ = "" if self.seconds is None else f", {about(self.seconds)}"
        examples = f"{self.plan.recipe.name}: {self.examples:,} examples of {shape}"
        if self.plan.estimate is not None:
            return f"{examples}, fitted at once on {processes.device.type}"
        return f"{examples}, {self.steps:,} steps on {processes.device.type}{together}{time_}"

    def notes(self, there: Origin | None) -> Iterator[str]:
        """What else to say before a run, which goes on from `there`."""
        recipe = self.plan.recipe
        if there and self.plan.estimate is None:
            newly = there.rescheduled(recipe, self.examples)
            schedule = f"; the {recipe.training.schedule} schedule is from here on that of {self.steps:,} steps"
            yield f"going on after step {self.done:,} of {self.steps:,}{schedule if newly else ''}"
        if self.plan.dataset.held_out == self.plan.split:
            yield "nothing is held out: the model is measured on what it is trained on"
        if self.plan.estimate is not None:
            return
        self._warn_of_rises()
        if self.steps < FEW_STEPS:
            yield (
                f"only {self.steps:,} steps, in which a model learns little; for {FEW_STEPS} or more: {self._enough()}"
            )

    def _enough(self) -> str:
        """What to type for a run of FEW_STEPS or more."""
        if self.minutes:
            more = (FEW_STEPS - self.done) / (self.steps - self.done)
            return f"--minutes {ceil(10 * self.minutes * more) / 10:g}"
        if epochs := self.plan.recipe.training.epochs:
            return f"--set training.epochs={ceil(FEW_STEPS * epochs / self.steps)}"
        return f"--set training.steps={FEW_STEPS}"

    def _warn_of_rises(self) -> None:
        """Warn of what is to rise over more steps than there are, as in a recipe that is used on fewer data."""
        recipe, steps = self.plan.recipe, self.steps
        rises = {
            "objective.annealing_steps": recipe.objective.get("annealing_steps", 0),
            "training.warmup_steps": recipe.training.warmup_steps,
        }
        for key, rise in rises.items():
            if rise > steps:
                warnings.warn(
                    f"{key} = {rise:,} is more than the {steps:,} steps of the run, which ends at "
                    f"{steps / rise:.2g} of the full weight: --set {key}={steps // 2}",
                    GenzooWarning,
                    stacklevel=3,
                )


def _pace(plan: Plan, data: Split, processes: Processes, most: int, preview: Callable[[Split, Model], object]) -> Pace:
    """How fast a model as planned trains, by up to `most` steps and, where they are fast, one `preview`."""
    with borrowed_random_state(processes.device):
        torch.manual_seed(plan.recipe.training.seed)
        model = plan.blueprint.build("cpu").to(processes.device)
        found = pace(model, plan.losses, data, plan.recipe, most=most, columns=plan.columns, processes=processes)
        if not processes.main or found.step > FAST_STEP:
            return found
        start = time.monotonic()
        with processes.alone():
            preview(data, model.eval())
        return replace(found, epoch=found.epoch + time.monotonic() - start)
