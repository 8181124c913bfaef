"""Bounds on the likelihood, in nats."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.distributions import kl_divergence

from genzoo.models.base import noise
from genzoo.models.vae import VAE

__all__ = ["negative_elbo"]


def negative_elbo(model: VAE, x: Float[Tensor, " n *data"], *, seed: int, start: int = 0) -> Float[Tensor, " n"]:
    """−ELBO = −log p(x | z) + KL(q(z | x) ‖ p(z)), with one draw of z, whatever β the model was trained with.

    The draw for example i of the split is row i of the noise of `seed`; `start` is the index of the first of x.
    """
    posterior = model.posterior(x)
    epsilon = noise(len(x), model.latent_dim, seed, start).to(x)
    z = posterior.mean + posterior.stddev * epsilon
    bound: Tensor = kl_divergence(posterior, model.prior) - model.likelihood(z).log_prob(x)
    return bound
