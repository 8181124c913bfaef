"""How far a reconstruction is from its picture."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from genzoo.models.autoencoder import Autoencoder
from genzoo.models.vae import VAE

__all__ = ["squared_error"]


def squared_error(model: Autoencoder | VAE, x: Float[Tensor, " n *data"]) -> Float[Tensor, " n"]:
    """‖decode(encode(x)) − x‖² / D, the mean over the D values of one example."""
    return (model.reconstruct(x) - x).square().flatten(1).mean(1)
