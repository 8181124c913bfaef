"""Being told to stop: after a whole step, with the state saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Interrupted", "stop_requests"]


class Interrupted(KeyboardInterrupt):
    """SIGINT or SIGTERM stopped the run after a whole step, and its state is saved.

    Attributes:
        steps: how many the run is to have.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
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
