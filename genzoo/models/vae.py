"""The variational autoencoder family."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, pi, sqrt
from typing import Any, Self, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Normal, kl_divergence

from genzoo.batch import NOTHING
from genzoo.errors import InvalidInput
from genzoo.models.base import Model, NetworkBuilder, full_precision, verb
from genzoo.models.conditioning import run
from genzoo.models.likelihoods import DiscretisedLogistic
from genzoo.models.sampling import sample_in_blocks
from genzoo.protocols import Sampler
from genzoo.spec import ModelSpec

__all__ = ["VAE", "each_latent"]

MIN_LOG_SCALE = -6.0  # a grey level is 1/256 ≈ exp(−5.5): a sharper density would only reward rounding
MIN_LOG_SCALE_OF_LEVELS = -12.0  # all in one level: nothing is won below
MAX_LOG_VAR = 20.0  # keeps σ and 1/σ finite in float32; reached only by a diverging network


@final
class VAE(Model):
    """p(x, z) = N(z; 0, I) p(x | z) with the approximate posterior q(z | x) = N(μ(x), diag σ²(x))
    (Kingma & Welling 2013, §2–3 and appendix B). What it is given, c, conditions both: p(x | z, c) and q(z | x, c)
    (Sohn et al. 2015, eq. 5, with p(z) for the prior).

    `likelihood` in the config is the type of p(x | z): ``bernoulli`` for binary x; ``gaussian`` for grey levels or real
    x, with one learned variance (σ-VAE, Rybkin et al. 2021); ``logistic`` for the 256 levels of 8-bit x, with one
    learned scale (DiscretisedLogistic).

    Attributes:
        encoder: (n, *input_shape) -> (n, 2 latent_dim), μ and log σ².
        decoder: (n, latent_dim) -> (n, *input_shape); `output` of it is the mean of a Bernoulli or Gaussian p(x | z).
            As a logistic's location it is on the scale of [−1, 1], unbounded.
    """

    def __init__(self, spec: ModelSpec, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__(spec)
        self.encoder = encoder
        self.decoder = decoder
        if spec.config["likelihood"] != "gaussian" and spec.values == "real":
            raise InvalidInput(
                f"likelihood is {spec.config['likelihood']!r}, of values in [0, 1], and these are real: "
                "write likelihood = 'gaussian'"
            )
        if spec.config["likelihood"] != "bernoulli":
            self.log_scale = nn.Parameter(torch.zeros(()))

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        encoder = network("encoder", spec.input_shape, 2 * spec.latent_dim)
        return cls(spec, encoder, network("decoder", spec.latent_dim, spec.input_shape))

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    @torch.no_grad()
    def fit_scale(self, x: Float[Tensor, " n *data"]) -> None:
        """Have the learned scale start where a decoder that knows only the mean of `x` is likeliest: for a Gaussian
        σ² is the mean square deviation (Rybkin et al. 2021, eq. 5), and the logistic with that variance has the scale
        σ √3 / π. From 1 it would take an optimizer of learning rate η about |log σ| / η steps to come there."""
        if self.spec.config["likelihood"] == "bernoulli":
            return
        deviation = (x - x.mean(0)).square().mean().sqrt()
        if self.spec.config["likelihood"] == "logistic":
            deviation = deviation * sqrt(3) / pi
        self.log_scale.copy_(deviation.clamp(min=exp(MIN_LOG_SCALE)).log())

    def check_values(self, values: str) -> None:
        super().check_values(values)
        likelihood = self.spec.config["likelihood"]
        if likelihood == "bernoulli" and values != "binary":
            raise InvalidInput(
                "model.likelihood is 'bernoulli' (the default), a likelihood of 0 and 1; this data has grey levels: "
                "write model.likelihood = 'gaussian' or 'logistic' (--set model.likelihood=gaussian), "
                "or take binarised data, as mnist-dynamic is"
            )
        if likelihood != "bernoulli" and values == "binary":
            kind = "a density of real values" if likelihood == "gaussian" else "a likelihood of 256 levels"
            raise InvalidInput(
                f"model.likelihood = {likelihood!r} is {kind}, and this data is 0 and 1: "
                "write model.likelihood = 'bernoulli', or take grey levels"
            )

    @property
    def prior(self) -> Distribution:
        """N(0, I) over z of shape (latent_dim,)."""
        zeros = torch.zeros(self.latent_dim, dtype=torch.float32, device=self.device)
        return Independent(Normal(zeros, torch.ones_like(zeros), validate_args=False), 1)

    def log_prior(self, z: Float[Tensor, "n latent"], given: Mapping[str, Tensor] = NOTHING) -> Float[Tensor, " n"]:
        """log p(z), in nats; whatever is given, it is the same."""
        log_p: Tensor = self.prior.log_prob(z)
        return log_p

    def posterior(self, x: Float[Tensor, " n *data"], given: Mapping[str, Tensor] = NOTHING) -> Distribution:
        """q(z | x, c), batch (n,), event (latent_dim,). Differentiable; `rsample` is z = μ + σ ⊙ ε."""
        mean, log_var = full_precision(run(self.encoder, x, given=given)).chunk(2, dim=1)
        scale = (0.5 * log_var.clamp(-MAX_LOG_VAR, MAX_LOG_VAR)).exp()
        return Independent(Normal(mean, scale, validate_args=False), 1)

    def kl_per_latent(self, posterior: Distribution) -> Float[Tensor, "n latent"]:
        """KL(q(z_j | x) ‖ p(z_j)) of each latent of a `posterior`, in nats: about 0 for every x where a latent has
        collapsed. Differentiable."""
        return kl_divergence(each_latent(posterior), each_latent(self.prior))

    def likelihood(self, z: Float[Tensor, "n latent"], given: Mapping[str, Tensor] = NOTHING) -> Distribution:
        """p(x | z, c), batch (n,), event input_shape. Differentiable."""
        logits = full_precision(run(self.decoder, z, given=given))
        return Independent(self._of_each_value(logits), len(self.input_shape))

    def _of_each_value(self, logits: Tensor) -> Distribution:
        match self.spec.config["likelihood"]:
            case "bernoulli":
                return Bernoulli(logits=logits, validate_args=False)
            case "logistic":
                scale = self.log_scale.clamp(min=MIN_LOG_SCALE_OF_LEVELS).exp().expand_as(logits)
                return DiscretisedLogistic((logits + 1) / 2, scale, validate_args=False)
            case _:
                scale = self.log_scale.clamp(min=MIN_LOG_SCALE).exp().expand_as(logits)
                return Normal(self.output(logits), scale, validate_args=False)

    @verb(takes="data", gives="code")
    def encode(self, x: Float[Tensor, " n *data"], **given: Any) -> Float[Tensor, "n latent"]:
        """The posterior mean μ(x), never a draw. x: values in [0, 1], or any where values are real."""
        return self.posterior(x, given).mean

    @verb(takes="code", gives="data")
    def decode(self, z: Float[Tensor, "n latent"], **given: Any) -> Float[Tensor, " n *data"]:
        """The mean of p(x | z), in [0, 1] unless values are real."""
        return self.likelihood(z, given).mean

    @verb(takes="data", gives="data")
    def reconstruct(self, x: Float[Tensor, " n *data"], **given: Any) -> Float[Tensor, " n *data"]:
        """decode(encode(x))."""
        return self.decode(self.encode(x, **given), **given)

    @verb(takes="noise", gives="data")
    def sample(
        self, n: int, *, seed: int | None = None, sampler: str | Sampler = "", **given: Any
    ) -> Float[Tensor, " n *data"]:
        """The mean of p(x | z) for n draws z ~ N(0, I); picture i depends on (seed, i) and what it is given alone."""
        return sample_in_blocks(self, n, seed=seed, sampler=sampler, given=given)


def each_latent(distribution: Distribution) -> Distribution:
    """A distribution of codes as one of (n, latent_dim) single numbers."""
    return distribution.base_dist if isinstance(distribution, Independent) else distribution
