"""Batches of a torch Dataset, read by worker processes that end when the reading does, however it ends."""

from __future__ import annotations

import atexit
import os
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import current_process
from multiprocessing.reduction import ForkingPickler
from typing import Any
from weakref import WeakSet

import torch
from jaxtyping import Int
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from genzoo.errors import GenzooError, GenzooWarning, InvalidInput
from genzoo.randomness import stream

__all__ = ["USEFUL", "read"]

USEFUL = -1
"""As the number of workers: as many as are useful here."""
MOST_USEFUL = 4

_running: WeakSet[Any] = WeakSet()


def read(source: Dataset[Any], order: Int[Tensor, " m"], batch_size: int, workers: int = USEFUL) -> Iterator[Any]:
    """The examples at the indices `order`, collated into batches of `batch_size`; the last one may be smaller.

    `workers` processes read ahead; with 0 the examples are read in this process, and so is a single batch, and
    everything in a daemonic process, which may have no children. If the workers fail (one is killed, /dev/shm is full),
    this process warns and reads on itself.

    Raises:
        InvalidInput: the source raised a GenzooError.
    """
    batches = [indices.tolist() for indices in torch.split(order, batch_size)]
    count = _worker_count(workers, len(batches))
    done = 0
    if count:
        try:
            with _started(_loader(source, batches, count)) as iterator:
                for batch in iterator:
                    done += 1
                    yield _checked(batch)
        except (RuntimeError, OSError) as error:  # what torch raises when a worker is gone or cannot send its batch
            cause = str(error).strip().splitlines()[-1]
            warnings.warn(f"worker processes failed ({cause}); reading on without them", GenzooWarning, stacklevel=2)
    for batch in _loader(source, batches[done:], 0):
        yield _checked(batch)


class _Batches(Dataset[Any]):
    """A batch for a list of indices. A GenzooError is handed on as a value: raised in a worker, it would arrive as a
    traceback in a message."""

    def __init__(self, source: Dataset[Any]) -> None:
        self.source = source

    def __getitem__(self, indices: list[int]) -> Any:
        try:
            if hasattr(self.source, "__getitems__"):
                return default_collate(self.source.__getitems__(indices))
            return default_collate([self.source[index] for index in indices])
        except GenzooError as error:
            return InvalidInput(error.message)


def _checked(batch: Any) -> Any:
    if isinstance(batch, InvalidInput):
        raise batch
    return batch


def _loader(source: Dataset[Any], batches: Sequence[list[int]], workers: int) -> DataLoader[Any]:
    # A generator of its own: a loader draws from the global one, and a resumed epoch makes one loader more.
    generator = stream("loader", *(batches[0][:8] if batches else ()))
    return DataLoader(
        _Batches(source),
        batch_size=None,
        sampler=batches,
        num_workers=workers,
        worker_init_fn=_ignore_signals_to_the_group,
        generator=generator,
    )


def _worker_count(wanted: int, batches: int) -> int:
    if batches < 2 or current_process().daemon:
        return 0
    return min(batches, min(MOST_USEFUL, _cores()) if wanted == USEFUL else wanted)


def _cores() -> int:
    """How many cores this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ignore_signals_to_the_group(worker: int) -> None:
    """Ctrl-C must not take the batch from a step that is still to end. SIGTERM stays as torch sets it: multiprocessing
    ends its children by it at exit, and waits for them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setpgrp"):
        os.setpgrp()


@contextmanager
def _started(loader: DataLoader[Any]) -> Iterator[Any]:
    """The iterator of a loader with workers. They end with the context: a traceback may keep the iterator alive."""
    # Has torch import what it pickles tensors with. In a thread of a forked worker that import can fail, and the batch
    # is lost, for which the reader would wait for ever.
    ForkingPickler.dumps(torch.empty(0, dtype=torch.float32, device="cpu"))
    with _same_child_handler():
        iterator: Any = iter(loader)
    _running.add(iterator)
    try:
        yield iterator
    finally:
        iterator._shutdown_workers()  # torch has no public way
        _running.discard(iterator)


@contextmanager
def _same_child_handler() -> Iterator[None]:
    """torch's handler of SIGCHLD would stay, and raise at any place of the caller's when a worker is gone."""
    if not hasattr(signal, "SIGCHLD") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        if before is not None:  # None: it was not set by Python
            signal.signal(signal.SIGCHLD, before)


@atexit.register
def _end_all() -> None:
    """End the workers of readings that are still open: multiprocessing would wait for queues that nobody reads."""
    for iterator in list(_running):
        iterator._shutdown_workers()
