"""Objectives of priors over codes: the likelihood of the codes that data have.

Of an autoencoder these are its codes; of a VAE they are draws from q(z | x), one for each x. The density of the draws
is the aggregate posterior, and −E log p(z) of it is all of the ELBO that depends on p(z) (Tomczak & Welling 2018, §2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genzoo.batch import Batch
from genzoo.errors import InvalidInput
from genzoo.models import CodePrior
from genzoo.randomness import Noise

__all__ = ["expectation_maximisation", "maximum_likelihood"]


def maximum_likelihood(model: CodePrior, batch: Batch) -> dict[str, Float[Tensor, " n"]]:
    """−log p(z | c) of the codes of x, in nats."""
    z = _codes(model, batch, torch.randn_like)
    return {"loss": -model.log_prior(z, batch.given)}


def expectation_maximisation(
    model: CodePrior, batches: Iterable[Batch], *, seed: int, **options: Any
) -> Mapping[str, float]:
    """Fit p(z) to the codes of all data at once, by the ``estimate`` of its network.

    Returns:
        ``loss``, the mean of −log p(z | c) over these codes in nats, and what ``estimate`` tells beside.

    Raises:
        InvalidInput: the network has no ``estimate``.
    """
    if not hasattr(model.network, "estimate"):
        raise InvalidInput(
            f"{model.spec.architecture} cannot be fitted at once: write objective.name = 'maximum-likelihood'"
        )
    codes, given, start = [], [], 0
    for batch in batches:
        noise = Noise(seed=seed, n=len(batch), start=start, like=batch.x)
        codes.append(_codes(model, batch, lambda mean, noise=noise: noise.normal(*mean.shape[1:])))
        given.append(batch.given)
        start += len(batch)
    z = torch.cat(codes)
    told = {name: torch.cat([columns[name] for columns in given]) for name in model.spec.given}
    found: Mapping[str, float] = model.network.estimate(z, told, seed=seed, **options)
    with torch.no_grad():
        return {"loss": -model.log_prior(z, told).mean().item(), **found}


@torch.no_grad()
def _codes(model: Any, batch: Batch, draw: Any) -> Float[Tensor, "n latent"]:
    """The code of each x, or where there is a q(z | x) a draw from it; `draw` gives noise like a tensor."""
    if not model.has("posterior"):
        z: Tensor = model.encode(batch.x, **batch.given)
        return z
    posterior = model.posterior(batch.x, batch.given)
    drawn: Tensor = posterior.mean + posterior.stddev * draw(posterior.mean)
    return drawn
