"""What a velocity learns."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from genzoo import Batch
from genzoo_flow.family import Flow

__all__ = ["conditional_flow_matching"]


def conditional_flow_matching(model: Flow, batch: Batch) -> dict[str, Float[Tensor, " n"]]:
    """‖v(xₜ, t, c) − (x₁ − x₀)‖² / D at xₜ = (1 − t) x₀ + t x₁ on the straight path from noise x₀ to the example x₁,
    with t uniform in [0, 1] (Lipman et al. 2023, eq. 23, with σ = 0)."""
    x1 = model.to_flow(batch.x)
    x0 = torch.randn_like(x1)
    t = torch.rand(len(x1), device=x1.device, dtype=x1.dtype)
    time = t.view(-1, *[1] * (x1.dim() - 1))
    error = model.velocity((1 - time) * x0 + time * x1, t, batch.given) - (x1 - x0)
    return {"loss": error.square().flatten(1).mean(1)}
