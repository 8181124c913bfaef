"""Flow matching that is told a class, with a solver of its own beside those of genzoo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Self

import torch
from torch import Tensor, nn

from genzoo import (
    Architecture,
    Batch,
    ColumnEmbedding,
    Family,
    Field,
    Model,
    ModelSpec,
    NetworkBuilder,
    Noise,
    Objective,
    Record,
    Sampler,
    SamplerSpec,
    Space,
    Spaces,
    hookimpl,
    sample_in_blocks,
    verb,
)

GENZOO_API = 2


class Guided(Model):
    """dx/dt = v(x, t, c) carries noise at t = 0 to data at t = 1 (Lipman et al. 2023)."""

    sampler = "euler:8"

    def __init__(self, spec: ModelSpec, velocity: nn.Module) -> None:
        super().__init__(spec)
        self.velocity = velocity

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        return cls(spec, network("velocity", spec.input_shape))

    @property
    def spaces(self) -> Mapping[str, Spaces]:
        return {**super().spaces, "noise": Space(shape=self.input_shape)}

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    def from_flow(self, x: Tensor) -> Tensor:
        return ((x + 1) / 2).clamp(0, 1)

    @verb(takes="noise", gives="data")
    def sample(self, n: int, *, seed: int | None = None, sampler: str | Sampler = "", **given: Any) -> Tensor:
        return sample_in_blocks(self, n, seed=seed, sampler=sampler, given=given)


class Velocity(nn.Module):
    """(n, *shape), (n,), what is given -> (n, *shape)."""

    def __init__(self, shape: tuple[int, ...], *, width: int, given: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = ColumnEmbedding(given or {})
        inputs = prod(shape) + 1 + self.embedding.width
        self.layers = nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, prod(shape)))

    def forward(self, x: Tensor, t: Tensor, given: Mapping[str, Tensor] | None = None) -> Tensor:
        told = self.embedding.each(given or {})
        y: Tensor = self.layers(torch.cat([x.flatten(1), t[:, None], *told], dim=1))
        return y.view(x.shape)


def straight_paths(model: Any, batch: Batch) -> dict[str, Tensor]:
    """‖v(x_t, t, c) − (x₁ − x₀)‖² / D at x_t = (1 − t) x₀ + t x₁."""
    x1, x0 = 2 * batch.x - 1, torch.randn_like(batch.x)
    t = torch.rand(len(x1), dtype=x1.dtype, device=x1.device)
    time = t[:, None, None, None]
    given = {"given": batch.given} if batch.given else {}
    error = model.velocity((1 - time) * x0 + time * x1, t, **given) - (x1 - x0)
    return {"loss": error.square().mean((1, 2, 3))}


@dataclass(frozen=True)
class RungeKutta:
    """The classical method of fourth order: four evaluations of v for each step."""

    steps: int

    def __call__(self, model: Any, noise: Noise, given: Mapping[str, Tensor]) -> Tensor:
        x, told, h = noise.normal(*model.input_shape), {"given": given} if given else {}, 1 / self.steps
        for step in range(self.steps):
            t = x.new_full(x.shape[:1], step * h)
            first = model.velocity(x, t, **told)
            second = model.velocity(x + h / 2 * first, t + h / 2, **told)
            third = model.velocity(x + h / 2 * second, t + h / 2, **told)
            fourth = model.velocity(x + h * third, t + h, **told)
            x = x + h / 6 * (first + 2 * second + 2 * third + fourth)
        result: Tensor = model.from_flow(x)
        return result


@hookimpl
def genzoo_records() -> Iterable[Record]:
    yield Family(
        name="guided",
        target="genzoo_guided:Guided",
        roles=("velocity",),
        summary="flow matching: noise carried to data",
        conditional=True,
    )
    yield Architecture(
        name="small",
        summary="one hidden layer",
        roles={"velocity": "genzoo_guided:Velocity"},
        given=("velocity",),
        config={"width": Field(kind="int", doc="units", default=128, minimum=1, maximum=4096)},
        shapes=((1, 8, 8),),
    )
    yield Objective(
        name="straight-paths",
        family="guided",
        players={"model": "genzoo_guided:straight_paths"},
        summary="flow matching",
    )
    yield SamplerSpec(
        name="runge-kutta",
        target="genzoo_guided:RungeKutta",
        summary="the classical method of fourth order",
        needs=("velocity", "from_flow"),
        config={"steps": Field(kind="int", doc="steps", default=8, minimum=1, maximum=1000)},
    )
