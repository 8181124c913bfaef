"""Where a run is, how fast it goes or will go, and what is due."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, median
from typing import Self

from genzoo.training.state import Trainer

__all__ = ["Clock", "Pace", "Progress"]

SAVE_SECONDS = 20.0
REPORT_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run is. `terms` are means since the epoch began; `rate` is in images/s."""

    epoch: int
    epochs: int
    step: int
    steps: int
    terms: Mapping[str, float]
    rate: float
    seconds_left: float
    epoch_ended: bool


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds that a step takes, and those that each epoch takes besides."""

    step: float
    epoch: float = 0.0

    @classmethod
    def of(cls, ends: Sequence[float], *, read_ahead: bool, waited: float) -> Self:
        """That of steps, one or more of them.

        The first step has more to do than others, as memory and caches are new, and says something only where there is
        no other. Of the others the median counts, which a pause does not disturb; but the mean where batches are read
        ahead, as these come in bursts.

        Args:
            ends: the time at which the steps began, and those at which each ended.
            read_ahead: whether other processes read the batches.
            waited: how long the first batch was waited for. Each epoch starts its readers anew.
        """
        first, *others = [end - start for start, end in pairwise(ends)]
        if not others:
            return cls(step=first)
        return cls(step=mean(others), epoch=waited) if read_ahead else cls(step=median(others))

    def seconds(self, steps: int, per_epoch: int) -> float:
        """How long so many steps take, of which an epoch has `per_epoch`."""
        return steps * (self.step + self.epoch / per_epoch)

    def steps_in(self, seconds: float, per_epoch: int) -> int:
        """How many steps can be done in a time: one at least."""
        return max(1, round(seconds / self.seconds(1, per_epoch)))


class Clock:
    """Rates, and what is due."""

    def __init__(self, *, trainer: Trainer, steps: int, batch_size: int) -> None:
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

    def progress(self, epoch: int, epochs: int, *, ended: bool) -> Progress:
        self.reported = time.monotonic()
        step = self.trainer.step
        per_step = (self.reported - self.start) / (step - self.first_step)
        return Progress(
            epoch=epoch + 1,
            epochs=epochs,
            step=step,
            steps=self.steps,
            terms=self.trainer.means.values(),
            rate=self.batch_size / per_step,
            seconds_left=per_step * (self.steps - step),
            epoch_ended=ended,
        )
