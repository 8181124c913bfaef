"""Bounds on the likelihood of a VAE, in nats."""

from __future__ import annotations

from math import log
from typing import Any

from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from genzoo.batch import Batch
from genzoo.models.vae import VAE, each_latent

__all__ = [
    "elbo",
    "importance_weighted",
    "log_importance_weights",
    "log_weights",
    "total_correlation",
]


def elbo(
    model: VAE,
    batch: Batch,
    *,
    beta: float = 1.0,
    free_bits: float = 0.0,
    annealing_steps: int = 0,
    step: Tensor | None = None,
) -> dict[str, Float[Tensor, " n"]]:
    """−E_q log p(x | z) + β KL(q(z | x) ‖ p(z)), with one reparametrised draw z = μ + σ ⊙ ε.

    β = 1 is the negative evidence lower bound (Kingma & Welling 2013, eq. 3 and 10), of log p(x | c) where c is given
    (Sohn et al. 2015, eq. 5); β > 1 is the β-VAE (Higgins et
    al. 2017, eq. 4). KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ_j (σ_j² + μ_j² − 1 − log σ_j²), which is never negative.

    Args:
        model: the VAE.
        batch: of which x is data as it was modelled: 0 and 1 for a Bernoulli likelihood.
        beta: weight of the KL term.
        free_bits: λ nats that each latent has for free: Σ_j max(λ, mean over the batch of KL_j) replaces the KL in the
            loss (Kingma et al. 2016, eq. 15); 0 for none.
        annealing_steps: β rises from 0 over so many steps (KL annealing, Bowman et al. 2016), and is a term then.
        step: the step of the run, for `annealing_steps`.
    """
    posterior = model.posterior(batch.x, batch.given)
    reconstruction = -model.likelihood(posterior.rsample(), batch.given).log_prob(batch.x)
    per_latent = model.kl_per_latent(posterior)
    kl = per_latent.sum(1)
    penalty = per_latent.mean(0).clamp(min=free_bits).sum().expand_as(kl) if free_bits else kl
    terms = {"reconstruction": reconstruction, "kl": kl}
    if not annealing_steps or step is None:
        return {"loss": reconstruction + beta * penalty, **terms}
    weight = beta * ((step + 1) / annealing_steps).clamp(max=1.0)
    return {"loss": reconstruction + weight * penalty, **terms, "beta": weight.expand_as(kl)}


def log_importance_weights(model: VAE, batch: Batch, k: int) -> Float[Tensor, "k n"]:
    """log w_i = log p(x | z_i) + log p(z_i) − log q(z_i | x) for k draws z_i ~ q(z | x)."""
    posterior = model.posterior(batch.x, batch.given)
    return log_weights(model, batch, posterior, posterior.rsample((k,)))


def log_weights(
    model: Any, batch: Batch, posterior: Distribution, z: Float[Tensor, "k n latent"]
) -> Float[Tensor, "k n"]:
    """log p(x | z) + log p(z) − log q(z | x) at given z, k of them for each x."""
    k = len(z)
    given = {name: _repeated(values, k) for name, values in batch.given.items()}
    flat = z.flatten(0, 1)
    log_joint: Tensor = model.likelihood(flat, given).log_prob(_repeated(batch.x, k)) + model.log_prior(flat, given)
    log_w: Tensor = log_joint.view(k, len(batch)) - posterior.log_prob(z)
    return log_w


def _repeated(rows: Tensor, k: int) -> Tensor:
    """All rows, k times one after the other."""
    return rows.repeat(k, *[1] * (rows.dim() - 1))


def importance_weighted(model: VAE, batch: Batch, *, k: int) -> dict[str, Float[Tensor, " n"]]:
    """−log 1/k Σ_i w_i, the bound of the importance weighted autoencoder (Burda et al. 2015, eq. 8).

    k = 1 is the negative ELBO with the KL estimated by its draw; the bound tightens with k.

    Its gradient is unbiased, the encoder's the doubly reparametrised one (Tucker et al. 2018, IWAE-DReG): with
    w̃_i = w_i / Σ_j w_j it is Σ_i w̃_i² ∂log w_i/∂z_i ∂z_i/∂φ, without the score of q, whose mean is zero and whose noise
    grows with k. On the network of Burda et al. with k = 50 it has a quarter of the variance.
    """
    posterior = model.posterior(batch.x, batch.given)
    z = posterior.rsample((k,))
    log_w = log_weights(model, batch, _without_gradient(posterior), z)
    if z.requires_grad:
        shares = log_w.detach().softmax(0)[..., None]
        z.register_hook(lambda gradient: gradient * shares)  # type: ignore[no-untyped-call]  # it has one w̃_i
    return {"loss": log(k) - log_w.logsumexp(0)}


def _without_gradient(posterior: Distribution) -> Distribution:
    return Independent(Normal(posterior.mean.detach(), posterior.stddev.detach(), validate_args=False), 1)


def total_correlation(model: VAE, batch: Batch, *, beta: float, data_size: int) -> dict[str, Float[Tensor, " n"]]:
    """−log p(x | z) + I(z; x) + β TC(z) + Σ_j KL(q(z_j) ‖ p(z_j)), the β-TCVAE (Chen et al. 2018, eq. 4, α = γ = 1).

    q(z) and q(z_j) are estimated by minibatch weighted sampling (eq. S6): log q(z) ≈ log 1/(n N) Σ_m q(z | x_m) with n
    examples in the batch and N = `data_size` in the data.
    """
    posterior = model.posterior(batch.x, batch.given)
    z = posterior.rsample()
    reconstruction = -model.likelihood(z, batch.given).log_prob(batch.x)
    log_posterior = posterior.log_prob(z)
    log_prior = model.prior.log_prob(z)
    pairs = each_latent(posterior).log_prob(z[:, None])  # (draw, example, latent)
    scale = log(len(batch) * data_size)
    log_q = pairs.sum(2).logsumexp(1) - scale
    log_marginals = (pairs.logsumexp(1) - scale).sum(1)
    information, correlation = log_posterior - log_q, log_q - log_marginals
    dimension_wise = log_marginals - log_prior
    return {
        "loss": reconstruction + information + beta * correlation + dimension_wise,
        "reconstruction": reconstruction,
        "kl": log_posterior - log_prior,
        "total_correlation": correlation,
    }
