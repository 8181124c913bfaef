"""dSprites' factors, rendered: one shape in 64×64 binary pixels for each combination, drawn when it is read.

The original (Matthey et al. 2017) is an archive of 737,280 pictures. Here the same grid of factors is a function of the
index, so nothing is downloaded and little is stored. The pictures are like the original's, not equal to them.

A step of the position is one pixel, so a shape of one scale and orientation is drawn once, on a canvas that is larger
than a picture, and every picture is a window of one of the 720 canvases: 6.5 MB in all.
"""

from __future__ import annotations

from functools import cache
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from genzoo.datasets.factors import Factors
from genzoo.datasets.split import Split

__all__ = ["FACTORS", "Sprites", "render", "sprites"]

FACTORS = Factors({"shape": 3, "scale": 6, "orientation": 40, "x": 32, "y": 32})
"""In dSprites' order."""

SIZE = 64
CANVAS = 95  # so that its windows of SIZE have 32 × 32 positions
RADIUS = 0.5  # of the circle around the largest shape, where the picture is [−1, 1]²
TRAVEL = 31 / 64  # of the centre: half of 31 pixels. RADIUS + TRAVEL < 1, so every shape is whole


def render(factors: Int[Tensor, "n 5"]) -> UInt8[Tensor, "n 1 64 64"]:
    """Pictures of 0 and 255: a pixel is lit where its centre lies inside the shape.

    shape: square, ellipse, heart; scale: 0.5 to 1 in six steps; orientation: 0 to 2π in 40 values, both ends among
    them, as in dSprites; x, y: the centre, from left to right and from top to bottom, a pixel a step.
    """
    shape, scale, orientation, x, y = factors.numpy().T
    # NumPy copies a window row by row: several times faster than torch's gather.
    return torch.from_numpy(_windows()[shape, scale, orientation, 31 - y, 31 - x])[:, None]


@cache
def _windows() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(shape, scale, orientation, from the top, from the left, 64, 64): a view of the canvases."""
    canvases = torch.stack([inside(*_coordinates()) for inside in (_square, _ellipse, _heart)])
    return sliding_window_view(canvases.to(torch.uint8).mul(255).numpy(), (SIZE, SIZE), axis=(-2, -1))


Grid = Float[Tensor, "6 40 95 95"]
Lit = Bool[Tensor, "6 40 95 95"]


def _coordinates() -> tuple[Grid, Grid]:
    """Where each pixel of the canvas of each scale and orientation lies in the shape's own axes."""
    # In double precision no pixel is so near to an edge that rounding could decide, whatever the machine.
    axis = (torch.arange(CANVAS, dtype=torch.float64, device="cpu") - CANVAS // 2) * 2 / SIZE
    size = RADIUS * (0.5 + 0.1 * torch.arange(6, dtype=torch.float64, device="cpu"))[:, None, None, None]
    across, down = axis / size, axis[:, None] / size
    angle = 2 * pi / 39 * torch.arange(40, dtype=torch.float64, device="cpu")[:, None, None]
    return across * angle.cos() + down * angle.sin(), down * angle.cos() - across * angle.sin()


def _square(u: Grid, v: Grid) -> Lit:
    return torch.maximum(u.abs(), v.abs()) <= 0.7


def _ellipse(u: Grid, v: Grid) -> Lit:
    return (u / 0.95) ** 2 + (v / 0.55) ** 2 <= 1


def _heart(u: Grid, v: Grid) -> Lit:
    """The sextic (a² + b² − 1)³ ≤ a² b³, tip down."""
    a, b = 1.37 * u, 0.1 - 1.37 * v
    return (a**2 + b**2 - 1) ** 3 <= a**2 * b**3


class Sprites:
    """All pictures, indexed by a tensor of indices."""

    def __len__(self) -> int:
        return len(FACTORS)

    def __getitem__(self, indices: Int[Tensor, " n"]) -> UInt8[Tensor, "n 1 64 64"]:
        return render(FACTORS.of(indices))


def sprites(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """3 shapes × 6 scales × 40 orientations × 32 × 32 positions, 1×64×64, in one split; `root` is not used."""
    return Split(source=Sprites(), shape=shape, factors=FACTORS)
