"""Bounds on the likelihood, in nats.

Noise is named by (seed, index of the example in the split), so that a number depends neither on the batch nor on the
device.
"""

from __future__ import annotations

from math import log
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import kl_divergence

from genzoo.batch import Batch
from genzoo.objectives.variational import log_weights
from genzoo.randomness import Noise

__all__ = ["importance_bound", "negative_elbo"]

MAX_DRAWS = 64


def negative_elbo(model: Any, batch: Batch, *, seed: int, start: int = 0) -> Float[Tensor, " n"]:
    """−ELBO = −log p(x | z) + KL(q(z | x) ‖ p(z)), with one draw of z, whatever β the model was trained with. The KL is
    exact where the prior is N(0, I), and else log q(z | x) − log p(z) of the same draw.

    The draw for example i of the split is row i of the noise of `seed`; `start` is the index of the first of the
    batch.
    """
    x, posterior = batch.x, model.posterior(batch.x, batch.given)
    epsilon = Noise(seed=seed, n=len(x), start=start, like=x).normal(model.latent_dim)
    z = posterior.mean + posterior.stddev * epsilon
    if model.has("prior"):
        kl = kl_divergence(posterior, model.prior)
    else:
        kl = posterior.log_prob(z) - model.log_prior(z, batch.given)
    bound: Tensor = kl - model.likelihood(z, batch.given).log_prob(x)
    return bound


def importance_bound(model: Any, batch: Batch, *, k: int, seed: int, start: int = 0) -> Float[Tensor, " n"]:
    """−log 1/k Σ_i p(x, z_i) / q(z_i | x) with exactly k draws z_i ~ q(z | x) for each x (Burda et al. 2015, eq. 8).

    An upper bound of −log p(x) in expectation, which tightens with k. The draws are computed a few at a time and summed
    by logsumexp, so memory does not grow with k. Those for example i of the split are named by (seed, i).
    """
    x, posterior = batch.x, model.posterior(batch.x, batch.given)
    total = x.new_full((len(x),), -torch.inf)
    for first in range(0, k, MAX_DRAWS):
        draws = min(MAX_DRAWS, k - first)
        noise = Noise(seed=f"{seed}/{first}", n=len(x), start=start, like=x)
        epsilon = noise.normal(draws * model.latent_dim)
        z = posterior.mean + posterior.stddev * epsilon.view(len(x), draws, -1).transpose(0, 1)
        total = torch.logaddexp(total, log_weights(model, batch, posterior, z).logsumexp(0))
    bound: Tensor = log(k) - total
    return bound
