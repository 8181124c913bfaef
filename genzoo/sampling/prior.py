"""The prior: standard normal codes, decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from genzoo.batch import NOTHING
from genzoo.models import Model
from genzoo.randomness import Noise

__all__ = ["Prior"]


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
