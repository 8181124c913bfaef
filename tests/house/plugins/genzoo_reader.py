"""A decoder that reads a caption word by word, for the bundled VAE."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from genzoo import Architecture, Column, Field, Record, Space, hookimpl

GENZOO_API = 2


class Reader(nn.Module):
    """Texts of k words -> (n, width): the sum of a vector for each word at its place, padding included."""

    def __init__(self, column: Any, width: int) -> None:
        super().__init__()
        (length,) = column.space.shape
        self.words = nn.Embedding(column.space.size + 1, width)
        self.places = nn.Parameter(torch.randn(length, width))

    def forward(self, text: Tensor) -> Tensor:
        vectors: Tensor = self.words(text)
        return (vectors * self.places.sigmoid()).sum(1)


class Encoder(nn.Module):
    def __init__(self, shape: tuple[int, ...], outputs: int, *, given: Mapping[str, Any], width: int) -> None:
        super().__init__()
        self.reader = Reader(given["caption"], width)
        self.layers = nn.Sequential(nn.Linear(prod(shape) + width, width), nn.ReLU(), nn.Linear(width, outputs))

    def forward(self, x: Tensor, given: Mapping[str, Tensor]) -> Tensor:
        y: Tensor = self.layers(torch.cat([x.flatten(1), self.reader(given["caption"])], dim=1))
        return y


class Decoder(nn.Module):
    def __init__(self, latent_dim: int, shape: tuple[int, ...], *, given: Mapping[str, Any], width: int) -> None:
        super().__init__()
        self.reader = Reader(given["caption"], width)
        self.first, self.last = nn.Linear(latent_dim + width, width), nn.Linear(width, prod(shape))
        self.shape = shape

    def forward(self, z: Tensor, given: Mapping[str, Tensor]) -> Tensor:
        y: Tensor = self.last(self.first(torch.cat([z, self.reader(given["caption"])], dim=1)).relu())
        return y.view(-1, *self.shape)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    yield Architecture(
        name="reader",
        summary="reads a caption",
        roles={"encoder": "genzoo_reader:Encoder", "decoder": "genzoo_reader:Decoder"},
        given=("encoder", "decoder"),
        columns={"caption": Column(space=Space(shape=(3,), values="index", size=5))},
        config={"width": Field(kind="int", doc="units", default=64, minimum=1, maximum=4096)},
        shapes=((1, 8, 8),),
    )
