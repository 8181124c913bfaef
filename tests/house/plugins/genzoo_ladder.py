"""A hierarchy of two latents whose code is a pair, with a sampler and a metric of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Normal, kl_divergence

from genzoo import (
    LATENT_DIM,
    Architecture,
    Batch,
    Family,
    Field,
    MetricSpec,
    Model,
    ModelSpec,
    NetworkBuilder,
    Noise,
    Objective,
    Record,
    Sampler,
    SamplerSpec,
    Setting,
    Space,
    Spaces,
    hookimpl,
    sample_in_blocks,
    verb,
)

GENZOO_API = 2
Pair = tuple[Tensor, Tensor]


class Ladder(Model):
    """p(x | z₁) p(z₁ | z₂) p(z₂) with q(z₁ | x) q(z₂ | z₁); z₂ has `top` numbers and z₁ `bottom`."""

    sampler = "ancestral"

    def __init__(self, spec: ModelSpec, up: nn.Module, top: nn.Module, down: nn.Module, decoder: nn.Module) -> None:
        super().__init__(spec)
        self.up, self.top, self.down, self.decoder = up, top, down, decoder

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        top, bottom = spec.config["top"], spec.config["bottom"]
        up, decoder = network("encoder", spec.input_shape, 2 * bottom), network("decoder", bottom, spec.input_shape)
        return cls(spec, up, network("encoder", (bottom,), 2 * top), network("decoder", top, (2 * bottom,)), decoder)

    @property
    def spaces(self) -> Mapping[str, Spaces]:
        sizes = self.spec.config["top"], self.spec.config["bottom"]
        return {**super().spaces, "code": tuple(Space(shape=(size,)) for size in sizes)}

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    def bound(self, x: Tensor, noise: Pair) -> dict[str, Tensor]:
        """−ELBO in nats, (n,), and its parts; `noise` is standard normal, for z₂ and z₁."""
        first = normal(self.up(x))
        z1 = first.mean + first.stddev * noise[1]
        second = normal(self.top(z1))
        z2 = second.mean + second.stddev * noise[0]
        below = kl_divergence(first, normal(self.down(z2)))
        above = kl_divergence(second, normal(torch.zeros_like(self.top(z1))))
        likelihood: Distribution = Independent(Bernoulli(logits=self.decoder(z1), validate_args=False), x.dim() - 1)
        log_x = likelihood.log_prob(x)
        return {"loss": below + above - log_x, "kl_1": below, "kl_2": above}

    @verb(takes="data", gives="code")
    def encode(self, x: Tensor) -> Pair:
        z1 = normal(self.up(x)).mean
        return normal(self.top(z1)).mean, z1

    @verb(takes="code", gives="data")
    def decode(self, z: Pair) -> Tensor:
        return self.output(self.decoder(z[1]))

    @verb(takes="noise", gives="data")
    def sample(self, n: int, *, seed: int | None = None, sampler: str | Sampler = "") -> Tensor:
        return sample_in_blocks(self, n, seed=seed, sampler=sampler)


def normal(outputs: Tensor) -> Distribution:
    mean, log_scale = outputs.chunk(2, dim=1)
    return Independent(Normal(mean, log_scale.exp(), validate_args=False), 1)


@dataclass(frozen=True)
class Ancestral:
    """z₂ ~ N(0, I), then z₁ ~ p(z₁ | z₂)."""

    def __call__(self, model: Any, noise: Noise, given: Mapping[str, Tensor]) -> Tensor:
        top, bottom = model.spaces["code"]
        z2 = noise.normal(*top.shape)
        below = normal(model.down(z2))
        x: Tensor = model.decode((z2, below.mean + below.stddev * noise.normal(*bottom.shape, step=1)))
        return x


class Layers(nn.Module):
    """(n, *shape) -> (n, *outputs)."""

    def __init__(self, inputs: int, outputs: tuple[int, ...], width: int) -> None:
        super().__init__()
        layers = nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, prod(outputs))
        self.layers = nn.Sequential(nn.Flatten(), *layers, nn.Unflatten(1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y


def encoder(shape: tuple[int, ...], outputs: int, *, width: int) -> nn.Module:
    return Layers(prod(shape), (outputs,), width)


def decoder(latent_dim: int, shape: tuple[int, ...], *, width: int) -> nn.Module:
    return Layers(latent_dim, shape, width)


def ladder_elbo(model: Any, batch: Batch) -> dict[str, Tensor]:
    noise = tuple(torch.randn(len(batch), *part.shape, device=batch.x.device) for part in model.spaces["code"])
    terms: dict[str, Tensor] = model.bound(batch.x, noise)
    return terms


def negative_elbo(setting: Setting) -> float:
    """The mean of −ELBO with one draw for each example, named by its index."""
    model: Any = setting.model

    def each(batch: Batch, start: int) -> Tensor:
        draws = Noise(seed="ladder", n=len(batch), start=start, like=batch.x)
        top, bottom = model.spaces["code"]
        loss: Tensor = model.bound(batch.x, (draws.normal(*top.shape), draws.normal(*bottom.shape, step=1)))["loss"]
        return loss

    return setting.examples.map(model.device, each).mean().item()


@hookimpl
def genzoo_records() -> Iterable[Record]:
    yield Family(
        name="ladder",
        target="genzoo_ladder:Ladder",
        roles=("encoder", "decoder"),
        summary="a hierarchy of two latents",
        config={"top": LATENT_DIM, "bottom": LATENT_DIM},
    )
    yield Architecture(
        name="layers",
        summary="one hidden layer",
        roles={"encoder": "genzoo_ladder:encoder", "decoder": "genzoo_ladder:decoder"},
        config={"width": Field(kind="int", doc="units", default=32, minimum=1, maximum=4096)},
    )
    yield Objective(
        name="ladder-elbo", family="ladder", players={"model": "genzoo_ladder:ladder_elbo"}, summary="negative ELBO"
    )
    yield SamplerSpec(
        name="ancestral", target="genzoo_ladder:Ancestral", needs=("down", "decode"), summary="from the top down"
    )
    yield MetricSpec(
        name="ladder-negative-elbo",
        target="genzoo_ladder:negative_elbo",
        needs=("bound",),
        unit="nats",
        tolerance=0.01,
        summary="a bound on −log p(x)",
    )
