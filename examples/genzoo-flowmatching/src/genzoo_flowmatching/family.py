"""The family of flow matching."""

from collections.abc import Mapping
from math import prod
from typing import Self, final

from torch import Tensor, nn

from genzoo import InvalidInput, Model, ModelSpec, NetworkBuilder, sample_in_blocks, verb


@final
class FlowMatching(Model):
    """dx/dt = v(x, t) carries x₀ ~ N(0, I) at t = 0 to data at t = 1 (Lipman et al. 2023, eq. 1).

    The network sees pictures in [−1, 1]; the verbs speak [0, 1]. Where values are real, both see the values themselves.

    Attributes:
        velocity: v, called with x, (n, *input_shape), and t in [0, 1], (n,); returns (n, *input_shape).
    """

    def __init__(self, spec: ModelSpec, velocity: nn.Module) -> None:
        super().__init__(spec)
        if spec.latent_dim != (size := prod(spec.input_shape)):
            raise InvalidInput(f"the noise has as many numbers as an example: write latent_dim = {size}")
        self.velocity = velocity

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        return cls(spec, network("velocity", spec.input_shape))

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    def scaled(self, x: Tensor) -> Tensor:
        """x as the network sees it."""
        return x if self.values == "real" else 2 * x - 1

    @verb(takes="code", gives="data")
    def decode(self, z: Tensor) -> Tensor:
        """Where the equation carries z, by `steps` steps of the solver; in [0, 1] unless values are real."""
        z = self.checked_latent(z, "decode")
        x = self._carried(z.reshape(z.shape[0], *self.input_shape))
        return x if self.values == "real" else ((x + 1) / 2).clamp(0, 1)

    @verb(takes="noise", gives="data")
    def sample(self, n: int, *, seed: int | None = None) -> Tensor:
        """decode(z) for n draws z ~ N(0, I); picture i depends on (seed, i) alone."""
        return sample_in_blocks(self, self.decode, n, seed)

    def _carried(self, x: Tensor) -> Tensor:
        """x(1) from x(0), by Euler's method; Heun's takes the mean of the velocities at both ends of Euler's step."""
        steps = self.spec.config["steps"]
        for step in range(steps):
            start = self._velocity(x, step / steps)
            if self.spec.config["solver"] == "heun":
                end = self._velocity(x + start / steps, (step + 1) / steps)
                start = (start + end) / 2
            x = x + start / steps
        return x

    def _velocity(self, x: Tensor, t: float) -> Tensor:
        v: Tensor = self.velocity(x, x.new_full(x.shape[:1], t))
        return v
