"""Numbers on a card: each with its protocol, so that anyone can compute it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genzoo.datasets import Split
from genzoo.metrics.likelihood import negative_elbo
from genzoo.metrics.reconstruction import squared_error
from genzoo.models import Model

__all__ = ["measure"]

BATCH = 500
SEED = 0


def measure(model: Model, data: Split, split: str) -> dict[str, Any]:
    """Every metric the model has a meaning for: ``{name: {"value", "unit", "protocol"}}``.

    All are means over the whole split, in float32, with the random numbers of seed 0.
    """
    metrics: dict[str, Any] = {}
    if hasattr(type(model), "posterior"):
        metrics["negative_elbo"] = _entry(_mean(negative_elbo, model, data), "nats", data, split, draws=1)
    if hasattr(type(model), "reconstruct"):
        metrics["reconstruction_mse"] = _entry(_mean(squared_error, model, data), "per value", data, split)
    return metrics


@torch.no_grad()
def _mean(metric: Callable[[Any, Tensor], Tensor], model: Model, data: Split) -> float:
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        batches = data.batches(torch.arange(len(data)), BATCH, model.device)
        return torch.cat([metric(model, batch).double().cpu() for batch in batches]).mean().item()


def _entry(value: float, unit: str, data: Split, split: str, **protocol: Any) -> dict[str, Any]:
    if data.binarised:
        protocol["binarisation"] = "dynamic"
    return {"value": value, "unit": unit, "protocol": {"split": split, "n": len(data), "seed": SEED, **protocol}}
