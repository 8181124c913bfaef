"""Code of plugins is run here: its errors stay its own, its prints go to stderr, and Ctrl-C still stops."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["Failed", "guarded"]

T = TypeVar("T")

_NO_PLACES = (f"{Path(__file__).parent}{os.sep}", *importlib.__path__, "<")


class Failed(Exception):
    """A plugin's code raised something; as a string: what, and where."""


def guarded(call: Callable[[], T]) -> T:
    """What `call` returns.

    Raises:
        Failed: it raised anything, also what is no Exception, as SystemExit and pytest's skips are.
        KeyboardInterrupt: the user pressed Ctrl-C, whatever `call` made of it.
    """
    with _noting_interrupts() as interrupted:
        try:
            with _stdout.to_stderr():
                result = call()
        except BaseException as error:
            if interrupted.is_set():
                raise KeyboardInterrupt from None
            raise Failed(_cause(error)) from error
        if interrupted.is_set():
            raise KeyboardInterrupt
        return result


@contextmanager
def _noting_interrupts() -> Iterator[threading.Event]:
    """Set when SIGINT made a KeyboardInterrupt: one that code raises by itself is no Ctrl-C."""
    interrupted = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield interrupted  # no KeyboardInterrupt of a signal arrives here
        return

    def note(number: int, frame: Any) -> None:
        try:
            before(number, frame)
        except KeyboardInterrupt:
            interrupted.set()
            raise

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


class _Stdout:
    """sys.stdout while code of plugins runs, in any number of threads at once: the last one to end puts it back."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running = 0
        self.before: Any = None

    @contextmanager
    def to_stderr(self) -> Iterator[None]:
        with self.lock:
            if not self.running:
                self.before, sys.stdout = sys.stdout, sys.stderr
            self.running += 1
        try:
            yield
        finally:
            with self.lock:
                self.running -= 1
                if not self.running:
                    sys.stdout, self.before = self.before, None


_stdout = _Stdout()


def _cause(error: BaseException) -> str:
    """An error on one line, with the last place on its way that is neither genzoo's own nor the import system's."""
    try:
        told = " ".join(str(error).split())
    except Exception:  # its class is of the plugin too
        told = "it cannot be shown"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_NO_PLACES)]
    places = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    if isinstance(error, SyntaxError) and error.filename:
        places.append(f"{error.filename}:{error.lineno}")
    place = f" (at {places[-1]})" if places else ""
    return f"{type(error).__name__}: {told}{place}"
