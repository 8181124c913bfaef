"""Where a run is, how fast it goes, and what is due."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from genzoo.training.state import Trainer

__all__ = ["Clock", "Progress"]

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
