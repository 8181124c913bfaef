"""How far a reconstruction is from its picture."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from genzoo.batch import Batch
from genzoo.models import Model

__all__ = ["squared_error"]


def squared_error(model: Model, batch: Batch) -> Float[Tensor, " n"]:
    """‖decode(encode(x)) − x‖² / D, the mean over the D values of one example."""
    error: Tensor = model.reconstruct(batch.x, **batch.given) - batch.x
    return error.square().flatten(1).mean(1)
