"""The prior: standard normal codes, decoded."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from genzoo.models import Model
from genzoo.randomness import Noise

__all__ = ["Prior"]


@dataclass(frozen=True)
class Prior:
    """decode(z) for z ~ N(0, I)."""

    def __call__(self, model: Model, noise: Noise) -> Tensor:
        x: Tensor = model.decode(noise.normal(model.latent_dim))
        return x
