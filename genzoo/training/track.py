"""Trackers: who is told the terms of a run besides its own log. Each has a record, a genzoo.TrackerSpec."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from genzoo.errors import GenzooWarning, MissingDependency, PluginError
from genzoo.guard import Failed, guarded
from genzoo.registry import load_target, registry
from genzoo.spec import TrackerSpec
from genzoo.training.clock import Progress
from genzoo.training.run import TRACKING

__all__ = ["Tracker", "find_tracker", "tensorboard", "tracked", "wandb"]


class Tracker(Protocol):
    """What the target of a TrackerSpec makes."""

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Take the terms of an epoch, and the steps done at its end."""

    def finish(self) -> None:
        """The run has ended, in whatever way."""


def find_tracker(name: str) -> TrackerSpec | None:
    """The record of a tracker that can be used; None of "".

    Raises:
        NotFound: there is none of that name.
        MissingDependency: what it needs is not installed.
    """
    if not name:
        return None
    record = registry().find(TrackerSpec, name)
    if record.module and find_spec(record.module.partition(".")[0]) is None:
        install = f"pip install '{record.install or record.module}'"
        raise MissingDependency(
            f"--track {name} needs {record.module}, which is not installed; try: {install}", suggestions=[install]
        )
    return record


@contextmanager
def tracked(record: TrackerSpec | None, name: str, folder: Path) -> Iterator[Callable[[Progress], None]]:
    """What to report the run `name` in `folder` to; without a record it tells nobody.

    A tracker that fails later than at its start is left with a GenzooWarning, and the run goes on.

    Raises:
        PluginError: it cannot start.
    """
    if record is None:
        yield lambda progress: None
        return
    target, kind, failed = load_target(record.target, record.name), record.name, False
    try:
        tracker: Tracker = guarded(lambda: target(name, folder / TRACKING / kind))
    except Failed as error:
        raise PluginError(f"the tracker {kind} cannot start: {error}") from error.__cause__

    def tell(call: Callable[[], Any]) -> None:
        nonlocal failed
        try:
            guarded(call)
        except Failed as error:
            failed = True
            warnings.warn(
                f"the tracker {kind} failed; nothing more is told to it: {error}", GenzooWarning, stacklevel=2
            )

    def report(progress: Progress) -> None:
        if progress.epoch_ended and not failed:
            tell(lambda: tracker.log(dict(progress.terms), step=progress.step))

    try:
        yield report
    finally:
        tell(tracker.finish)


class _OfAccelerate:
    """One of accelerate's trackers, started. They need accelerate's state, which is left as it was found."""

    def __init__(self, tracker: Any) -> None:
        from accelerate import PartialState

        self.reset = (lambda: None) if PartialState._shared_state else PartialState._reset_state
        PartialState(cpu=True)
        self.tracker = tracker
        tracker.start()

    def log(self, values: Mapping[str, float], step: int) -> None:
        self.tracker.log(values, step=step)

    def finish(self) -> None:
        self.tracker.finish()
        self.reset()


def tensorboard(name: str, folder: Path) -> Tracker:
    """TensorBoard's files are in `folder`."""
    from accelerate.tracking import TensorBoardTracker

    return _OfAccelerate(TensorBoardTracker(folder.name, folder.parent))


def wandb(name: str, folder: Path) -> Tracker:
    """A run of the project `name` at Weights & Biases, whose files are in `folder`."""
    from accelerate.tracking import WandBTracker

    folder.mkdir(parents=True, exist_ok=True)
    return _OfAccelerate(WandBTracker(name, dir=folder))
