"""The networks of the architecture ``unet``."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from genzoo import Column, ColumnEmbedding, FiLM, InvalidInput

__all__ = ["UNet", "mean_velocity", "velocity"]

FREQUENCIES = 16
GROUPS = 8


@final
class UNet(nn.Module):
    """v(x, t, c), or u(x, t, s, c): a U-Net (Ronneberger et al. 2015) of residual blocks (Ho et al. 2020,
    appendix B), each of which the times and what is given scale and shift (FiLM: Perez et al. 2018).

    Pictures that are given are joined to x as channels, enlarged or reduced to its size. At the coarsest scale the mean
    over all places is joined to each of them, with `attention` after self-attention.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        times: int,
        *,
        channels: tuple[int, ...],
        patch: int,
        heads: int,
        given: Mapping[str, Column] | None = None,
    ) -> None:
        super().__init__()
        columns = given or {}
        _check(shape, channels, patch)
        self.patch = patch
        self.pictures = [name for name, column in columns.items() if column.is_picture]
        inputs = shape[0] + sum(columns[name].space.shape[0] for name in self.pictures)
        finest, coarsest = channels[0], channels[-1]
        self.times = nn.ModuleList([_embedding(2 * FREQUENCIES, finest) for _ in range(times)])
        self.columns = ColumnEmbedding(columns)
        if self.columns.width:
            self.given = _embedding(self.columns.width, finest)
        self.first = nn.Conv2d(inputs * patch**2, finest, 3, padding=1)
        self.down = nn.ModuleList([Block(width, width, finest) for width in channels[:-1]])
        self.shrink = nn.ModuleList(
            [nn.Conv2d(fine, coarse, 3, stride=2, padding=1) for fine, coarse in pairwise(channels)]
        )
        self.bottom = nn.ModuleList([Block(coarsest, coarsest, finest), Block(coarsest, coarsest, finest)])
        self.attention = Attention(coarsest, heads) if heads else nn.Identity()
        self.pooled = nn.Linear(coarsest, coarsest)
        self.grow = nn.ModuleList(
            [nn.ConvTranspose2d(coarse, fine, 2, stride=2) for fine, coarse in pairwise(channels)]
        )
        self.up = nn.ModuleList([Block(2 * width, width, finest) for width in channels[:-1]])
        self.last = nn.Sequential(
            nn.GroupNorm(GROUPS, finest), nn.SiLU(), nn.Conv2d(finest, shape[0] * patch**2, 3, padding=1)
        )

    def forward(
        self, x: Float[Tensor, "n c h w"], *times: Float[Tensor, " n"], given: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "n c h w"]:
        told = self._told(times, given or {})
        x = self.first(F.pixel_unshuffle(self._beside(x, given or {}), self.patch))
        fine = []
        for down, shrink in zip(self.down, self.shrink, strict=True):
            fine.append(down(x, told))
            x = shrink(fine[-1])
        x = self.attention(self.bottom[0](x, told))
        x = self.bottom[1](x + self.pooled(x.mean((2, 3)))[:, :, None, None], told)
        for grow, up, skip in zip(reversed(self.grow), reversed(self.up), reversed(fine), strict=True):
            x = up(torch.cat([skip, grow(x)], dim=1), told)
        return F.pixel_shuffle(self.last(x), self.patch)

    def _told(self, times: tuple[Tensor, ...], given: Mapping[str, Tensor]) -> Tensor:
        """The vector by which blocks are scaled and shifted, (n, finest)."""
        self.columns.check(given)
        told = sum(embed(waves(t)) for embed, t in zip(self.times, times, strict=True))
        if self.columns.width:
            told = told + self.given(self.columns(given).to(times[0].dtype))
        return F.silu(told)

    def _beside(self, x: Tensor, given: Mapping[str, Tensor]) -> Tensor:
        """x, and behind it the channels of the pictures that are given, from [0, 1] to [−1, 1]; one that is not told is
        grey."""
        pictures = [(2 * given[name] - 1).nan_to_num().to(x.dtype) for name in self.pictures]
        return torch.cat([x, *(F.interpolate(one, x.shape[2:]) for one in pictures)], dim=1)


def velocity(shape: tuple[int, ...], **config: Any) -> UNet:
    """v(x, t, c)."""
    return UNet(shape, 1, **config)


def mean_velocity(shape: tuple[int, ...], **config: Any) -> UNet:
    """u(x, t, s, c), s for how long."""
    return UNet(shape, 2, **config)


def _embedding(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.SiLU(), nn.Linear(outputs, outputs))


def _check(shape: tuple[int, ...], channels: tuple[int, ...], patch: int) -> None:
    """InvalidInput if there can be no such network."""
    if len(shape) != 3:
        raise InvalidInput(f"unet needs input_shape (channels, height, width); got {shape}, which are no pictures")
    divisor = patch << len(channels) - 1
    if shape[1] % divisor or shape[2] % divisor:
        raise InvalidInput(
            f"unet with patch {patch} and {len(channels)} scales needs pictures whose height and width are multiples "
            f"of {divisor}; got {shape}: take fewer channels or a smaller patch, or resize the pictures"
        )
    if odd := [width for width in channels if width % GROUPS]:
        raise InvalidInput(f"channels must be multiples of {GROUPS}, the groups of the normalisation; got {odd[0]}")


@final
class Block(nn.Module):
    """Two convolutions around which the input goes; what is told scales and shifts what is between them."""

    def __init__(self, inputs: int, outputs: int, told: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(GROUPS, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.film = FiLM(told, outputs)
        self.film.linear.reset_parameters()  # from the identity no gradient would reach the time
        self.norm = nn.GroupNorm(GROUPS, outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.around = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        y: Tensor = self.around(x) + self.second(F.silu(self.film(self.norm(self.first(x)), told)))
        return y


@final
class Attention(nn.Module):
    """Self-attention of all places, around which the input goes (Vaswani et al. 2017)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        if channels % heads:
            raise InvalidInput(f"heads must divide the channels of the coarsest scale, {channels}; got {heads}")
        self.heads = heads
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.project = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        each = self.project(self.norm(x)).flatten(2).unflatten(1, (3 * self.heads, -1)).transpose(2, 3)
        seen = F.scaled_dot_product_attention(*each.chunk(3, dim=1)).transpose(2, 3)
        y: Tensor = x + self.out(seen.reshape(x.shape))
        return y


def waves(t: Float[Tensor, " n"]) -> Float[Tensor, "n waves"]:
    """cos and sin of t at frequencies from 1 to 100."""
    angles = t[:, None] * torch.logspace(0, 2, FREQUENCIES, dtype=torch.float32, device=t.device)
    return torch.cat([angles.cos(), angles.sin()], dim=1).to(t.dtype)
