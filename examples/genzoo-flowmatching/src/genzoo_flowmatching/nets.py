"""The role network of the architecture ``unet``."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genzoo import InvalidInput

FREQUENCIES = 32
GROUPS = 8


class UNet(nn.Module):
    """v(x, t): a U-Net (Ronneberger et al. 2015) with residual blocks that are told the time (Ho et al. 2020,
    appendix B).

    Pixels are first folded two by two into channels, so that the finest scale has half the height and width: there most
    of a U-Net's time goes.
    """

    def __init__(self, shape: Sequence[int], *, width: int) -> None:
        super().__init__()
        if len(shape) != 3 or shape[1] % 4 or shape[2] % 4:
            raise InvalidInput(f"unet wants pictures whose height and width are multiples of 4; got {tuple(shape)}")
        if width % GROUPS:
            raise InvalidInput(f"width must be a multiple of {GROUPS}; got {width}")
        folded = 4 * shape[0]
        self.time = nn.Sequential(nn.Linear(2 * FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.first = nn.Conv2d(folded, width, 3, padding=1)
        self.down = Block(width, width, width)
        self.shrink = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.middle = nn.ModuleList([Block(2 * width, 2 * width, width), Block(2 * width, 2 * width, width)])
        self.attention = Attention(2 * width)
        self.grow = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.up = Block(2 * width, width, width)
        self.last = nn.Sequential(nn.GroupNorm(GROUPS, width), nn.SiLU(), nn.Conv2d(width, folded, 3, padding=1))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """(n, *shape), (n,) -> (n, *shape)."""
        time = self.time(waves(t))
        fine = self.down(self.first(F.pixel_unshuffle(x, 2)), time)
        coarse = self.attention(self.middle[0](self.shrink(fine), time))
        coarse = self.grow(self.middle[1](coarse, time))
        return F.pixel_shuffle(self.last(self.up(torch.cat([fine, coarse], dim=1), time)), 2)


class Block(nn.Module):
    """Two convolutions around which the input goes; the time scales and shifts what is between them."""

    def __init__(self, inputs: int, outputs: int, time: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(GROUPS, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.time = nn.Linear(time, 2 * outputs)
        self.norm = nn.GroupNorm(GROUPS, outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.around = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)
        between = F.silu(self.norm(self.first(x)) * (1 + scale) + shift)
        y: Tensor = self.around(x) + self.second(between)
        return y


class Attention(nn.Module):
    """Self-attention of all places, around which the input goes (Vaswani et al. 2017)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.project = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.project(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, dim=2)
        seen = F.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        y: Tensor = x + self.out(seen.reshape(x.shape))
        return y


def waves(t: Tensor) -> Tensor:
    """cos and sin of t at frequencies from 1 to 1000, (n,) -> (n, 2 FREQUENCIES)."""
    angles = t[:, None] * torch.logspace(0, 3, FREQUENCIES, dtype=torch.float32, device=t.device)
    return torch.cat([angles.cos(), angles.sin()], dim=1).to(t)
