"""The family of flow matching."""

from collections.abc import Mapping
from typing import Self, final

from torch import Tensor, nn

from genzoo import Model, ModelSpec, NetworkBuilder, Sampler, Space, Spaces, sample_in_blocks, verb


@final
class FlowMatching(Model):
    """dx/dt = v(x, t) carries x₀ ~ N(0, I) at t = 0 to data at t = 1 (Lipman et al. 2023, eq. 1).

    The network sees pictures in [−1, 1]; the verbs speak [0, 1]. Where values are real, both see the values themselves.

    Attributes:
        velocity: v, called with x, (n, *input_shape), and t in [0, 1], (n,); returns (n, *input_shape).
    """

    def __init__(self, spec: ModelSpec, velocity: nn.Module) -> None:
        super().__init__(spec)
        self.velocity = velocity
        self.sampler = f"{spec.config['solver']}:{spec.config['steps']}"

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        return cls(spec, network("velocity", spec.input_shape))

    @property
    def spaces(self) -> Mapping[str, Spaces]:
        """Noise is as large as an example, and there are no codes."""
        return {**super().spaces, "noise": Space(shape=self.input_shape)}

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    def scaled(self, x: Tensor) -> Tensor:
        """x as the network sees it."""
        return x if self.values == "real" else 2 * x - 1

    def from_flow(self, x: Tensor) -> Tensor:
        """What the equation carried to t = 1 as data: in [0, 1] unless values are real."""
        return x if self.values == "real" else ((x + 1) / 2).clamp(0, 1)

    @verb(takes="noise", gives="data")
    def sample(self, n: int, *, seed: int | None = None, sampler: str | Sampler = "") -> Tensor:
        """Where a solver carries n draws of noise; picture i depends on (seed, i) alone."""
        return sample_in_blocks(self, n, seed=seed, sampler=sampler)
