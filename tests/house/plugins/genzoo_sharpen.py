"""Super-resolution: networks that are handed the small picture itself, for the bundled GAN."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from genzoo import Architecture, Column, Field, Record, Space, hookimpl

GENZOO_API = 2
WIDTH = Field(kind="int", doc="channels", default=16, minimum=1, maximum=256)


class Sharpener(nn.Module):
    """(n, latent), the small picture -> (n, *shape): noise at every place beside the enlarged picture."""

    def __init__(self, latent_dim: int, shape: tuple[int, ...], *, given: Mapping[str, Any], width: int) -> None:
        super().__init__()
        self.size = shape[1:]
        channels = given["source"].space.shape[0]
        self.first = nn.Conv2d(channels + latent_dim, width, 3, padding=1)
        self.last = nn.Conv2d(width, shape[0], 3, padding=1)

    def forward(self, z: Tensor, given: Mapping[str, Tensor]) -> Tensor:
        source = interpolate(given["source"].to(z.dtype), self.size)
        noise = z[:, :, None, None].expand(-1, -1, *self.size)
        x: Tensor = self.last(self.first(torch.cat([source, noise], dim=1)).relu())
        return x


class Judge(nn.Module):
    """(n, *shape), the small picture -> (n,): the mean score of patches of both (Isola et al. 2017)."""

    def __init__(self, shape: tuple[int, ...], *, given: Mapping[str, Any], width: int) -> None:
        super().__init__()
        self.size = shape[1:]
        self.first = nn.Conv2d(shape[0] + given["source"].space.shape[0], width, 4, stride=2, padding=1)
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x: Tensor, given: Mapping[str, Tensor]) -> Tensor:
        source = interpolate(given["source"].to(x.dtype), self.size)
        score: Tensor = self.last(nn.functional.leaky_relu(self.first(torch.cat([x, source], dim=1)), 0.2))
        return score.mean((1, 2, 3))


SHARPEN = Architecture(
    name="sharpen",
    summary="a picture from a smaller one",
    roles={"generator": "genzoo_sharpen:Sharpener", "discriminator": "genzoo_sharpen:Judge"},
    given=("generator", "discriminator"),
    columns={"source": Column(space=Space(shape=(1, 4, 4), values="unit"))},
    config={"width": WIDTH},
    shapes=((1, 8, 8),),
)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (SHARPEN,)
