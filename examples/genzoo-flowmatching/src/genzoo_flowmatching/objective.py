"""What a velocity learns."""

import torch
from torch import Tensor

from genzoo import Batch
from genzoo_flowmatching.family import FlowMatching


def conditional_flow_matching(model: FlowMatching, batch: Batch, *, sigma_min: float) -> dict[str, Tensor]:
    """‖v(ψₜ(x₀), t) − (x₁ − (1 − σ) x₀)‖² / D along ψₜ(x₀) = (1 − (1 − σ) t) x₀ + t x₁, the conditional
    optimal-transport path from noise x₀ to the example x₁, with t uniform in [0, 1] (Lipman et al. 2023, eq. 22 and
    23).
    """
    x1 = model.scaled(batch.x)
    x0 = torch.randn_like(x1)
    t = torch.rand(len(x1), device=x1.device, dtype=x1.dtype)
    time = t.view(-1, *[1] * (x1.dim() - 1))
    path = (1 - (1 - sigma_min) * time) * x0 + time * x1
    error = model.velocity(path, t) - (x1 - (1 - sigma_min) * x0)
    return {"loss": error.square().flatten(1).mean(1)}
