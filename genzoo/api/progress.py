"""What `train` shows on stderr while it runs: a bar on a terminal, lines elsewhere. rich is imported when it does."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from genzoo.text import one_line
from genzoo.training import Progress
from genzoo.training.processes import is_main

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Note", "Report", "both", "display"]

Note = Callable[[str], None]
Report = Callable[[Progress], None]

LINE_SECONDS = 60.0
BAR_WIDTH = 10


@contextmanager
def display(*, shown: bool) -> Iterator[tuple[Note, Report]]:
    """What takes a line, and what takes the Progress; both show nothing unless `shown`, and in processes that train
    with a main one."""
    if not shown or getattr(sys.stderr, "closed", True) or not is_main():
        yield (lambda line: None), (lambda progress: None)
    elif sys.stderr.isatty():
        with _bar() as shows:
            yield shows
    else:
        yield _say, _Lines()


def both(first: Callable[[Any], None], second: Callable[[Any], None] | None) -> Callable[[Any], None]:
    """What calls the two in turn."""
    if second is None:
        return first

    def call(told: Any) -> None:
        first(told)
        second(told)

    return call


@contextmanager
def _bar() -> Iterator[tuple[Note, Report]]:
    """A bar with the epoch and the time left; then terms and rate, cut off where the terminal ends."""
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar
    from rich.table import Column

    terms = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(BAR_WIDTH),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}", markup=False),
        TextColumn("{task.fields[terms]}", markup=False, table_column=terms),
    )
    with Bar(*columns, console=Console(stderr=True), expand=True) as bar:
        task = bar.add_task("starting", total=None, left="", terms="")

        def report(progress: Progress) -> None:
            bar.update(
                task,
                description=f"epoch {progress.epoch}/{progress.epochs}",
                completed=progress.step,
                total=progress.steps,
                left=_left(progress),
                terms=f"{one_line(_terms(progress))}  {_rate(progress)}",
            )

        yield _printer(bar.console), report


def _printer(console: Console) -> Note:
    return lambda line: console.print(one_line(line), highlight=False, markup=False, emoji=False, soft_wrap=True)


class _Lines:
    """A line for each epoch, and one a minute in a long one."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.epoch_ended or now - self.last >= LINE_SECONDS:
            self.last = now
            epoch = f"epoch {progress.epoch}/{progress.epochs}"
            _say(f"{epoch}  {_terms(progress)}  {_rate(progress)}  {_left(progress)}")


def _say(line: str) -> None:
    """Write a line to stderr; what it cannot show is no reason to stop a run."""
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    with suppress(OSError, ValueError):  # it is closed
        sys.stderr.write(one_line(line).encode(encoding, "replace").decode(encoding) + "\n")
        sys.stderr.flush()


def _terms(progress: Progress) -> str:
    return "  ".join(f"{key} {value:.4g}" for key, value in progress.terms.items())


def _rate(progress: Progress) -> str:
    return f"{progress.rate:,.0f} images/s"


def _left(progress: Progress) -> str:
    minutes, seconds = divmod(round(progress.seconds_left), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02} left" if hours else f"{minutes}:{seconds:02} left"
