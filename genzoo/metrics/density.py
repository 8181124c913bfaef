"""How a model stands to a density that is known or can be drawn from: what the theory of GANs speaks of."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from genzoo.batch import Batch
from genzoo.models import Model

__all__ = ["distance_from_half", "wasserstein_1"]


def distance_from_half(model: Model, batch: Batch) -> Float[Tensor, " n"]:
    """|D(x) − ½|, in [0, ½]: 0 where the generator's density is the data's (Goodfellow et al. 2014, proposition 1)."""
    probability: Tensor = model.discriminate(batch.x, **batch.given).sigmoid()
    return (probability - 0.5).abs()


def wasserstein_1(a: Float[Tensor, "n 1"], b: Float[Tensor, "n 1"]) -> float:
    """The Wasserstein-1 distance of two empirical distributions on a line, of as many points each: the mean distance
    of the points in their order."""
    return float((a.flatten().sort().values - b.flatten().sort().values).abs().mean())
