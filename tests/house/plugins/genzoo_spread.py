"""A prior over codes that learns by gradient: one normal with a mean and a scale of its own for each number."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from genzoo import Architecture, Noise, Record, hookimpl

GENZOO_API = 2


class Spread(nn.Module):
    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.mean, self.log_scale = (nn.Parameter(torch.zeros(latent_dim)) for _ in range(2))

    def log_prob(self, z: Tensor) -> Tensor:
        log_p: Tensor = Independent(Normal(self.mean, self.log_scale.exp()), 1).log_prob(z)  # type: ignore[no-untyped-call]
        return log_p

    def draw(self, noise: Noise) -> Tensor:
        return self.mean + self.log_scale.exp() * noise.normal(len(self.mean))


@hookimpl
def genzoo_records() -> Iterable[Record]:
    yield Architecture(name="spread", summary="one normal", roles={"prior": "genzoo_spread:Spread"})
