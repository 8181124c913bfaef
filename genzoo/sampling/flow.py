"""Solvers of dx/dt = v(x, t), which carries noise at t = 0 to data at t = 1 (Lipman et al. 2023, eq. 1).

They need ``velocity(x, t)``, x of shape (n, *input_shape) and t of (n,) in [0, 1], and ``from_flow(x)``, which gives
what is at t = 1 as data. Steps are of equal size; how many there are by default, the records say.

A model that is told something is called as ``velocity(x, t, given=given)``, and `guidance` w follows
v(∅) + w (v(c) − v(∅)), where ∅ is told nothing (Ho & Salimans 2022, eq. 6, with w for 1 + w): 1 is v(c) itself, more is
nearer to what is told and less varied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

from torch import Tensor

from genzoo.batch import NOTHING
from genzoo.errors import InvalidInput
from genzoo.models import run
from genzoo.models.given import not_told
from genzoo.randomness import Noise

__all__ = ["Euler", "EulerMaruyama", "Heun", "MeanFlow", "Midpoint"]


Velocity = Callable[[Tensor, float], Tensor]
"""v at (n, *input_shape) and one time for all."""

Step = Callable[[Tensor, float, float], Tensor]
"""x at t, t and h -> x at t + h."""


@dataclass(frozen=True)
class Euler:
    """Euler's method: one evaluation of v for each step."""

    steps: int
    guidance: float = 1.0

    def __call__(self, model: Any, noise: Noise, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        v = _guided(model, given, self.guidance)

        def step(x: Tensor, t: float, h: float) -> Tensor:
            return x + h * v(x, t)

        return _solve(step, self.steps, model, noise)


@dataclass(frozen=True)
class Midpoint:
    """The midpoint method: the velocity half of Euler's step on, two evaluations of v for each."""

    steps: int
    guidance: float = 1.0

    def __call__(self, model: Any, noise: Noise, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        v = _guided(model, given, self.guidance)

        def step(x: Tensor, t: float, h: float) -> Tensor:
            return x + h * v(x + h / 2 * v(x, t), t + h / 2)

        return _solve(step, self.steps, model, noise)


@dataclass(frozen=True)
class Heun:
    """Heun's method: the mean of the velocities at both ends of Euler's step, two evaluations of v for each."""

    steps: int
    guidance: float = 1.0

    def __call__(self, model: Any, noise: Noise, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        v = _guided(model, given, self.guidance)

        def step(x: Tensor, t: float, h: float) -> Tensor:
            start = v(x, t)
            return x + h / 2 * (start + v(x + h * start, t + h))

        return _solve(step, self.steps, model, noise)


@dataclass(frozen=True)
class EulerMaruyama:
    """The stochastic equation with the same distribution at every t (Song et al. 2021, §4.3; Ma et al. 2024).

    dx = (v + g² s / 2) dt + g dW with the score s(x, t) = (t v − x) / (1 − t) of straight paths from N(0, I), and
    g² = 2 ω (1 − t), which vanishes where the score has no value. ω is `noise`; 0 gives Euler's method.
    """

    steps: int
    noise: float
    guidance: float = 1.0

    def __call__(self, model: Any, noise: Noise, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        v = _guided(model, given, self.guidance)

        def step(x: Tensor, t: float, h: float) -> Tensor:
            drift = v(x, t)
            x = x + h * (drift + self.noise * (t * drift - x))
            number = round(t / h) + 1
            if number == self.steps:  # the last step adds no noise: it would stay in the picture
                return x
            return x + sqrt(2 * self.noise * (1 - t) * h) * noise.normal(*model.input_shape, step=number)

        return _solve(step, self.steps, model, noise)


@dataclass(frozen=True)
class MeanFlow:
    """x + s u(x, t, s), u the mean velocity over each step (Geng et al. 2025, eq. 12).

    It needs ``mean_velocity(x, t, span)``, t and span of shape (n,).
    """

    steps: int

    def __call__(self, model: Any, noise: Noise, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        def step(x: Tensor, t: float, h: float) -> Tensor:
            rows = x.shape[:1]
            u: Tensor = run(model.mean_velocity, x, x.new_full(rows, t), x.new_full(rows, h), given=given)
            return x + h * u

        return _solve(step, self.steps, model, noise)


def _solve(step: Step, steps: int, model: Any, noise: Noise) -> Tensor:
    """Where so many steps carry the noise, as data."""
    x = noise.normal(*model.input_shape)
    for number in range(steps):
        x = step(x, number / steps, 1 / steps)
    data: Tensor = model.from_flow(x)
    return data


def _guided(model: Any, given: Mapping[str, Tensor], guidance: float) -> Velocity:
    """The velocity that a solver follows.

    Raises:
        InvalidInput: there is guidance, and the model was never without what it is told, or is told nothing.
    """
    if guidance == 1:
        return lambda x, t: _velocity(model, x, t, given)
    columns = model.spec.given
    if not columns or not all(column.optional for column in columns.values()):
        told = f"has always been told {', '.join(columns)}" if columns else "is told nothing"
        raise InvalidInput(
            f"guidance needs a model that has also learned without what it is told, and {model.name} {told}: leave "
            "guidance out, or train with training.drop_given = 0.1"
        )

    def velocity(x: Tensor, t: float) -> Tensor:
        free = _velocity(model, x, t, {name: not_told(column, len(x), x) for name, column in columns.items()})
        return free + guidance * (_velocity(model, x, t, given) - free)

    return velocity


def _velocity(model: Any, x: Tensor, t: float, given: Mapping[str, Tensor]) -> Tensor:
    v: Tensor = run(model.velocity, x, x.new_full(x.shape[:1], t), given=given)
    return v
