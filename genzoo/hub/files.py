"""Verified reading and atomic, canonical writing. The only weights format is safetensors: there is no pickle path.

The order of checks in `read_weights` is the promise: kind of file, size, sha256, header, and only then the parser;
`check_state` then compares with the architecture before a tensor reaches a model.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from genzoo.errors import (
    DamagedFile,
    InvalidInput,
    MalformedWeights,
    NonFiniteWeights,
    NotFound,
    OutputExists,
    StateMismatch,
)

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["atomic_write", "check_state", "encode_weights", "read_weights", "refuse_existing", "writable_folder"]

MAX_HEADER_BYTES = 1 << 20
_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def read_weights(path: Path, *, sha256: str | None = None, size: int | None = None) -> dict[str, Tensor]:
    """The tensors of a safetensors file, on the CPU, after every check that needs no model.

    Raises:
        NotFound: there is no such file.
        DamagedFile: size or sha256 differ from the given ones.
        MalformedWeights: not a regular file, not safetensors, or a header of more than 1 MiB.
        NonFiniteWeights: a tensor holds NaN or infinity.
    """
    data = _read_regular(path, size)
    if sha256 is not None and (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise DamagedFile(f"{path} is damaged: its sha256 is {found[:16]}…, its record says {sha256[:16]}…")
    tensors = _parse(data, path)
    _check_finite(tensors, path)
    return tensors


def _read_regular(path: Path, size: int | None) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # opening a FIFO must not wait
    except FileNotFoundError:
        raise NotFound(f"{path} does not exist") from None
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror}") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise MalformedWeights(f"{path} is not a regular file")
    with open(descriptor, "rb") as file:
        if size is not None and status.st_size != size:
            raise DamagedFile(f"{path} is damaged: it has {status.st_size:,} bytes, its record says {size:,}")
        return file.read()


def _parse(data: bytes, path: Path) -> dict[str, Tensor]:
    import safetensors
    import safetensors.torch

    if data.startswith(_PICKLES):
        raise MalformedWeights(f"{path} is a pickle, not safetensors; genzoo never unpickles")
    header = int.from_bytes(data[:8], "little")
    if len(data) < 8 or header > len(data) - 8:
        raise MalformedWeights(f"{path} is not safetensors: it is too short for its header")
    if header > MAX_HEADER_BYTES:
        raise MalformedWeights(f"{path}: a header of {header:,} bytes is more than the {MAX_HEADER_BYTES:,} we accept")
    try:
        return safetensors.torch.load(data)
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise MalformedWeights(f"{path} is not safetensors: {error!s:.200}") from None


def _check_finite(tensors: Mapping[str, Tensor], path: Path) -> None:
    bad = [name for name, tensor in tensors.items() if not _is_finite(tensor)]
    if bad:
        raise NonFiniteWeights(f"{path}: NaN or infinity in {_some(bad)}")


def _is_finite(tensor: Tensor) -> bool:
    if not tensor.is_floating_point() or not tensor.numel():
        return True
    low, high = tensor.aminmax()  # one pass; NaN propagates
    return bool((low.abs() + high.abs()).isfinite()) or bool(tensor.isfinite().all())


def check_state(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    """StateMismatch unless `tensors` has exactly the names, shapes and dtypes of `expected` (which may be on meta)."""
    missing, surplus = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing or surplus:
        parts = [f"{what} {_some(names)}" for what, names in (("misses", missing), ("adds", surplus)) if names]
        raise StateMismatch(f"{path} does not fit its architecture: it {' and '.join(parts)}")
    for name, tensor in tensors.items():
        found, wanted = _describe(tensor), _describe(expected[name])
        if found != wanted:
            raise StateMismatch(f"{path} does not fit its architecture: {name} is {found}, not {wanted}")


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(name[:80] for name in names[:5]) + more


def encode_weights(tensors: Mapping[str, Tensor]) -> bytes:
    """The safetensors file of `tensors`; the same tensors give the same bytes."""
    import safetensors.torch

    owned = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return safetensors.torch.save(owned, metadata={"format": "pt"})  # one key: the order of several is random


def atomic_write(path: Path, data: bytes) -> None:
    """Write `path` whole or leave it as it was, also when killed, out of disk or out of power.

    Raises:
        InvalidInput: it cannot be written.
    """
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror}") from None
    finally:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refuse_existing(path: Path, *, force: bool) -> None:
    """OutputExists if something is at `path`, unless `force`."""
    if path.exists() and not force:
        raise OutputExists(f"{path} exists; give another path or --force", suggestions=["--force"])


def writable_folder(folder: Path) -> Path:
    """`folder`, made if need be; InvalidInput if it cannot be made or written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise InvalidInput(f"cannot write to {folder}: {error.strerror}") from None
