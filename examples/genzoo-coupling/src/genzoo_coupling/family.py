"""The family of normalizing flows."""

from collections.abc import Mapping
from math import log, pi, prod
from typing import Self, final

from torch import Tensor, nn

from genzoo import InvalidInput, Model, ModelSpec, NetworkBuilder, Sampler, sample_in_blocks, verb


@final
class Flow(Model):
    """log p(x) = log N(f(x); 0, I) + log |det ∂f/∂x| with an invertible f: x → z (Rezende & Mohamed 2015, eq. 5).

    Attributes:
        bijection: f. Called with x, (n, *input_shape), it returns z, (n, latent_dim), and log |det ∂f/∂x|, (n,);
            ``bijection.inverse`` takes z and returns x.
    """

    def __init__(self, spec: ModelSpec, bijection: nn.Module) -> None:
        super().__init__(spec)
        if spec.values != "real":
            raise InvalidInput(
                "a flow has a density of real numbers, and values in [0, 1] stand for levels, which have none: take "
                "data of real values, as toy2d-ring is, and write values = 'real'"
            )
        if spec.latent_dim != (size := prod(spec.input_shape)):
            raise InvalidInput(f"a flow has as many latents as an example has numbers: write latent_dim = {size}")
        self.bijection = bijection

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        return cls(spec, network("bijection", spec.input_shape))

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats, (n, *input_shape) -> (n,). Differentiable."""
        z, log_det = self.bijection(x)
        log_prob: Tensor = log_det - (z.square() + log(2 * pi)).sum(1) / 2
        return log_prob

    @verb(takes="data", gives="code")
    def encode(self, x: Tensor) -> Tensor:
        """f(x), standard normal if x is data and the flow is well trained."""
        z: Tensor = self.bijection(x)[0]
        return z

    @verb(takes="code", gives="data")
    def decode(self, z: Tensor) -> Tensor:
        """f⁻¹(z)."""
        x: Tensor = self.bijection.inverse(z)  # type: ignore[operator]  # nn.Module's
        return x

    @verb(takes="data", gives="data")
    def reconstruct(self, x: Tensor) -> Tensor:
        """decode(encode(x)), which is x up to rounding."""
        return self.decode(self.encode(x))

    @verb(takes="noise", gives="data")
    def sample(self, n: int, *, seed: int | None = None, sampler: str | Sampler = "") -> Tensor:
        """f⁻¹(z) for n draws z ~ N(0, I); example i depends on (seed, i) alone."""
        return sample_in_blocks(self, n, seed=seed, sampler=sampler)
