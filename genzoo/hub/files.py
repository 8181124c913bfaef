"""Weights: verified reading and canonical writing. The only format is safetensors: there is no pickle path.

The order of checks in `read_weights` is the promise: kind of file, size, sha256, header, the parser, names, shapes and
dtypes, and only then values. Nothing reaches a model before all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from genzoo.errors import MalformedWeights, NonFiniteWeights, StateMismatch
from genzoo.files import read_recorded

__all__ = ["check_size", "check_state", "encode_weights", "parse_tensors", "parse_weights", "read_weights"]

MAX_HEADER_BYTES = 1 << 20
_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def read_weights(path: Path, expected: Mapping[str, Tensor], *, sha256: str, size: int) -> dict[str, Tensor]:
    """The tensors of a recorded safetensors file, on the CPU, after every check.

    Args:
        path: the file.
        expected: tensors with the names, shapes and dtypes it must have; they may be on the meta device.
        sha256: the recorded hash, 64 hex digits.
        size: the recorded size in bytes.

    Raises:
        NotFound: there is no such file.
        DamagedFile: size or sha256 differ from the recorded ones.
        MalformedWeights: not a regular file, not safetensors, or a header of more than 1 MiB.
        StateMismatch: not exactly the names, shapes and dtypes of `expected`.
        NonFiniteWeights: a tensor holds NaN or infinity.
    """
    return parse_weights(read_recorded(path, sha256=sha256, size=size), expected, str(path))


def parse_weights(
    data: bytes, expected: Mapping[str, Tensor], where: str, *, beside: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """The tensors in the bytes of a safetensors file; raises as `read_weights` does, `where` is for messages.

    Tensors whose names begin with one of `beside` may be there too, whatever they are.
    """
    tensors = parse_tensors(data, where)
    known = {name: tensor for name, tensor in tensors.items() if not name.startswith(beside)}
    check_state(known, expected, where)
    if bad := [name for name, tensor in tensors.items() if not _is_finite(tensor)]:
        raise NonFiniteWeights(f"{where}: NaN or infinity in {_some(bad)}")
    return tensors


def parse_tensors(data: bytes, where: str) -> dict[str, Tensor]:
    """The tensors in the bytes of a safetensors file, whatever they are; MalformedWeights if it is none."""
    if data[8:9] != b"{" and data.startswith(_PICKLES):  # a header's length may begin like a pickle, its text does not
        raise MalformedWeights(f"{where} is a pickle, not safetensors; genzoo never unpickles")
    header = int.from_bytes(data[:8], "little")
    if len(data) < 8 or header > len(data) - 8:
        raise MalformedWeights(f"{where} is not safetensors: it is too short for its header")
    if header > MAX_HEADER_BYTES:
        raise MalformedWeights(f"{where}: a header of {header:,} bytes is more than the {MAX_HEADER_BYTES:,} allowed")
    try:
        return safetensors.torch.load(data)
    except (safetensors.SafetensorError, KeyError, OverflowError, RuntimeError, TypeError, ValueError) as error:
        raise MalformedWeights(f"{where} is not safetensors: {error!s:.200}") from None


def _is_finite(tensor: Tensor) -> bool:
    if not tensor.is_floating_point() or not tensor.numel():
        return True
    low, high = tensor.aminmax()  # one pass; NaN propagates
    return bool(low.isfinite() and high.isfinite())


def check_size(size: int, expected: Mapping[str, Tensor], where: str) -> None:
    """StateMismatch if a recorded size is more than any file of these tensors has: it need not be fetched or read."""
    most = 8 + MAX_HEADER_BYTES + sum(tensor.nbytes for tensor in expected.values())
    if size > most:
        raise StateMismatch(
            f"{where} is recorded with {size:,} bytes, and its architecture needs {most:,} at most; tell its author"
        )


def check_state(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], where: str) -> None:
    """StateMismatch unless `tensors` has exactly the names, shapes and dtypes of `expected` (which may be on meta)."""
    missing, surplus = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing or surplus:
        parts = [f"{what} {_some(names)}" for what, names in (("misses", missing), ("adds", surplus)) if names]
        raise StateMismatch(f"{where} does not fit its architecture: it {' and '.join(parts)}")
    for name, tensor in tensors.items():
        found, wanted = _describe(tensor), _describe(expected[name])
        if found != wanted:
            raise StateMismatch(f"{where} does not fit its architecture: {name} is {found}, not {wanted}")


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(name[:80] for name in names[:5]) + more


def encode_weights(tensors: Mapping[str, Tensor], metadata: tuple[str, str] = ("format", "pt")) -> bytes:
    """The safetensors file of `tensors`, with one entry of metadata; the same tensors give the same bytes."""
    owned = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return safetensors.torch.save(owned, metadata=dict([metadata]))  # one key: the order of several is random
