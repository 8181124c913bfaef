"""Bounds on the likelihood, in nats."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from genzoo.models.vae import VAE
from genzoo.objectives.variational import elbo

__all__ = ["negative_elbo"]


def negative_elbo(model: VAE, x: Float[Tensor, " n *data"]) -> Float[Tensor, " n"]:
    """−ELBO = −E_q log p(x | z) + KL(q(z | x) ‖ p(z)), one draw of z, whatever β the model was trained with."""
    return elbo(model, x, beta=1.0)["loss"]
