"""Numbers on a card: each with its protocol and a tolerance, so that anyone can compute it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from genzoo.datasets import Split
from genzoo.metrics.likelihood import importance_bound, negative_elbo
from genzoo.metrics.reconstruction import squared_error
from genzoo.models import Model
from genzoo.models.autoencoder import Autoencoder
from genzoo.models.vae import VAE
from genzoo.objectives.variational import kl_per_latent
from genzoo.randomness import stream

__all__ = ["Metric", "measure", "metrics_of"]

BATCH = 500
SEED = 0
ACTIVE = 0.01


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number of a model on a split: the mean over all examples of `each`, or what `total` makes of all its values.

    `each` takes a batch and the index of its first example in the split. `tolerance` is how far a value may be from
    another machine's, in `unit`.
    """

    unit: str
    tolerance: float
    each: Callable[[Tensor, int], Tensor]
    total: Callable[[Tensor], float] = lambda values: values.mean().item()
    protocol: Mapping[str, Any] = field(default_factory=dict)


def metrics_of(model: Model, evaluation: Mapping[str, Any]) -> dict[str, Metric]:
    """The metrics that have a meaning for a model; `evaluation` is that section of its recipe."""
    metrics: dict[str, Metric] = {}
    if isinstance(model, VAE):
        metrics |= _bounds(model, evaluation["importance_draws"])
    if isinstance(model, VAE | Autoencoder):
        metrics["reconstruction_mse"] = Metric(
            unit="per value", tolerance=1e-5, each=lambda x, start: squared_error(model, x)
        )
    return metrics


def _bounds(model: VAE, draws: int) -> dict[str, Metric]:
    bounds = {
        "negative_elbo": Metric(
            unit="nats",
            tolerance=0.01,
            each=lambda x, start: negative_elbo(model, x, seed=SEED, start=start),
            protocol={"draws": 1, "seed": SEED},
        ),
        "active_latents": Metric(
            unit=f"of {model.latent_dim}",
            tolerance=0.0,
            each=lambda x, start: kl_per_latent(model, model.posterior(x)),
            total=lambda values: float((values.mean(0) > ACTIVE).sum()),
            protocol={"active": f"mean KL > {ACTIVE} nats"},
        ),
    }
    if draws:
        bounds["negative_log_likelihood"] = Metric(
            unit="nats",
            tolerance=0.01,
            each=lambda x, start: importance_bound(model, x, k=draws, seed=SEED, start=start),
            protocol={"estimator": "importance weighted bound", "draws": draws, "seed": SEED},
        )
    return bounds


def measure(metrics: Mapping[str, Metric], model: Model, data: Split, split: str) -> dict[str, Any]:
    """The values of metrics over a whole split, in float32: ``{name: {"value", "unit", "tolerance", "protocol"}}``.

    Random numbers are drawn on the CPU, so that every device has the same.
    """
    return {name: _entry(metric, model, data, split) for name, metric in metrics.items()}


def _entry(metric: Metric, model: Model, data: Split, split: str) -> dict[str, Any]:
    protocol = {"split": split, "n": len(data), **metric.protocol}
    if data.binarised:
        protocol["binarisation"] = f"dynamic, seed {SEED}"
    with torch.no_grad():
        value = metric.total(torch.cat(list(_values(metric, model, data))))
    return {"value": value, "unit": metric.unit, "tolerance": metric.tolerance, "protocol": protocol}


def _values(metric: Metric, model: Model, data: Split) -> Iterator[Tensor]:
    start = 0
    for batch in data.batches(torch.arange(len(data)), BATCH, model.device, generator=stream("binarise", SEED)):
        yield metric.each(batch, start).double().cpu()
        start += len(batch)
