"""Codes in files: .npz or .safetensors, and never a pickle."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genzoo.errors import InvalidInput, MalformedWeights
from genzoo.files import read_regular
from genzoo.hub.files import encode_weights, parse_tensors

__all__ = ["SUFFIXES", "encode_tensors", "read_codes"]

SUFFIXES = (".npz", ".safetensors")
MAX_BYTES = 1 << 30
KEY = "z"


def encode_tensors(tensors: Mapping[str, Tensor], suffix: str) -> bytes:
    """The file of tensors: .safetensors, else .npz. The same tensors give the same bytes."""
    if suffix == ".safetensors":
        return encode_weights(tensors)
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {name: tensor.cpu().numpy() for name, tensor in tensors.items()}
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_codes(path: Path, latent_dim: int) -> Float[Tensor, "n latent"]:
    """The codes in a file: the tensor called z, or the only one there is.

    Raises:
        NotFound: there is no such file.
        MalformedWeights: it is neither .npz nor .safetensors, holds pickles, or is over 1 GiB.
        InvalidInput: its codes are not floating-point, finite and (n, latent_dim).
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidInput(f"codes are read from {' or '.join(SUFFIXES)}, as genzoo encode writes them; got {path}")
    data = read_regular(path, limit=MAX_BYTES)
    tensors = parse_tensors(data, str(path)) if path.suffix.lower() == ".safetensors" else _parse_npz(data, str(path))
    if KEY not in tensors and len(tensors) != 1:
        raise InvalidInput(f"{path} holds {', '.join(sorted(tensors)[:5]) or 'nothing'}: call the codes {KEY!r}")
    z = tensors[KEY] if KEY in tensors else next(iter(tensors.values()))
    if not z.is_floating_point() or z.dim() != 2 or z.shape[1] != latent_dim or not len(z):
        raise InvalidInput(
            f"{path} holds {z.dtype} of shape {tuple(z.shape)}; codes of this model are floating-point and "
            f"(n, {latent_dim}), n ≥ 1, as genzoo encode writes them"
        )
    z = z.float()
    if not z.isfinite().all():
        raise InvalidInput(f"{path}: codes must be finite; here is NaN or infinity")
    return z


def _parse_npz(data: bytes, where: str) -> dict[str, Tensor]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > MAX_BYTES:
            raise ValueError(f"it unpacks to {size:,} bytes, more than the {MAX_BYTES:,} allowed")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {name: _to_tensor(arrays[name]) for name in arrays.files}
    except Exception as error:  # numpy and zipfile raise of many types at a damaged file
        raise MalformedWeights(f"{where} is not an .npz of numbers: {error!s:.200}; genzoo never unpickles") from None


def _to_tensor(array: Any) -> Tensor:
    """An array as a tensor, in the byte order of this machine."""
    return torch.from_numpy(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=False)))
