"""Likelihoods that torch.distributions does not have."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Size, Tensor
from torch.distributions import Distribution, constraints

__all__ = ["DiscretisedLogistic"]

LEVELS = 256
HALF = 0.5 / (LEVELS - 1)  # half the distance of two levels


class DiscretisedLogistic(Distribution):
    """A logistic variable of location μ and scale s, rounded to the 256 levels 0, 1/255, …, 1 (Kingma et al. 2016;
    Salimans et al. 2017, §2.1).

    P(x) = σ((x + 1/510 − μ) / s) − σ((x − 1/510 − μ) / s), where what lies beyond 0 and 1 belongs to them. It is a
    probability, so its logarithm is in nats of the data itself. μ may lie outside [0, 1], as it must for P(0) to come
    near 1.

    Args:
        location: μ, any shape.
        scale: s > 0, of the same shape.
    """

    arg_constraints: ClassVar = {"location": constraints.real, "scale": constraints.positive}
    support = constraints.unit_interval
    has_rsample = False

    def __init__(self, location: Tensor, scale: Tensor, *, validate_args: bool | None = None) -> None:
        self.location, self.scale = location, scale
        super().__init__(location.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """∫₀¹ P(X > t) dt = s (softplus(μ / s) − softplus((μ − 1) / s)), in [0, 1]: the mean of the variable clipped to
        [0, 1]. That of the rounded one is within half a level of it."""
        whole = F.softplus(self.location / self.scale) - F.softplus((self.location - 1) / self.scale)
        return (self.scale * whole).clamp(0, 1)

    def log_prob(self, value: Tensor) -> Tensor:
        """log P(value), in nats.

        With a > b the two arguments, σ(a) − σ(b) = σ(a) σ(−b) (1 − e^(b − a)), in which nothing cancels; and a − b is
        1 / (255 s).
        """
        above = (value + HALF - self.location) / self.scale
        below = (value - HALF - self.location) / self.scale
        inner = F.logsigmoid(above) + F.logsigmoid(-below) + (-torch.expm1(-2 * HALF / self.scale)).log()
        highest = torch.where(value > 1 - HALF, F.logsigmoid(-below), inner)
        return torch.where(value < HALF, F.logsigmoid(above), highest)

    def sample(self, sample_shape: Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        """Draws of levels in [0, 1]."""
        shape = self._extended_shape(Size(sample_shape))
        with torch.no_grad():
            uniform = torch.rand(shape, dtype=self.location.dtype, device=self.location.device)
            value = self.location + self.scale * torch.logit(uniform, eps=1e-7)
            return (value.clamp(0, 1) * (LEVELS - 1)).round() / (LEVELS - 1)
