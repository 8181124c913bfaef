"""Solvers of dx/dt = v(x, t), which carries noise at t = 0 to data at t = 1 (Lipman et al. 2023, eq. 1).

They need ``velocity(x, t)``, x of shape (n, *input_shape) and t of (n,) in [0, 1], and ``from_flow(x)``, which gives
what is at t = 1 as data. Steps are of equal size; how many there are by default, the records say.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Protocol

from torch import Tensor

from genzoo.randomness import Noise

__all__ = ["Euler", "EulerMaruyama", "Heun"]


class Flow(Protocol):
    """What a solver needs of a model."""

    @property
    def input_shape(self) -> tuple[int, ...]: ...

    def velocity(self, x: Tensor, t: Tensor, /) -> Tensor: ...

    def from_flow(self, x: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Euler:
    """Euler's method: one evaluation of v for each step."""

    steps: int

    def __call__(self, model: Flow, noise: Noise) -> Tensor:
        x = noise.normal(*model.input_shape)
        for step in range(self.steps):
            x = x + _velocity(model, x, step / self.steps) / self.steps
        return model.from_flow(x)


@dataclass(frozen=True)
class Heun:
    """Heun's method: the mean of the velocities at both ends of Euler's step, two evaluations of v for each."""

    steps: int

    def __call__(self, model: Flow, noise: Noise) -> Tensor:
        x = noise.normal(*model.input_shape)
        for step in range(self.steps):
            start = _velocity(model, x, step / self.steps)
            end = _velocity(model, x + start / self.steps, (step + 1) / self.steps)
            x = x + (start + end) / 2 / self.steps
        return model.from_flow(x)


@dataclass(frozen=True)
class EulerMaruyama:
    """The stochastic equation with the same distribution at every t (Song et al. 2021, §4.3; Ma et al. 2024).

    dx = (v + g² s / 2) dt + g dW with the score s(x, t) = (t v − x) / (1 − t) of straight paths from N(0, I), and
    g² = 2 ω (1 − t), which vanishes where the score has no value. ω is `noise`; 0 gives Euler's method.
    """

    steps: int
    noise: float

    def __call__(self, model: Flow, noise: Noise) -> Tensor:
        x = noise.normal(*model.input_shape)
        for step in range(self.steps):
            t = step / self.steps
            v = _velocity(model, x, t)
            drift = v + self.noise * (t * v - x)
            x = x + drift / self.steps
            if step + 1 < self.steps:  # the last step adds none: it would stay in the picture
                x = x + sqrt(2 * self.noise * (1 - t) / self.steps) * noise.normal(*model.input_shape, step=step + 1)
        return model.from_flow(x)


def _velocity(model: Flow, x: Tensor, t: float) -> Tensor:
    return model.velocity(x, x.new_full(x.shape[:1], t))
