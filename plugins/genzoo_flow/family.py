"""The families of flow matching."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self, final

from torch import Tensor, nn

from genzoo import Model, ModelSpec, NetworkBuilder, Sampler, Space, Spaces, sample_in_blocks, verb

__all__ = ["Carried", "Flow", "MeanFlow"]


class Carried(Model):
    """dx/dt = v(x, t) carries x₀ ~ N(0, I) at t = 0 to data at t = 1 (Lipman et al. 2023, eq. 1).

    On the way pictures lie in [−1, 1]; the verbs speak [0, 1]. Where values are real, both are the values themselves.

    Attributes:
        network: what is learned, called with x, (n, *input_shape), and times in [0, 1], (n,); it returns
            (n, *input_shape).
    """

    def __init__(self, spec: ModelSpec, network: nn.Module) -> None:
        super().__init__(spec)
        self.network = network

    @property
    def spaces(self) -> Mapping[str, Spaces]:
        """Noise is as large as an example, and there are no codes. A ``state`` is x and the time t in [0, 1]."""
        x = Space(shape=self.input_shape)
        return {**super().spaces, "noise": x, "velocity": x, "state": (x, Space(shape=(), values="unit"))}

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    @abstractmethod
    def velocity(self, x: Tensor, t: Tensor, given: Mapping[str, Tensor] | None = None) -> Tensor:
        """v(x, t, c) with gradients, (n, *input_shape), (n,) -> (n, *input_shape)."""

    def to_flow(self, x: Tensor) -> Tensor:
        """Data as they are at t = 1: in [−1, 1] unless values are real."""
        return x if self.values == "real" else 2 * x - 1

    def from_flow(self, x: Tensor) -> Tensor:
        """What is at t = 1 as data: in [0, 1] unless values are real."""
        return x if self.values == "real" else ((x + 1) / 2).clamp(0, 1)

    @verb(takes="noise", gives="data")
    def sample(self, n: int, *, seed: int | None = None, sampler: str | Sampler = "", **given: Any) -> Tensor:
        """Where a sampler carries n draws of noise; picture i depends on (seed, i) and what it is given alone."""
        return sample_in_blocks(self, n, seed=seed, sampler=sampler, given=given)

    @verb(takes="state", gives="velocity")
    def drift(self, state: tuple[Tensor, Tensor], **given: Tensor) -> Tensor:
        """v(x, t) at a state, x of shape (n, *input_shape) and t in [0, 1] of (n,)."""
        return self.velocity(*state, given)

    def _run(self, *inputs: Tensor, given: Mapping[str, Tensor] | None) -> Tensor:
        """The network's output, in the dtype of x: under autocast it comes in bfloat16."""
        y: Tensor = self.network(*inputs, given=given) if given else self.network(*inputs)
        return y.to(inputs[0].dtype)


@final
class Flow(Carried):
    """The network is v(x, t)."""

    sampler = "heun:4"

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        return cls(spec, network("velocity", spec.input_shape))

    def velocity(self, x: Tensor, t: Tensor, given: Mapping[str, Tensor] | None = None) -> Tensor:
        return self._run(x, t, given=given)


@final
class MeanFlow(Carried):
    """The network is u(x, t, s), the mean of v over the time from t to t + s on the path through x at t, so that
    x + s u(x, t, s) is at t + s: one step of s = 1 carries noise to data (Geng et al. 2025)."""

    sampler = "mean-flow:1"

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        return cls(spec, network("mean_velocity", spec.input_shape))

    def mean_velocity(self, x: Tensor, t: Tensor, span: Tensor, given: Mapping[str, Tensor] | None = None) -> Tensor:
        """u(x, t, s, c) with gradients, (n, *input_shape), (n,), (n,) -> (n, *input_shape); s ≤ 1 − t is `span`."""
        return self._run(x, t, span, given=given)

    def velocity(self, x: Tensor, t: Tensor, given: Mapping[str, Tensor] | None = None) -> Tensor:
        """v(x, t, c) = u(x, t, 0, c)."""
        return self.mean_velocity(x, t, t.new_zeros(t.shape), given)
