"""Sizes and values of pictures and animations."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import genzoo
from genzoo.pictures import animate, grid, strip


def ramp(rows: int, columns: int, channels: int = 1) -> Tensor:
    """Pictures of 4×6, each of one grey level, no two the same."""
    levels = torch.arange(rows * columns).view(rows, columns, 1, 1, 1) * 5 / 255
    return levels.expand(-1, -1, channels, 4, 6)


def pixels(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image.convert("L")))


def test_a_strip_has_a_row_for_each_row() -> None:
    image = strip(ramp(2, 5))
    assert image.size == (5 * 8 + 2, 2 * 6 + 2)
    assert pixels(image)[3::6, 4::8].tolist() == [[0, 5, 10, 15, 20], [25, 30, 35, 40, 45]]
    assert strip(ramp(1, 5)[0]) == strip(ramp(1, 5))
    assert strip(ramp(3, 2)) == grid(ramp(3, 2).flatten(0, 1), columns=2)


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_animation_goes_there_and_back_and_loses_nothing(kind: Literal["gif", "webp"], channels: int) -> None:
    moving = animate(ramp(2, 4, channels), columns=2, milliseconds=50)
    data = moving.encode(kind)
    assert data == animate(ramp(2, 4, channels), columns=2, milliseconds=50).encode(kind)
    with Image.open(io.BytesIO(data)) as file:
        assert (file.format or "").lower() == kind
        assert file.size == (2 * 8 + 2, 6 + 2)
        assert file.n_frames == 6  # type: ignore[attr-defined]
        assert file.info["loop"] == 0
        for place, wanted in enumerate((0, 1, 2, 3, 2, 1)):
            file.seek(place)
            file.load()
            assert file.info["duration"] == 50
            assert torch.equal(pixels(file), pixels(moving.frames[wanted])), place


def test_a_single_frame_stands_still() -> None:
    with Image.open(io.BytesIO(animate(ramp(3, 1)).encode("gif"))) as file:
        assert getattr(file, "n_frames", 1) == 1


def test_an_animation_is_saved_by_its_name(tmp_path: Path) -> None:
    moving = animate(ramp(1, 3))
    moving.save(tmp_path / "a.gif")
    moving.save(tmp_path / "a.webp")
    assert (tmp_path / "a.gif").read_bytes() == moving.encode("gif")
    assert (tmp_path / "a.webp").read_bytes() == moving.encode("webp")
    with pytest.raises(genzoo.InvalidInput, match=r"ends in .gif or .webp"):
        moving.save(tmp_path / "a.png")


@pytest.mark.parametrize("bad", [torch.zeros(4, 6), torch.zeros(0, 2, 1, 4, 6), [1.0], torch.zeros(2, 3, 2, 4, 6)])
def test_what_is_no_rows_of_pictures_is_refused(bad: Tensor) -> None:
    for draw in (strip, animate):
        with pytest.raises(genzoo.InvalidInput, match="got"):
            draw(bad)


def test_a_frame_stands_for_some_time() -> None:
    with pytest.raises(genzoo.InvalidInput, match="milliseconds must be a whole number of at least 1"):
        animate(ramp(1, 2), milliseconds=0)
