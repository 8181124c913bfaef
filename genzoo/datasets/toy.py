"""Points drawn from a known density, in one and two dimensions: what is learned can be held against the truth.

Each density is a mixture of equally likely, equally wide normals, so that it is exactly normalised; a ring or an arc is
one of so many that it is smooth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import log, pi
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from genzoo.datasets.split import Split
from genzoo.randomness import stream

__all__ = ["DENSITIES", "Mixture", "toy1d", "toy1d_bumps", "toy2d_mixture", "toy2d_moons", "toy2d_ring"]

SIZES = {"train": 60_000, "test": 10_000}
ALONG = 128  # centres along a ring or an arc: much closer to each other than they are wide


@dataclass(frozen=True, eq=False)
class Mixture:
    """p(x) = 1/k Σ_i N(x; μ_i, σ² I).

    Attributes:
        means: the k centres μ.
        scale: σ.
    """

    means: Float[Tensor, "k d"]
    scale: float

    def sample(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """n independent draws."""
        centres = self.means[torch.randint(len(self.means), (n,), generator=generator, device="cpu")]
        return centres + self.scale * torch.randn(centres.shape, generator=generator, dtype=torch.float32, device="cpu")

    def log_prob(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """log p(x), in nats."""
        k, d = self.means.shape
        squared = (x[:, None] - self.means.to(x)).square().sum(2)
        return (-squared / (2 * self.scale**2)).logsumexp(1) - log(k) - d / 2 * log(2 * pi * self.scale**2)


def _circle(radius: float, count: int) -> Tensor:
    angles = 2 * pi * torch.arange(count, dtype=torch.float32, device="cpu") / count
    return radius * torch.stack([angles.cos(), angles.sin()], dim=1)


def _moons() -> Tensor:
    """The centre lines of two half circles of radius 1 that reach into each other, about the origin."""
    angles = pi * torch.arange(ALONG, dtype=torch.float32, device="cpu") / (ALONG - 1)
    upper = torch.stack([angles.cos() - 0.5, angles.sin() - 0.25], dim=1)
    return torch.cat([upper, -upper])


DENSITIES = {
    "toy1d": Mixture(torch.tensor([[-0.75], [0.75]], dtype=torch.float32, device="cpu"), 0.5),
    "toy1d-bumps": Mixture(torch.tensor([[-2.0], [2.0]], dtype=torch.float32, device="cpu"), 0.5),
    "toy2d-mixture": Mixture(_circle(2.0, 8), 0.15),
    "toy2d-ring": Mixture(_circle(2.0, ALONG), 0.15),
    "toy2d-moons": Mixture(_moons(), 0.1),
}
"""Data set -> the density it is drawn from."""


def _draw(name: str, root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """60,000 (train) or 10,000 (test) points of the density `name`, always the same; `root` is not used."""
    density = DENSITIES[name]
    points = density.sample(SIZES[split], stream("toy", name, split))
    return Split(source=points, shape=shape, log_prob=density.log_prob)


toy1d = partial(_draw, "toy1d")
toy1d_bumps = partial(_draw, "toy1d-bumps")
toy2d_mixture = partial(_draw, "toy2d-mixture")
toy2d_moons = partial(_draw, "toy2d-moons")
toy2d_ring = partial(_draw, "toy2d-ring")
