"""torch's defaults and global random state, kept from what genzoo computes and given back as they were."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from genzoo.randomness import kept_random_state

__all__ = ["borrowed_random_state", "plain_defaults"]

_DRAWING = threading.RLock()
"""Held by what draws from the global generators, of which a process has one set: a training run, and the reading of a
Dataset of the caller's."""


@contextmanager
def borrowed_random_state(device: torch.device | None = None) -> Iterator[None]:
    """The global generators, that of `device` too, for this thread alone, until they are given back as they were."""
    devices = [device] if device is not None and device.type == "cuda" else []
    with _DRAWING, kept_random_state(), torch.random.fork_rng(devices=devices):
        yield


class _Blocks:
    """How many blocks of `plain_defaults` are running, in all threads, and the dtype to restore after the last."""

    lock = threading.Lock()
    running = 0
    before = torch.float32


@contextmanager
def plain_defaults() -> Iterator[None]:
    """Tensors made within are float32 on the CPU unless they say otherwise, whatever defaults the caller has set.

    Architectures, data sets and metrics of plugins rely on that. The default device belongs to this thread. The default
    dtype belongs to the process, so where the caller has set another one, other threads see float32 meanwhile.
    """
    with _Blocks.lock:
        if not _Blocks.running:
            _Blocks.before = torch.get_default_dtype()
            torch.set_default_dtype(torch.float32)
        _Blocks.running += 1
    try:
        with ExitStack() as stack:
            if torch.get_default_device().type != "cpu":  # a mode costs time at each operation
                stack.enter_context(torch.device("cpu"))
            yield
    finally:
        with _Blocks.lock:
            _Blocks.running -= 1
            if not _Blocks.running:
                torch.set_default_dtype(_Blocks.before)
