"""What genzoo may do to a process that is its own."""

from __future__ import annotations

import sys

__all__ = ["INTERRUPTED", "keep_memory"]

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
ONE_GIB = 1 << 30


def keep_memory() -> None:
    """Have glibc keep freed memory instead of giving it back to the kernel at once.

    A training step frees and takes the same hundreds of megabytes again: thousands of page faults, up to a third of
    the time of a convolutional step. Elsewhere than on Linux with glibc nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:  # another C library
        return
    libc.mallopt(M_MMAP_THRESHOLD, ONE_GIB)
    libc.mallopt(M_TRIM_THRESHOLD, ONE_GIB)
