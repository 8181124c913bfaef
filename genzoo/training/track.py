"""The terms of a run for TensorBoard, by accelerate's tracker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from genzoo.errors import InvalidInput, MissingDependency
from genzoo.training.clock import Progress

__all__ = ["TRACKERS", "check_tracker", "tracked"]

TRACKERS = ("tensorboard",)


def check_tracker(name: str) -> None:
    """Refuse a tracker that cannot be used; "" is none.

    Raises:
        InvalidInput: there is none of that name.
        MissingDependency: it is not installed.
    """
    if name and name not in TRACKERS:
        raise InvalidInput(f"no tracker is called {name!r:.80}; known: {', '.join(TRACKERS)}")
    if name and find_spec(name) is None:
        raise MissingDependency(
            f"--track {name} needs {name}, which is not installed; try: pip install 'genzoo[{name}]'",
            suggestions=[f"pip install 'genzoo[{name}]'"],
        )


@contextmanager
def tracked(name: str, folder: Path, *, cpu: bool) -> Iterator[Callable[[Progress], None]]:
    """What to report to: it logs an epoch's terms by the step, to ``folder/<name>``; "" logs nothing."""
    if not name:
        yield lambda progress: None
        return
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=cpu, log_with=name, project_dir=folder)
    accelerator.init_trackers(name)
    try:
        yield (
            lambda progress: accelerator.log(dict(progress.terms), step=progress.step) if progress.epoch_ended else None
        )
    finally:
        for tracker in accelerator.trackers:  # end_training would end the processes' group too
            tracker.finish()
