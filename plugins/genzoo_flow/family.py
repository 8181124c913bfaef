"""The family of flow matching."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, final

from torch import Tensor, nn

from genzoo import Model, ModelSpec, NetworkBuilder, Sampler, Space, Spaces, sample_in_blocks, verb

__all__ = ["Flow"]


@final
class Flow(Model):
    """dx/dt = v(x, t) carries x₀ ~ N(0, I) at t = 0 to data at t = 1 (Lipman et al. 2023, eq. 1).

    On the way pictures lie in [−1, 1]; the verbs speak [0, 1]. Where values are real, both are the values themselves.

    Attributes:
        network: v, called with x, (n, *input_shape), and t in [0, 1], (n,); it returns (n, *input_shape).
    """

    sampler = "heun:4"

    def __init__(self, spec: ModelSpec, network: nn.Module) -> None:
        super().__init__(spec)
        self.network = network

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

    def velocity(self, x: Tensor, t: Tensor, given: Mapping[str, Tensor] | None = None) -> Tensor:
        """v(x, t, c) with gradients, (n, *input_shape), (n,) -> (n, *input_shape)."""
        v: Tensor = self.network(x, t, given=given) if given else self.network(x, t)
        return v.float() if v.itemsize < 4 and v.dtype != x.dtype else v

    def to_flow(self, x: Tensor) -> Tensor:
        """Data as they are at t = 1: in [−1, 1] unless values are real."""
        return x if self.values == "real" else 2 * x - 1

    def from_flow(self, x: Tensor) -> Tensor:
        """What is at t = 1 as data: in [0, 1] unless values are real."""
        return x if self.values == "real" else ((x + 1) / 2).clamp(0, 1)

    @verb(takes="noise", gives="data")
    def sample(self, n: int, *, seed: int | None = None, sampler: str | Sampler = "", **given: Any) -> Tensor:
        """Where a solver carries n draws of noise; picture i depends on (seed, i) and what it is given alone."""
        return sample_in_blocks(self, n, seed=seed, sampler=sampler, given=given)
