"""The rendered sprites, against what each factor means."""

from __future__ import annotations

from hashlib import blake2b
from math import pi

import numpy as np
import pytest
import torch
from torch import Tensor

from genzoo.api.data import open_data
from genzoo.datasets.sprites import FACTORS, SIZE, TRAVEL, render

COUNT = 737_280
SHAPES = range(3)


def pictures(**values: int | list[int]) -> Tensor:
    """Pictures with the factors given (one of them a list), the others in the middle."""
    middle = {"shape": 0, "scale": 5, "orientation": 0, "x": 15, "y": 15}
    count = max((len(value) for value in values.values() if isinstance(value, list)), default=1)
    columns = [torch.as_tensor(values.get(name, middle[name])).expand(count) for name in FACTORS.sizes]
    return render(torch.stack(columns, dim=1))


def centre(images: Tensor) -> Tensor:
    """The centroid (x, y) of each picture, in [−1, 1]."""
    axis = (torch.arange(SIZE) + 0.5) / SIZE * 2 - 1
    lit = (images[:, 0] > 0).float()
    total = lit.sum((1, 2))
    return torch.stack([(lit.sum(1) * axis).sum(1) / total, (lit.sum(2) * axis).sum(1) / total], dim=1)


def at(*position: int) -> Tensor:
    """Every shape of every scale and orientation at one position."""
    return FACTORS.of(torch.arange(720) * 1024) + torch.tensor([0, 0, 0, *position])


def test_there_are_as_many_as_in_dsprites_all_binary() -> None:
    split = open_data("sprites", "train", root="nowhere")
    assert len(split) == COUNT
    assert split.factors is FACTORS
    order = torch.randperm(COUNT, generator=torch.Generator().manual_seed(0))[:2000]
    batch = next(split.batches(order, 2000)).x
    assert batch.shape == (2000, 1, 64, 64)
    assert ((batch == 0) | (batch == 1)).all()
    assert batch.sum((1, 2, 3)).min() > 40


@pytest.mark.parametrize("position", [(0, 0), (0, 31), (31, 0), (31, 31)])
def test_every_shape_is_whole_in_every_corner(position: tuple[int, int]) -> None:
    images = render(at(*position))
    assert not torch.cat([images[..., 0, :], images[..., -1, :], images[..., :, 0], images[..., :, -1]]).any()


def test_no_pixel_of_any_shape_ever_changes() -> None:
    """Numbers on cards depend on every pixel, so a change here is a new data set."""
    digest = blake2b(np.packbits(render(at(15, 15)).numpy() > 0).tobytes(), digest_size=8)
    assert digest.hexdigest() == "d2011de249ad7be7"


@pytest.mark.parametrize("shape", SHAPES)
def test_area_grows_with_the_square_of_scale(shape: int) -> None:
    area = (pictures(shape=shape, scale=list(range(6)), orientation=7) > 0).sum((1, 2, 3)).float()
    scale = 0.5 + 0.1 * torch.arange(6)
    torch.testing.assert_close(area / area[-1], scale**2, atol=0.05, rtol=0)


@pytest.mark.parametrize("shape", [0, 1])
@pytest.mark.parametrize(("name", "axis"), [("x", 0), ("y", 1)])
def test_the_centre_moves_with_the_position_and_only_along_it(shape: int, name: str, axis: int) -> None:
    found = centre(pictures(shape=shape, **{name: list(range(32))}))
    torch.testing.assert_close(found[:, axis], torch.linspace(-TRAVEL, TRAVEL, 32), atol=1e-5, rtol=0)
    assert found[:, 1 - axis].std() < 1e-5


def test_an_ellipse_turns_with_its_orientation() -> None:
    images = pictures(shape=1, orientation=list(range(40)))
    axis = (torch.arange(SIZE) + 0.5) / SIZE * 2 - 1
    lit = (images[:, 0] > 0).float()
    x, y = (
        axis[None, None, :] - centre(images)[:, 0, None, None],
        axis[None, :, None] - centre(images)[:, 1, None, None],
    )
    angle = 0.5 * torch.atan2(2 * (lit * x * y).sum((1, 2)), (lit * (x**2 - y**2)).sum((1, 2)))
    wanted = 2 * pi * torch.arange(40) / 39
    assert torch.sin(angle - wanted).abs().max() < 0.05  # an ellipse is its own half turn


def test_a_whole_turn_is_none_and_the_heart_alone_tells_up_from_down() -> None:
    for shape in SHAPES:
        first, last = pictures(shape=shape, orientation=[0, 39])
        assert (first != last).float().mean() < 0.001
    upright, turned = (pictures(shape=2, orientation=value)[0] for value in (0, 20))
    assert (upright != turned).float().mean() > 0.01
