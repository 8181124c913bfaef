"""Random changes of pictures, for data sets of few: another picture for each example at each look.

All draw from torch's global generator of the pictures' device.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["changed", "flipped", "shifted"]

BRIGHTNESS = 0.25  # of [0, 1]; half as much as of [-1, 1], in which Zhao et al. state it
SATURATION = 1.0
CONTRAST = 0.5
TRANSLATION = 1 / 8  # of a side
CUTOUT = 1 / 2  # of a side
GREY = 0.5  # the 0 of [-1, 1]


def flipped(x: Float[Tensor, "n c h w"], which: Tensor) -> Float[Tensor, "n c h w"]:
    """Those pictures mirrored, left for right, for which `which`, (n,), is true."""
    return torch.where(which.view(-1, 1, 1, 1), x.flip(-1), x)


def shifted(x: Float[Tensor, "n c h w"], by: Float[Tensor, "n 2"]) -> Float[Tensor, "n c h w"]:
    """Each picture moved down and right by so much of its height and width, in whole pixels; its edges are repeated."""
    rows, columns = (_source(size, by[:, axis]).clamp(0, size - 1) for axis, size in enumerate(x.shape[2:]))
    return _at(x, rows, columns)


def changed(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """T(x) of differentiable augmentation (Zhao et al. 2020): colour, translation, cutout, for each picture anew.

    Brightness moves by up to 0.25, saturation is scaled by 0 to 2, contrast by 0.5 to 1.5, and values stay in [0, 1].
    The picture moves by up to an eighth of each side, and a square of half a side is covered; grey is what comes in.
    Differentiable. x: values in [0, 1].
    """
    return _covered(_translated(_coloured(x)))


def _coloured(x: Tensor) -> Tensor:
    x = x + BRIGHTNESS * _even(x)
    grey = x.mean(1, keepdim=True)
    x = grey + (1 + SATURATION * _even(x)) * (x - grey)
    mean = x.mean((1, 2, 3), keepdim=True)
    return (mean + (1 + CONTRAST * _even(x)) * (x - mean)).clamp(0, 1)


def _even(x: Tensor) -> Tensor:
    """A number from -1 to 1 for each picture."""
    return 2 * torch.rand(len(x), 1, 1, 1, dtype=x.dtype, device=x.device) - 1


def _translated(x: Tensor) -> Tensor:
    by = TRANSLATION * (2 * torch.rand(len(x), 2, dtype=x.dtype, device=x.device) - 1)
    sources = [_source(size, by[:, axis]) for axis, size in enumerate(x.shape[2:])]
    rows, columns = (source.clamp(0, size - 1) for source, size in zip(sources, x.shape[2:], strict=True))
    inside = (sources[0] == rows)[:, None, :, None] & (sources[1] == columns)[:, None, None, :]
    return torch.where(inside, _at(x, rows, columns), GREY)


def _covered(x: Tensor) -> Tensor:
    at = torch.rand(len(x), 2, dtype=x.dtype, device=x.device)
    within = []
    for axis, size in enumerate(x.shape[2:]):
        centre = (at[:, axis] * size).floor()
        first = centre - round(CUTOUT * size) // 2
        place = torch.arange(size, device=x.device)
        within.append((place >= first[:, None]) & (place < first[:, None] + round(CUTOUT * size)))
    return torch.where(within[0][:, None, :, None] & within[1][:, None, None, :], GREY, x)


def _source(size: int, by: Tensor) -> Tensor:
    """(n, size): where each row, or column, comes from; outside of 0 to size - 1 beyond the edge."""
    return torch.arange(size, device=by.device) - (by * size).round().long()[:, None]


def _at(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The values at (n, h) rows and (n, w) columns."""
    examples = torch.arange(len(x), device=x.device)[:, None, None]
    return x.permute(0, 2, 3, 1)[examples, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
