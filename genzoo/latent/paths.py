"""Codes on a line, between two, and on a plane."""

from __future__ import annotations

from math import inf
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from genzoo.arguments import typed
from genzoo.errors import InvalidInput
from genzoo.fields import whole

__all__ = ["Mode", "along", "between", "plane"]

Mode = Literal["linear", "spherical"]
OPPOSITE = 1e-6  # radians from π


def along(
    z: Float[Tensor, "n latent"], latent: int, values: Float[Tensor, " steps"]
) -> Float[Tensor, "n steps latent"]:
    """Codes that are z but for one latent, which takes each of the values."""
    moved = z[:, None].repeat(1, len(values), 1)
    moved[:, :, latent] = values.to(z)
    return moved


@typed
def between(
    a: Float[Tensor, "n latent"], b: Float[Tensor, "m latent"], steps: int, *, mode: Mode = "linear"
) -> Float[Tensor, "n steps latent"]:
    """Codes from a to b, both among them.

    ``linear`` is (1 − t) a + t b. ``spherical`` is (sin((1 − t) Ω) a + sin(t Ω) b) / sin Ω, Ω the angle between a and b
    (Shoemake 1985): codes of one length keep it. Draws of a prior of many dimensions have nearly one length, and a
    straight line between two leads through where there are none (White 2016).

    Raises:
        InvalidInput: not as many a as b, fewer than 2 steps, or a spherical way between opposite codes, of which there
            are many.
    """
    if mode not in ("linear", "spherical"):
        raise InvalidInput(f"mode must be 'linear' or 'spherical'; got {mode!r:.40}")
    if a.shape != b.shape:
        raise InvalidInput(f"a way leads from each a to one b; got {len(a)} and {len(b)} of them")
    t = torch.linspace(0, 1, whole(steps, "steps", least=2), dtype=torch.float64, device="cpu")[:, None]
    first, last = a.cpu().double()[:, None], b.cpu().double()[:, None]  # for small Ω; mps has no float64
    start, end = (1 - t, t) if mode == "linear" else _spherical(first, last, t)
    return (start * first + end * last).to(a)


def _spherical(a: Tensor, b: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """The weights of a and b; those of a straight line where they have one direction."""
    a, b = normalize(a, dim=-1), normalize(b, dim=-1)
    angle = 2 * torch.atan2((a - b).norm(dim=-1, keepdim=True), (a + b).norm(dim=-1, keepdim=True))
    if (angle > torch.pi - OPPOSITE).any():
        raise InvalidInput("there is no one spherical way between opposite codes; take mode='linear'")
    sine = angle.sin()
    start, end = (torch.where(sine > 0, (part * angle).sin() / sine, part) for part in (1 - t, t))
    return start, end


@typed
def plane(n: int, extent: float | None = None) -> Float[Tensor, "n n 2"]:
    """Codes of two latents on a grid: [row, column], the first grows with the column, the second falls with the row, as
    on a map.

    Without `extent` each is the quantiles Φ⁻¹((i + ½) / n) of N(0, 1), so that every code stands for one share of the
    prior (Kingma & Welling 2014, appendix A); with it they are equally spaced from −extent to extent.
    """
    n = whole(n, "n", least=2)
    if extent is not None and not 0 < extent < inf:
        raise InvalidInput(f"extent must be a positive number of standard deviations, e.g. 3; got {extent}")
    if extent is None:
        ticks = torch.special.ndtri((torch.arange(n, dtype=torch.float64, device="cpu") + 0.5) / n).float()
    else:
        ticks = torch.linspace(-extent, extent, n, dtype=torch.float32, device="cpu")
    upwards, rightwards = torch.meshgrid(ticks.flip(0), ticks, indexing="ij")
    return torch.stack([rightwards, upwards], dim=-1)
