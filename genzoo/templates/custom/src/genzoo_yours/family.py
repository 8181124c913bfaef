"""The family: how its networks make one model, its verbs, and what is learned."""

from collections.abc import Mapping
from typing import Self, final

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from genzoo import Batch, InvalidInput, Model, ModelSpec, NetworkBuilder, Sampler, Space, Spaces, sample_in_blocks, verb


@final
class Flow(Model):
    """z = f(x) with z ~ N(0, I) and an f that can be undone, so that log p(x) is exact (Dinh et al. 2017, eq. 2).

    A coupling keeps the first half of x, and scales and shifts the second by what it makes of the first; then the
    order of the values is turned round for the next.
    """

    def __init__(self, spec: ModelSpec, couplings: list[nn.Module]) -> None:
        super().__init__(spec)
        self.couplings = nn.ModuleList(couplings)

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        shape = spec.input_shape
        if len(shape) != 1 or shape[0] < 2 or spec.values != "real":
            raise InvalidInput(
                f"a flow takes points of at least two real numbers; got {spec.values} values of input_shape {shape}"
            )
        kept = shape[0] // 2
        return cls(spec, [network("coupling", kept, shape[0] - kept) for _ in range(spec.config["layers"])])

    @property
    def spaces(self) -> Mapping[str, Spaces]:
        """A code has as many numbers as an example."""
        return {**super().spaces, **dict.fromkeys(("code", "noise"), Space(shape=self.input_shape))}

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) = log N(f(x); 0, I) + log |det ∂f/∂x|, (n, d) -> (n,) in nats. Differentiable."""
        z, log_det = self._forward(x)
        return Normal(z.new_zeros(()), z.new_ones(()), validate_args=False).log_prob(z).sum(1) + log_det

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        log_det = x.new_zeros(x.shape[0])
        for coupling in self.couplings:
            kept, changed = _halves(x)
            log_scale, shift = _scale_and_shift(coupling, kept)
            x = torch.cat([kept, changed * log_scale.exp() + shift], dim=1).flip(1)
            log_det = log_det + log_scale.sum(1)
        return x, log_det

    def _inverse(self, z: Tensor) -> Tensor:
        for coupling in reversed(self.couplings):
            kept, changed = _halves(z.flip(1))
            log_scale, shift = _scale_and_shift(coupling, kept)
            z = torch.cat([kept, (changed - shift) * (-log_scale).exp()], dim=1)
        return z

    @verb(takes="data", gives="code")
    def encode(self, x: Tensor) -> Tensor:
        """f(x)."""
        return self._forward(x)[0]

    @verb(takes="code", gives="data")
    def decode(self, z: Tensor) -> Tensor:
        """The x with f(x) = z."""
        return self._inverse(z)

    @verb(takes="noise", gives="data")
    def sample(self, n: int, *, seed: int | None = None, sampler: str | Sampler = "") -> Tensor:
        """The x with f(x) = z for n draws z ~ N(0, I); point i depends on (seed, i) alone."""
        return sample_in_blocks(self, n, seed=seed, sampler=sampler)


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[:, : x.shape[1] // 2], x[:, x.shape[1] // 2 :]


def _scale_and_shift(coupling: nn.Module, kept: Tensor) -> tuple[Tensor, Tensor]:
    log_scale, shift = coupling(kept).chunk(2, dim=1)
    return log_scale.tanh(), shift


def negative_log_likelihood(model: Flow, batch: Batch) -> dict[str, Tensor]:
    """−log p(x) of each x, in nats."""
    return {"loss": -model.log_prob(batch.x)}
