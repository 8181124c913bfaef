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
from genzoo.models.autoencoder import Autoencoder
from genzoo.models.vae import VAE
from genzoo.randomness import stream

__all__ = ["measure"]

BATCH = 500
SEED = 0


def measure(model: Model, data: Split, split: str) -> dict[str, Any]:
    """Every metric the model has a meaning for: ``{name: {"value", "unit", "protocol"}}``.

    All are means over the whole split, in float32; random numbers are drawn on the CPU, so that every device has the
    same.
    """
    metrics: dict[str, Any] = {}
    if isinstance(model, VAE):
        value = _mean(lambda x, start: negative_elbo(model, x, seed=SEED, start=start), model, data)
        metrics["negative_elbo"] = _entry(value, "nats", data, split, draws=1)
    if isinstance(model, VAE | Autoencoder):
        value = _mean(lambda x, start: squared_error(model, x), model, data)
        metrics["reconstruction_mse"] = _entry(value, "per value", data, split)
    return metrics


@torch.no_grad()
def _mean(metric: Callable[[Tensor, int], Tensor], model: Model, data: Split) -> float:
    """The mean of ``metric(batch, index of its first example)`` over a split."""
    values, start = [], 0
    for batch in data.batches(torch.arange(len(data)), BATCH, model.device, generator=stream("binarise", SEED)):
        values.append(metric(batch, start).double().cpu())
        start += len(batch)
    return torch.cat(values).mean().item()


def _entry(value: float, unit: str, data: Split, split: str, **protocol: Any) -> dict[str, Any]:
    if data.binarised:
        protocol["binarisation"] = "dynamic"
    return {"value": value, "unit": unit, "protocol": {"split": split, "n": len(data), "seed": SEED, **protocol}}
