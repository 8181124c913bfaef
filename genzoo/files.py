"""Reading and writing of whole files: bounded, never waiting, never half."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from pathlib import Path
from typing import Any

from genzoo.errors import DamagedFile, InvalidInput, MalformedWeights, NotFound, OutputExists

__all__ = [
    "atomic_write",
    "check_depth",
    "home_folder",
    "json_text",
    "read_recorded",
    "read_regular",
    "refuse_existing",
    "rounded",
    "unfinished",
    "user_path",
    "writable_folder",
]

DIGITS = 6
MAX_DEPTH = 32
TEMPORARY = re.compile(r"(\..+)?\.\d+\.[0-9a-f]{8}\.tmp")
STRING_OR_FLAT_LIST = re.compile(r'"(?:[^"\\]|\\.)*"|\[[^][{}"]*\]')


def home_folder() -> Path:
    """The user's home folder.

    A user without one, as in a container whose user has no name and no ``$HOME``, gets a private folder among the
    temporary files, which is the same for every process.
    """
    try:
        return Path.home()
    except RuntimeError:
        import tempfile  # slow to import, and seldom needed
    folder = Path(tempfile.gettempdir()) / f"genzoo-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
        return folder
    return Path(tempfile.mkdtemp(prefix="genzoo-"))  # somebody else has made that folder, and may write to it


def user_path(text: str | Path) -> Path:
    """The path a user means, with ``~`` expanded; InvalidInput if it can be none."""
    try:
        path = Path(text).expanduser()
        path.stat()  # which links that lead to each other have none
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return path  # a path, if of nothing: whoever opens it says so
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInput(f"{str(text)!r:.80} is no path: {error}") from None
    return path


def read_regular(path: Path, *, limit: int | None = None, size: int | None = None) -> bytes:
    """The bytes of a regular file, in one read.

    Args:
        path: anything but a regular file (a FIFO, a device, a folder) is refused without waiting for it.
        limit: more bytes than these are refused before they are read.
        size: another number of bytes is refused before they are read.

    Raises:
        NotFound: it is not there, or cannot be opened.
        MalformedWeights: it is not a regular file, or over the limit.
        DamagedFile: it has not the size.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # opening a FIFO must not wait
    except FileNotFoundError:
        raise NotFound(f"{path} does not exist") from None
    except (OSError, ValueError) as error:
        raise NotFound(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise MalformedWeights(f"{path} is not a regular file")
    with open(descriptor, "rb") as file:
        if size is not None and status.st_size != size:
            raise DamagedFile(f"{path} is damaged: it has {status.st_size:,} bytes, its record says {size:,}")
        if limit is not None and status.st_size > limit:
            raise MalformedWeights(f"{path} has {status.st_size:,} bytes, more than the {limit:,} allowed")
        return file.read()


def read_recorded(path: Path, *, sha256: str, size: int) -> bytes:
    """The bytes of a file, which are the recorded ones; raises as `read_regular` does, DamagedFile for others."""
    data = read_regular(path, size=size)
    if (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise DamagedFile(f"{path} is damaged: its sha256 is {found[:16]}…, its record says {sha256[:16]}…")
    return data


def atomic_write(path: Path, data: bytes) -> None:
    """Write `path` whole or leave it as it was, also when killed, out of disk or out of power.

    Raises:
        InvalidInput: it cannot be written, or something that is no regular file is there.
    """
    try:
        target = path.resolve()  # what a link points to is replaced, not the link
    except (OSError, RuntimeError) as error:  # links that lead to each other
        raise InvalidInput(f"cannot write {path}: {error}") from None
    if target.exists() and not target.is_file():
        raise InvalidInput(f"cannot write {path}: something that is not a regular file is there")
    temporary = target.with_name(f".{target.name[:200]}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)  # the kernel applies the umask
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, target)
        _sync_folder(target.parent)
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def unfinished(folder: Path) -> list[Path]:
    """The files that `atomic_write` left in a folder when it was killed, or is writing now."""
    return [path for path in folder.glob(".*.tmp") if TEMPORARY.fullmatch(path.name)]


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def json_text(data: Any) -> str:
    """JSON to be read by people too: sorted keys, a line for each, a list of numbers in one."""
    indented = json.dumps(data, indent=1, sort_keys=True)
    return STRING_OR_FLAT_LIST.sub(_in_one_line, indented) + "\n"


def check_depth(data: Any) -> None:
    """ValueError if tables and lists as JSON has them are nested so deep that walking them could fail."""
    level = [data]
    for _ in range(MAX_DEPTH):
        tables = [each for each in level if isinstance(each, dict | list | tuple)]
        level = [inner for each in tables for inner in (each.values() if isinstance(each, dict) else each)]
        if not level:
            return
    raise ValueError(f"it is nested more than {MAX_DEPTH} deep")


def _in_one_line(match: re.Match[str]) -> str:
    text = match.group()
    return text if text.startswith('"') else f"[{' '.join(text[1:-1].split())}]"


def rounded(value: Any) -> Any:
    """A number, or a list of them, to the significant digits that another machine would find too."""
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return float(f"{value:.{DIGITS}g}")


def refuse_existing(path: Path, *, force: bool) -> None:
    """OutputExists if something is at `path`, unless `force`."""
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder; give the name of a file")
    if path.exists() and not force:
        raise OutputExists(f"{path} exists; give another path or --force", suggestions=["--force"])


def writable_folder(folder: Path) -> Path:
    """`folder`, made if need be; InvalidInput if it cannot be made or written to."""
    probe = folder / f".{os.getpid()}.{os.urandom(4).hex()}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch(exist_ok=False)
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidInput(f"cannot write to {folder}: {error.strerror}") from None
    return folder
