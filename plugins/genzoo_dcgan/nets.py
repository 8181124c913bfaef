"""Generator and discriminator of DCGAN (Radford et al. 2015, §3 and figure 1).

Strided and transposed convolutions (kernel 4, stride 2, padding 1: exact halving and doubling), batch normalisation but
at the generator's output and the discriminator's input, ReLU in the generator, LeakyReLU of slope 0.2 in the
discriminator, weights from N(0, 0.02²); scales of the normalisation from N(1, 0.02²), as in the authors' code. The
family applies the tanh, and its noise is normal where the paper's is uniform.
"""

from __future__ import annotations

from itertools import pairwise
from typing import final

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from genzoo import InvalidInput

__all__ = ["Discriminator", "Generator", "base_size"]

SMALLEST, LARGEST = 4, 7


def base_size(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(n, b_h, b_w) with height = b_h·2^n, width = b_w·2^n and both b from 4 to 7.

    Raises:
        InvalidInput: `shape` is not (channels, height, width), or its sides have no such n ≥ 1.
    """
    if len(shape) == 3:
        _, height, width = shape
        for doublings in range(1, 16):
            rest = (height % (1 << doublings), width % (1 << doublings))
            base = (height >> doublings, width >> doublings)
            if not any(rest) and min(base) >= SMALLEST and max(base) <= LARGEST:
                return doublings, *base
    raise InvalidInput(
        f"dcgan needs input_shape (channels, height, width) with sides b·2^n, b from 4 to 7 and the same n ≥ 1 "
        f"(28, 32, 40, 48, 56, 64, 96, 128, …); got {shape}"
        + (": resize the pictures" if len(shape) == 3 else ", which are no pictures: take dense networks")
    )


def _normal_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


@final
class Generator(nn.Module):
    """(n, latent_dim) -> (n, *output_shape): project and reshape, then double the size n times."""

    def __init__(self, latent_dim: int, output_shape: tuple[int, ...], *, width: int, critic_norm: str) -> None:
        super().__init__()
        doublings, height, breadth = base_size(output_shape)
        channels = [width << level for level in reversed(range(doublings))]
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, channels[0] * height * breadth, bias=False),
            nn.Unflatten(1, (channels[0], height, breadth)),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(),
        ]
        for before, after in pairwise(channels):
            up = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
            layers += [up, nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(channels[-1], output_shape[0], 4, stride=2, padding=1))
        self.apply(_normal_weights)

    def forward(self, z: Float[Tensor, "n latent"]) -> Float[Tensor, "n c h w"]:
        x: Tensor = self.layers(z)
        return x


@final
class Discriminator(nn.Module):
    """(n, *input_shape) -> (n,) logits: halve the size n times, then one linear unit.

    `critic_norm`: batch normalisation (Radford et al. 2015); layer normalisation, which leaves examples independent as
    a gradient penalty wants them (Gulrajani et al. 2017, §4); spectral normalisation of each weight (Miyato et al.
    2018).
    """

    def __init__(self, input_shape: tuple[int, ...], *, width: int, critic_norm: str) -> None:
        super().__init__()
        doublings, height, breadth = base_size(input_shape)
        channels = [width << level for level in range(doublings)]
        layers: list[nn.Module] = [nn.Conv2d(input_shape[0], width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for before, after in pairwise(channels):
            down = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=critic_norm not in ("batch", "layer"))
            layers += [down, *_norm(critic_norm, after), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * height * breadth, 1))
        self.apply(_normal_weights)
        if critic_norm == "spectral":
            for module in self.layers:
                if isinstance(module, nn.Conv2d | nn.Linear):
                    spectral_norm(module)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
        logits: Tensor = self.layers(x)
        return logits.squeeze(1)


def _norm(kind: str, channels: int) -> list[nn.Module]:
    """The module that normalises feature maps, if any; one group of all channels is layer normalisation."""
    if kind == "batch":
        return [nn.BatchNorm2d(channels)]
    return [nn.GroupNorm(1, channels)] if kind == "layer" else []
