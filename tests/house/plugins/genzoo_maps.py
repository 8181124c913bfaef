"""A VAE whose codes are maps of a quarter of the height and width, on the networks of genzoo-codebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from genzoo import (
    Batch,
    Family,
    Field,
    Model,
    ModelSpec,
    NetworkBuilder,
    Objective,
    Record,
    Sampler,
    Space,
    Spaces,
    hookimpl,
    sample_in_blocks,
    verb,
)

GENZOO_API = 2


class SpatialVAE(Model):
    """N(z; 0, I) p(x | z) with z of (channels, height / 4, width / 4)."""

    def __init__(self, spec: ModelSpec, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__(spec)
        self.encoder, self.decoder = encoder, decoder

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        channels, *size = code_shape(spec)
        encoder = network("map_encoder", spec.input_shape, (2 * channels, *size))
        return cls(spec, encoder, network("map_decoder", (channels, *size), spec.input_shape))

    @property
    def spaces(self) -> Mapping[str, Spaces]:
        code = Space(shape=code_shape(self.spec))
        return {**super().spaces, "code": code, "noise": code}

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    @verb(takes="data", gives="code")
    def encode(self, x: Tensor) -> Tensor:
        mean: Tensor = self.encoder(x).chunk(2, dim=1)[0]
        return mean

    @verb(takes="code", gives="data")
    def decode(self, z: Tensor) -> Tensor:
        return self.output(self.decoder(z))

    @verb(takes="noise", gives="data")
    def sample(self, n: int, *, seed: int | None = None, sampler: str | Sampler = "") -> Tensor:
        return sample_in_blocks(self, n, seed=seed, sampler=sampler)


def code_shape(spec: ModelSpec) -> tuple[int, ...]:
    return spec.config["code_channels"], *(side // 4 for side in spec.input_shape[1:])


def spatial_elbo(model: Any, batch: Batch) -> dict[str, Tensor]:
    mean, log_scale = model.encoder(batch.x).chunk(2, dim=1)
    logits = model.decoder(mean + log_scale.exp() * torch.randn_like(mean))
    error = binary_cross_entropy_with_logits(logits, batch.x, reduction="none").flatten(1).sum(1)
    kl = 0.5 * ((2 * log_scale).exp() + mean.square() - 1 - 2 * log_scale).flatten(1).sum(1)
    return {"loss": error + kl, "error": error, "kl": kl}


@hookimpl
def genzoo_records() -> Iterable[Record]:
    yield Family(
        name="spatial",
        target="genzoo_maps:SpatialVAE",
        roles=("map_encoder", "map_decoder"),
        summary="VAE with maps for codes",
        config={"code_channels": Field(kind="int", doc="channels of a code", default=3, minimum=1, maximum=64)},
    )
    yield Objective(
        name="spatial-elbo", family="spatial", players={"model": "genzoo_maps:spatial_elbo"}, summary="negative ELBO"
    )
