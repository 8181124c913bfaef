"""Pictures of PIL and arrays of numpy where a verb takes pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import genzoo
from genzoo.errors import InvalidInput
from genzoo.models.given import resolve
from genzoo.pictures import batch_of
from genzoo.spec import Column, Space

GREY = np.arange(20, dtype=np.uint8).reshape(4, 5) * 12
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)


def model(channels: int = 1, **told: Any) -> Any:
    return genzoo.create("vae-dense", input_shape=(channels, 4, 5), latent_dim=2, hidden=[4], seed=0, **told)


@settings(max_examples=30)
@given(
    n=st.integers(1, 3),
    channels=st.sampled_from([1, 3]),
    height=st.integers(1, 4),
    width=st.integers(1, 4),
    floats=st.booleans(),
)
def test_pictures_and_arrays_are_the_tensors_they_show(
    n: int, channels: int, height: int, width: int, *, floats: bool
) -> None:
    shape = (channels, height, width)
    array = np.random.default_rng(n).integers(0, 256, (n, height, width, channels), dtype=np.uint8)
    wanted = torch.from_numpy(array).permute(0, 3, 1, 2) / 255
    values = array / 255 if floats else array
    bare = values[..., 0] if channels == 1 else values
    pictures = [Image.fromarray(one[..., 0] if channels == 1 else one) for one in array]
    for given_ in (values, bare, list(values), list(bare), pictures, tuple(pictures)):
        found = batch_of(given_, shape, "x")
        assert found is not None
        assert torch.allclose(found, wanted, atol=1e-7)
    for one in (values[0], bare[0], pictures[0]):
        found = batch_of(one, shape, "x")
        assert found is not None
        assert torch.allclose(found, wanted[:1], atol=1e-7)


def test_every_verb_that_takes_pictures_takes_them_as_pil_has_them() -> None:
    own, x = model(), torch.from_numpy(GREY)[None, None] / 255
    picture = Image.fromarray(GREY)
    assert torch.equal(own.encode(picture), own.encode(x))
    assert torch.equal(own.encode([picture, GREY]), own.encode(x.repeat(2, 1, 1, 1)))
    assert torch.equal(own.reconstruct(GREY), own.reconstruct(x))
    assert torch.equal(model(3).encode(picture), model(3).encode(x.repeat(1, 3, 1, 1)))  # grey in colour
    assert own.encode(picture.convert("RGB")).shape == (1, 2)


def test_a_picture_that_a_model_is_told_may_be_one_of_pil() -> None:
    columns = {"source": Column(space=Space(shape=(1, 4, 5), values="unit"))}
    x, picture = torch.from_numpy(GREY)[None, None] / 255, Image.fromarray(GREY)
    for value in (picture, [picture, picture], x[0], x[0].numpy()):
        told = resolve(columns, {"source": value}, 2, "encode", torch.zeros(1))
        assert torch.equal(told["source"], x.repeat(2, 1, 1, 1))
    with pytest.raises(InvalidInput, match=r"encode: source wants pictures of 5×4 pixels; got 9×9"):
        resolve(columns, {"source": Image.new("L", (9, 9))}, 2, "encode", torch.zeros(1))


BAD: Mapping[str, tuple[Any, str]] = {
    "another size": (
        Image.new("L", (9, 9)),
        r"wants pictures of 5×4 pixels; got 9×9: genzoo.resize\(pictures, \(1, 4, 5",
    ),
    "an array of another size": (np.zeros((9, 8)), "wants pictures of 5×4 pixels; got 8×9: genzoo.resize"),
    "channels first": (GREY[None, None], r"torch.from_numpy\(x\) is a tensor, whose channels come first"),
    "in colour": (COLOUR, r"wants arrays of shape \(4, 5\), or \(n, …\) of them; got \(4, 5, 3\)"),
    "int64": (GREY.astype(np.int64), r"got int64: x.astype\('uint8'\)"),
    "floats of 255": (GREY.astype(np.float32), r"values must lie in \[0, 1\]"),
    "NaN": (GREY * np.nan, "values must be finite"),
    "a mixed list": ([GREY, "a"], "wants a tensor"),
    "a path": ("a.png", "wants a tensor"),
    "no numbers": (np.array(["a"]), "wants arrays of shape"),
}


@pytest.mark.parametrize("case", BAD)
def test_pictures_that_do_not_fit_say_what_to_type(case: str) -> None:
    value, message = BAD[case]
    with pytest.raises(InvalidInput, match=message):
        model().encode(value)


def test_a_code_is_a_tensor() -> None:
    with pytest.raises(InvalidInput, match=r"decode wants a tensor \(n, 2\); got ndarray"):
        model().decode(np.zeros((1, 2)))


def test_resize_makes_pictures_what_a_model_takes(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).resize((50, 40)).save(tmp_path / "a.png")
    clear = Image.new("RGBA", (9, 9), (0, 0, 0, 0))
    x = genzoo.resize([tmp_path / "a.png", str(tmp_path / "a.png"), COLOUR, COLOUR / 255, clear], (1, 4, 5))
    assert x.shape == (5, 1, 4, 5)
    assert torch.equal(x[0], x[1])
    assert torch.equal(x[2], x[3])
    assert (x[4] == 1).all()  # transparency is white
    assert torch.equal(genzoo.resize(GREY, (1, 4, 5)), torch.from_numpy(GREY)[None, None] / 255)
    with pytest.raises(InvalidInput, match=r"floats in \[0, 1\]; these lie in \[0, 228\]"):
        genzoo.resize(GREY.astype(np.float64), (1, 4, 5))
