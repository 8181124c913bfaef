"""Discrete codes: a map of entries of a codebook (van den Oord et al. 2017), without a prior over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, embedding

from genzoo import (
    Architecture,
    Batch,
    Family,
    Field,
    InvalidInput,
    Model,
    ModelSpec,
    NetworkBuilder,
    Objective,
    Record,
    Space,
    Spaces,
    hookimpl,
    verb,
)

GENZOO_API = 2


class Codebook(Model):
    """x -> a map of indices, of a quarter of the height and width -> x."""

    def __init__(self, spec: ModelSpec, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__(spec)
        self.encoder, self.decoder = encoder, decoder
        self.book = nn.Parameter(torch.randn(spec.config["entries"], spec.config["channels"]))

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        if any(side % 4 for side in spec.input_shape[1:]):
            raise InvalidInput(f"sides must be multiples of 4; got {spec.input_shape}")
        shape = spec.config["channels"], *(side // 4 for side in spec.input_shape[1:])
        encoder = network("map_encoder", spec.input_shape, shape)
        return cls(spec, encoder, network("map_decoder", shape, spec.input_shape))

    @property
    def spaces(self) -> Mapping[str, Spaces]:
        shape = tuple(side // 4 for side in self.input_shape[1:])
        return {**super().spaces, "code": Space(shape=shape, values="index", size=self.spec.config["entries"])}

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    def nearest(self, vectors: Tensor) -> Tensor:
        """(n, c, h, w) -> the indices of the nearest entries, (n, h, w)."""
        distances = (vectors[:, None] - self.book[None, :, :, None, None]).square().sum(2)
        return distances.argmin(1)

    def entries(self, z: Tensor) -> Tensor:
        """(n, h, w) -> (n, c, h, w)."""
        return embedding(z, self.book).permute(0, 3, 1, 2)

    @verb(takes="data", gives="code")
    def encode(self, x: Tensor) -> Tensor:
        return self.nearest(self.encoder(x))

    @verb(takes="code", gives="data")
    def decode(self, z: Tensor) -> Tensor:
        return self.output(self.decoder(self.entries(z)))

    @verb(takes="data", gives="data")
    def reconstruct(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


def vector_quantisation(model: Any, batch: Batch) -> dict[str, Tensor]:
    """−log p(x | e) + ‖sg[z_e] − e‖² + ¼ ‖z_e − sg[e]‖², gradients straight through (equation 3)."""
    vectors = model.encoder(batch.x)
    entries = model.entries(model.nearest(vectors))
    logits = model.decoder(vectors + (entries - vectors).detach())
    error = binary_cross_entropy_with_logits(logits, batch.x, reduction="none").flatten(1).sum(1)
    book = (vectors.detach() - entries).square().flatten(1).sum(1)
    commitment = (vectors - entries.detach()).square().flatten(1).sum(1)
    return {"loss": error + book + 0.25 * commitment, "error": error}


class Down(nn.Sequential):
    def __init__(self, shape: tuple[int, ...], code: tuple[int, ...], *, width: int) -> None:
        first = nn.Conv2d(shape[0], width, 4, stride=2, padding=1)
        super().__init__(first, nn.ReLU(), nn.Conv2d(width, code[0], 4, stride=2, padding=1))


class Up(nn.Sequential):
    def __init__(self, code: tuple[int, ...], shape: tuple[int, ...], *, width: int) -> None:
        first = nn.ConvTranspose2d(code[0], width, 4, stride=2, padding=1)
        super().__init__(first, nn.ReLU(), nn.ConvTranspose2d(width, shape[0], 4, stride=2, padding=1))


@hookimpl
def genzoo_records() -> Iterable[Record]:
    yield Family(
        name="codebook",
        target="genzoo_codebook:Codebook",
        roles=("map_encoder", "map_decoder"),
        summary="vector-quantised autoencoder: a map of entries of a codebook",
        config={
            "entries": Field(kind="int", doc="entries of the codebook", default=16, minimum=2, maximum=65536),
            "channels": Field(kind="int", doc="numbers of an entry", default=8, minimum=1, maximum=1024),
        },
    )
    yield Architecture(
        name="strided",
        summary="two strided convolutions",
        roles={"map_encoder": "genzoo_codebook:Down", "map_decoder": "genzoo_codebook:Up"},
        config={"width": Field(kind="int", doc="channels", default=32, minimum=1, maximum=1024)},
        shapes=((1, 8, 8), (3, 16, 12)),
    )
    yield Objective(
        name="vector-quantisation",
        family="codebook",
        players={"model": "genzoo_codebook:vector_quantisation"},
        summary="reconstruction, codebook and commitment",
        exceptions={
            "a_step_lowers_the_loss": "its gradient goes straight through the quantisation",
        },
    )
