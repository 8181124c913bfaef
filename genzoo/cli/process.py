"""What genzoo may do to a process that is its own."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from genzoo.files import home_folder

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["INTERRUPTED", "keep_memory", "prepare"]

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
ONE_GIB = 1 << 30


def prepare() -> None:
    """Make the process's surroundings usable: its three streams, and a home folder for libraries that want one."""
    _open_streams()
    if os.path.expanduser("~") == "~":  # noqa: PTH111  # pathlib raises instead
        os.environ["HOME"] = str(home_folder())


def _open_streams() -> None:
    """Streams to which every text can be written.

    What the encoding of stdout does not have is written as an escape, as Python writes it in a string. A closed stream
    becomes the null device. A note on stderr that cannot be written is dropped, and the command goes on.
    """
    for descriptor in range(3):
        with suppress(OSError):
            os.fstat(descriptor)
            continue
        os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor, which is this one
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115  # for as long as the process lives
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
    encoding = sys.stderr.encoding if sys.stderr else "utf-8"
    # without a buffer, as Python's -u has it: an interrupted write would be done again
    notes = _Notes(2, "w", closefd=False)
    sys.stderr = io.TextIOWrapper(notes, encoding, "backslashreplace", line_buffering=True, write_through=True)


class _Notes(io.FileIO):
    """A stream that drops what it cannot write: its reader or its terminal has gone, or the disk is full."""

    def write(self, data: ReadableBuffer, /) -> int:
        length = memoryview(data).nbytes
        with suppress(OSError):
            return super().write(data) or length
        return length


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
