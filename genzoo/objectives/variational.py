"""Bounds on the likelihood."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.distributions import kl_divergence

from genzoo.models.vae import VAE

__all__ = ["elbo"]


def elbo(model: VAE, x: Float[Tensor, " n *data"], *, beta: float) -> dict[str, Float[Tensor, " n"]]:
    """−E_q log p(x | z) + β KL(q(z | x) ‖ p(z)), in nats, with one reparametrised draw z = μ + σ ⊙ ε.

    β = 1 is the negative evidence lower bound (Kingma & Welling 2013, eq. 3 and 10); β > 1 is the β-VAE (Higgins et
    al. 2017, eq. 4). KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ_j (σ_j² + μ_j² − 1 − log σ_j²), which is never negative.
    """
    posterior = model.posterior(x)
    reconstruction = -model.likelihood(posterior.rsample()).log_prob(x)
    kl = kl_divergence(posterior, model.prior)
    return {"loss": reconstruction + beta * kl, "reconstruction": reconstruction, "kl": kl}
