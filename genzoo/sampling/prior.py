"""Codes from the prior, decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from genzoo.batch import NOTHING
from genzoo.models import Model
from genzoo.randomness import Noise

__all__ = ["Fitted", "Prior"]


@dataclass(frozen=True)
class Prior:
    """decode(z) for z ~ N(0, I); of a code of several tensors each has noise of its own."""

    def __call__(self, model: Model, noise: Noise, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        space = model.spaces["noise"]
        if isinstance(space, tuple):
            x: Tensor = model.decode(tuple(noise.normal(*part.shape, step=i) for i, part in enumerate(space)), **given)
        else:
            x = model.decode(noise.normal(*space.shape), **given)
        return x


@dataclass(frozen=True)
class Fitted:
    """decode(z) for z ~ p(z | given), a prior that was learned."""

    def __call__(self, model: Any, noise: Noise, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        x: Tensor = model.decode(model.draw_codes(noise, given), **given)
        return x
