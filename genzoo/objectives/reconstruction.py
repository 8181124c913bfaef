"""Reconstruction errors of an autoencoder."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from genzoo.batch import Batch
from genzoo.errors import InvalidInput
from genzoo.models import full_precision
from genzoo.models.autoencoder import Autoencoder

__all__ = ["binary_cross_entropy", "denoising", "squared_error"]


def squared_error(model: Autoencoder, batch: Batch) -> dict[str, Float[Tensor, " n"]]:
    """‖x̂ − x‖² / D, the mean over the D values of one example."""
    error = (_restored(model, batch.x, batch) - batch.x).square()
    return {"loss": error.flatten(1).mean(1)}


def binary_cross_entropy(model: Autoencoder, batch: Batch) -> dict[str, Float[Tensor, " n"]]:
    """−Σ x log x̂ + (1 − x) log(1 − x̂) over one example, from logits.

    For grey levels this is an error with minimum above 0, not a likelihood.

    Raises:
        InvalidInput: the model's values are real.
    """
    if model.values == "real":
        raise InvalidInput(
            "the objective 'bce' is for values in [0, 1], and these are real: write objective.name = 'mse'"
        )
    logits = full_precision(model.logits(model.code(batch.x, batch.given), batch.given))
    error = F.binary_cross_entropy_with_logits(logits, batch.x, reduction="none")
    return {"loss": error.flatten(1).sum(1)}


def denoising(model: Autoencoder, batch: Batch, *, noise: float) -> dict[str, Float[Tensor, " n"]]:
    """‖x̂(x̃) − x‖² / D for x̃ = x + noise · ε, ε ~ N(0, I) (Vincent et al. 2008, Gaussian); x̃ is clipped to [0, 1]
    unless values are real."""
    corrupted = batch.x + noise * torch.randn_like(batch.x)
    if model.values == "unit":
        corrupted = corrupted.clamp(0, 1)
    return {"loss": (_restored(model, corrupted, batch) - batch.x).square().flatten(1).mean(1)}


def _restored(model: Autoencoder, x: Tensor, batch: Batch) -> Tensor:
    """What comes back of x, told what the batch is given, with gradients."""
    return model.output(model.logits(model.code(x, batch.given), batch.given))
