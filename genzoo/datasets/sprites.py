"""dSprites' factors, rendered: one shape in 64×64 binary pixels for each combination, drawn when it is read.

The original (Matthey et al. 2017) is an archive of 737,280 pictures. Here the same grid of factors is an analytic
function of the index, so nothing is downloaded or stored. The pictures are like the original's, not equal to them.
"""

from __future__ import annotations

from math import pi, prod
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from genzoo.datasets.split import Split

__all__ = ["FACTORS", "Sprites", "factors_of", "indices_of", "render", "sprites"]

FACTORS = {"shape": 3, "scale": 6, "orientation": 40, "x": 32, "y": 32}
"""Factor -> number of its values; the last varies fastest, as in dSprites."""

SIZE = 64
RADIUS = 0.35  # of the circle around the largest shape, where the picture is [−1, 1]²
TRAVEL = 0.6  # of the centre, so that RADIUS + TRAVEL < 1: every shape is whole


def factors_of(indices: Int[Tensor, " n"]) -> Int[Tensor, "n 5"]:
    """The value of each factor, from 0, of the pictures at `indices`."""
    columns, rest = [], indices
    for size in reversed(FACTORS.values()):
        columns.append(rest % size)
        rest = rest // size
    return torch.stack(columns[::-1], dim=1)


def indices_of(factors: Int[Tensor, "n 5"]) -> Int[Tensor, " n"]:
    """The indices of the pictures with these factors: the inverse of `factors_of`."""
    index = torch.zeros(len(factors), dtype=torch.long)
    for column, size in zip(factors.unbind(1), FACTORS.values(), strict=True):
        index = index * size + column
    return index


def render(factors: Int[Tensor, "n 5"]) -> UInt8[Tensor, "n 1 64 64"]:
    """Pictures of 0 and 255: a pixel is lit where its centre lies inside the shape.

    shape: square, ellipse, heart; scale: 0.5 to 1 in six steps; orientation: 0 to 2π in 40 values, both ends among
    them, as in dSprites; x, y: the centre, from left to right and from top to bottom.
    """
    shape, scale, orientation, x, y = (column[:, None, None] for column in factors.float().unbind(1))
    axis = (torch.arange(SIZE) + 0.5) / SIZE * 2 - 1
    size = RADIUS * (0.5 + 0.1 * scale)
    across = (axis[None, None, :] - TRAVEL * (2 * x / 31 - 1)) / size
    down = (axis[None, :, None] - TRAVEL * (2 * y / 31 - 1)) / size
    angle = 2 * pi * orientation / 39
    u, v = across * angle.cos() + down * angle.sin(), down * angle.cos() - across * angle.sin()
    inside = torch.where(shape == 0, _square(u, v), torch.where(shape == 1, _ellipse(u, v), _heart(u, v)))
    return inside[:, None].to(torch.uint8) * 255


Grid = Float[Tensor, "n 64 64"]
Lit = Bool[Tensor, "n 64 64"]


def _square(u: Grid, v: Grid) -> Lit:
    return torch.maximum(u.abs(), v.abs()) <= 0.7


def _ellipse(u: Grid, v: Grid) -> Lit:
    return (u / 0.95) ** 2 + (v / 0.55) ** 2 <= 1


def _heart(u: Grid, v: Grid) -> Lit:
    """The sextic (a² + b² − 1)³ ≤ a² b³, tip down."""
    a, b = 1.3 * u, 0.1 - 1.3 * v
    return (a**2 + b**2 - 1) ** 3 <= a**2 * b**3


class Sprites:
    """All pictures, indexed by a tensor of indices."""

    def __len__(self) -> int:
        return prod(FACTORS.values())

    def __getitem__(self, indices: Int[Tensor, " n"]) -> UInt8[Tensor, "n 1 64 64"]:
        return render(factors_of(indices))


def sprites(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """3 shapes × 6 scales × 40 orientations × 32 × 32 positions, 1×64×64, in one split; `root` is not used."""
    return Split(source=Sprites(), shape=shape)
