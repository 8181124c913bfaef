"""Convolutional role networks.

Output-size arithmetic (Dumoulin & Visin 2016, relationships 6 and 14). Every layer has kernel k = 4, stride s = 2 and
padding p = 1. A convolution makes of size i

    o = ⌊(i + 2p − k) / s⌋ + 1 = ⌊i / 2⌋,

and a transposed convolution of size o makes

    i' = s (o − 1) + k − 2p + a = 2 o + a,  with output padding a ∈ {0, 1}.

So a = i mod 2 restores every size exactly, odd ones too: 28 → 14 → 7 and back, 45 → 22 → 11 and back. What is needed
is that something is left at the bottom: height and width of at least 2^depth.

With patch p > 1 the first convolution does not see pixels but patches of p × p of them, each one place of p² values
(space to depth), and the decoder ends in patches (sub-pixel convolution, Shi et al. 2016): large pictures at a fraction
of the cost, since the fine levels are the dear ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any, final

from jaxtyping import Float
from torch import Tensor, nn

from genzoo import Column, ColumnEmbedding, FiLM, InvalidInput

__all__ = ["ConvDecoder", "ConvEncoder", "level_sizes"]

Size = tuple[int, int]
Columns = Mapping[str, Column]
NOTHING: Mapping[str, Any] = MappingProxyType({})


def level_sizes(shape: tuple[int, ...], depth: int, patch: int) -> list[Size]:
    """(height, width) in patches at each level, finest first, depth + 1 of them.

    Raises:
        InvalidInput: `shape` is not (channels, height, width), a side is no multiple of `patch`, or a side has fewer
            than 2^depth patches.
    """
    if len(shape) != 3:
        raise InvalidInput(f"conv needs input_shape (channels, height, width); got {shape}")
    _, height, width = shape
    if height % patch or width % patch:
        raise InvalidInput(f"conv with patch {patch} needs sides that are its multiples; got {height}×{width}")
    if min(height, width) < patch * 2**depth:
        raise InvalidInput(
            f"conv with depth {depth} needs height and width of at least {patch * 2**depth}; got {height}×{width}: "
            "give a smaller depth or larger pictures"
        )
    return [(height // patch >> level, width // patch >> level) for level in range(depth + 1)]


def _embedding(given: Columns) -> ColumnEmbedding | None:
    """What embeds the columns, if there are any; InvalidInput if one is a picture."""
    if pictures := [name for name, column in given.items() if column.is_picture]:
        raise InvalidInput(f"conv cannot be told a picture ({pictures[0]}); take an architecture that can")
    return ColumnEmbedding(given) if given else None


def _film(embedding: ColumnEmbedding | None, channels: int) -> list[nn.Module]:
    return [FiLM(embedding.width, channels)] if embedding else []


def _through(
    layers: nn.Sequential, x: Tensor, embedding: ColumnEmbedding | None, given: Mapping[str, Tensor]
) -> Tensor:
    """What the layers make of x, those of FiLM with what is given."""
    if embedding is None:
        y: Tensor = layers(x)
        return y
    embedding.check(given)
    vector = embedding(given)
    for layer in layers:
        x = layer(x, vector) if isinstance(layer, FiLM) else layer(x)
    return x


def _normalised(layer: nn.Module, channels: int, norm: str) -> list[nn.Module]:
    return [layer, *([nn.BatchNorm2d(channels)] if norm == "batch" else [])]


@final
class Residual(nn.Module):
    """x + f(x) with two 3×3 convolutions, each after its normalisation and ReLU (He et al. 2016, figure 1b)."""

    def __init__(self, channels: int, norm: str) -> None:
        super().__init__()
        before = [*([nn.BatchNorm2d(channels)] if norm == "batch" else []), nn.ReLU()]
        first = _normalised(nn.Conv2d(channels, channels, 3, padding=1), channels, norm)
        self.layers = nn.Sequential(*before, *first, nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        y: Tensor = x + self.layers(x)
        return y


@final
class ConvEncoder(nn.Module):
    """(n, *input_shape) -> (n, outputs)."""

    def __init__(
        self,
        input_shape: tuple[int, ...],
        outputs: int,
        *,
        patch: int,
        depth: int,
        width: int,
        blocks: int,
        hidden: int,
        norm: str,
        given: Columns = NOTHING,
    ) -> None:
        super().__init__()
        self.embedding = _embedding(given)
        height, breadth = level_sizes(input_shape, depth, patch)[-1]
        channels = [input_shape[0] * patch**2, *(width << level for level in range(depth))]
        layers: list[nn.Module] = [nn.PixelUnshuffle(patch)] if patch > 1 else []
        for before, after in pairwise(channels):
            down = nn.Conv2d(before, after, 4, stride=2, padding=1)
            layers += [*_normalised(down, after, norm), *_film(self.embedding, after), nn.ReLU()]
            layers += [Residual(after, norm) for _ in range(blocks)]
        layers += [
            nn.Flatten(),
            nn.Linear(channels[-1] * height * breadth, hidden),
            *_film(self.embedding, hidden),
            nn.ReLU(),
        ]
        layers += [nn.Linear(hidden, outputs)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "n c h w"], given: Mapping[str, Tensor] = NOTHING) -> Float[Tensor, "n outputs"]:
        return _through(self.layers, x, self.embedding, given)


@final
class ConvDecoder(nn.Module):
    """(n, latent_dim) -> (n, *output_shape): the encoder's levels in reverse."""

    def __init__(
        self,
        latent_dim: int,
        output_shape: tuple[int, ...],
        *,
        patch: int,
        depth: int,
        width: int,
        blocks: int,
        hidden: int,
        norm: str,
        given: Columns = NOTHING,
    ) -> None:
        super().__init__()
        self.embedding = _embedding(given)
        sizes = level_sizes(output_shape, depth, patch)
        bottom = (width << (depth - 1), *sizes[-1])
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, hidden),
            *_film(self.embedding, hidden),
            nn.ReLU(),
            nn.Linear(hidden, bottom[0] * bottom[1] * bottom[2]),
            nn.ReLU(),
            nn.Unflatten(1, bottom),
        ]
        for level in range(depth - 1, 0, -1):
            layers += [Residual(width << level, norm) for _ in range(blocks)]
            after = width << (level - 1)
            layers += [
                *_normalised(_up(width << level, after, sizes[level]), after, norm),
                *_film(self.embedding, after),
                nn.ReLU(),
            ]
        layers += [Residual(width, norm) for _ in range(blocks)]
        layers.append(_up(width, output_shape[0] * patch**2, sizes[0]))
        layers += [nn.PixelShuffle(patch)] if patch > 1 else []
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Float[Tensor, "n latent"], given: Mapping[str, Tensor] = NOTHING) -> Float[Tensor, "n c h w"]:
        return _through(self.layers, z, self.embedding, given)


def _up(before: int, after: int, size: Size) -> nn.ConvTranspose2d:
    """The transposed convolution that ends at `size`."""
    odd = (size[0] % 2, size[1] % 2)
    return nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, output_padding=odd)
