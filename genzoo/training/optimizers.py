"""torch's optimizers by name, and the tensors that each keeps for a parameter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from genzoo.spec.sections import Optimizer

__all__ = ["kept_for", "optimizer_of"]


def optimizer_of(parameters: Iterable[nn.Parameter], settings: Optimizer) -> torch.optim.Optimizer:
    """Adam (Kingma & Ba 2015), AdamW (Loshchilov & Hutter 2019) or SGD, as `settings` has it."""
    shared: dict[str, Any] = {
        "lr": settings.learning_rate,
        "weight_decay": settings.weight_decay,
        "fused": True,
    }
    if settings.name == "sgd":
        return torch.optim.SGD(parameters, momentum=settings.momentum, **shared)
    adam = torch.optim.AdamW if settings.name == "adamw" else torch.optim.Adam
    return adam(parameters, betas=(settings.beta1, settings.beta2), **shared)


def kept_for(parameter: Tensor, settings: Optimizer) -> dict[str, Tensor]:
    """Tensors like those that the optimizer keeps for a parameter that has moved."""
    if settings.name == "sgd":
        return {"momentum_buffer": parameter} if settings.momentum else {}
    step = torch.tensor(0.0, dtype=torch.float32, device="cpu")
    return {"step": step, "exp_avg": parameter, "exp_avg_sq": parameter}
