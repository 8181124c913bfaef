"""Codes in files: what is written is read again, and what is damaged, false or a pickle is refused."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import genzoo
from genzoo.api import codes
from genzoo.api.codes import SUFFIXES, encode_tensors, read_codes
from genzoo.errors import MalformedWeights, NotFound

Z = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_is_read_again(suffix: str, tmp_path: Path) -> None:
    data = encode_tensors({"z": Z, "labels": torch.arange(3)}, suffix)
    assert data == encode_tensors({"z": Z, "labels": torch.arange(3)}, suffix)
    path = tmp_path / f"codes{suffix}"
    path.write_bytes(data)
    assert torch.equal(read_codes(path, 4), Z)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", "<f8", ">f8"])
def test_floats_of_any_kind_are_codes_under_any_one_name(dtype: str, tmp_path: Path) -> None:
    (tmp_path / "z.npz").write_bytes(npz(codes=Z.numpy().astype(dtype)))
    torch.testing.assert_close(read_codes(tmp_path / "z.npz", 4), Z, atol=1e-3, rtol=1e-3)


FALSE: dict[str, tuple[bytes, type[Exception], str]] = {
    "pickled objects": (npz(z=np.array([{}], dtype=object)), MalformedWeights, "never unpickles"),
    "a pickle": (pickle.dumps([1]), MalformedWeights, "never unpickles"),
    "nothing": (b"", MalformedWeights, "is not an .npz"),
    "no arrays": (npz(), genzoo.InvalidInput, "holds nothing: call the codes 'z'"),
    "two others": (npz(a=Z.numpy(), b=Z.numpy()), genzoo.InvalidInput, "holds a, b: call the codes 'z'"),
    "whole numbers": (npz(z=np.ones((3, 4), int)), genzoo.InvalidInput, r"holds torch.int64 of shape \(3, 4\)"),
    "words": (npz(z=np.array(["a"])), MalformedWeights, "is not an .npz of numbers"),
    "too short": (npz(z=np.ones((3, 3))), genzoo.InvalidInput, r"\(3, 3\); codes of this model .* \(n, 4\)"),
    "no batch": (npz(z=np.ones(4)), genzoo.InvalidInput, r"shape \(4,\)"),
    "none": (npz(z=np.ones((0, 4))), genzoo.InvalidInput, "n ≥ 1"),
    "NaN": (npz(z=np.full((1, 4), np.nan)), genzoo.InvalidInput, "must be finite"),
    "more than float32 holds": (npz(z=np.full((1, 4), 1e300)), genzoo.InvalidInput, "must be finite"),
}


@pytest.mark.parametrize(("data", "error", "message"), FALSE.values(), ids=FALSE)
def test_what_is_no_codes_is_refused(data: bytes, error: type[Exception], message: str, tmp_path: Path) -> None:
    (tmp_path / "z.npz").write_bytes(data)
    with pytest.raises(error, match=message):
        read_codes(tmp_path / "z.npz", 4)


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "MAX_BYTES", 1 << 20)
    np.savez_compressed(tmp_path / "z.npz", z=np.zeros((1 << 18, 4), np.float32))
    assert (tmp_path / "z.npz").stat().st_size < 10_000
    with pytest.raises(MalformedWeights, match="more than the 1,048,576 allowed"):
        read_codes(tmp_path / "z.npz", 4)


def test_an_array_that_is_said_to_be_larger_than_it_is_is_refused(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 50, 4)})
    with zipfile.ZipFile(tmp_path / "z.npz", "w") as archive:
        archive.writestr("z.npy", header.getvalue() + bytes(64))
    with pytest.raises(MalformedWeights, match=r"is not an .npz of numbers"):
        read_codes(tmp_path / "z.npz", 4)


def test_a_pickle_under_the_name_of_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "z.safetensors").write_bytes(pickle.dumps([1] * 10))
    with pytest.raises(MalformedWeights, match="is a pickle, not safetensors"):
        read_codes(tmp_path / "z.safetensors", 4)


def test_a_file_of_another_name_or_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(genzoo.InvalidInput, match=r"are read from .npz or .safetensors"):
        read_codes(tmp_path / "z.pt", 4)
    with pytest.raises(NotFound, match="does not exist"):
        read_codes(tmp_path / "z.npz", 4)


@given(place=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.integers(0, 300))
def test_a_damaged_file_never_ends_in_another_error(
    place: int, value: int, cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = bytearray(npz(z=Z.numpy()))
    data[place % len(data)] = value
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(bytes(data[: len(data) - cut]))
    try:
        z = read_codes(path, 4)
    except genzoo.GenzooError:
        return
    assert z.shape[1] == 4
