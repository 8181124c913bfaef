"""One run at a time in a folder: a lock that the system releases when its process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from genzoo.errors import GenzooError, GenzooWarning, InvalidInput, OutputExists
from genzoo.files import atomic_write, read_regular, writable_folder
from genzoo.spec import CONTROL

__all__ = ["check_free", "locked"]

LOCK_FILE = ".lock"
HOLDER_FILE = ".lock.json"
MAX_HOLDER_BYTES = 1 << 12
UNSUPPORTED = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder`, which is made if need be, against other runs. Forked processes do not inherit the lock.

    Raises:
        OutputExists: another run holds it; the message says who.
        InvalidInput: the folder cannot be written to.
    """
    lock = FileLock(writable_folder(folder) / LOCK_FILE, blocking=False, thread_local=False, fallback_to_soft=False)
    holder = folder / HOLDER_FILE
    try:
        lock.acquire()
    except Timeout:
        raise _held(folder) from None
    except (OSError, NotImplementedError) as error:
        _tell_unlocked(folder, error)
        yield
        return
    try:
        who = {"host": socket.gethostname(), "pid": os.getpid(), "since": f"{datetime.now():%Y-%m-%d %H:%M:%S}"}
        atomic_write(holder, json.dumps(who).encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink()
        lock.release()


def check_free(folder: Path) -> None:
    """OutputExists if another run holds `folder` now; nothing is written."""
    if not (folder / LOCK_FILE).is_file():
        return
    try:
        with FileLock(folder / LOCK_FILE, blocking=False, thread_local=False, fallback_to_soft=False):
            return
    except Timeout:
        raise _held(folder) from None
    except (OSError, NotImplementedError):
        return  # `locked` says what is wrong


def _held(folder: Path) -> OutputExists:
    return OutputExists(
        f"{folder} is in use by another run, {_holder(folder)}: wait for its end, stop it there with Ctrl-C or kill, "
        "or go elsewhere with -o DIR",
        suggestions=["-o"],
    )


def _holder(folder: Path) -> str:
    try:
        who = json.loads(read_regular(folder / HOLDER_FILE, limit=MAX_HOLDER_BYTES))
        told = f"process {int(who['pid'])} on {who['host']:.80} since {who['since']:.40}"
    except (GenzooError, ValueError, TypeError, KeyError, RecursionError):  # not written yet, or not by us
        return "which does not say whose it is"
    return CONTROL.sub("?", told)


def _tell_unlocked(folder: Path, error: OSError | NotImplementedError) -> None:
    if isinstance(error, OSError) and error.errno not in UNSUPPORTED:
        raise InvalidInput(f"cannot lock {folder}: {error.strerror}; -o DIR goes elsewhere") from None
    warnings.warn(
        f"the file system of {folder} has no locks: do not start another run there", GenzooWarning, stacklevel=2
    )
