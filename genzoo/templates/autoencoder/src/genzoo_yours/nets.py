"""The role networks. Their outputs are unbounded; the family applies its own output function."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn


class Encoder(nn.Module):
    """(n, *input_shape) -> (n, outputs)."""

    def __init__(self, input_shape: Sequence[int], outputs: int, *, width: int) -> None:
        super().__init__()
        first, second = nn.Linear(prod(input_shape), width), nn.Linear(width, outputs)
        self.layers = nn.Sequential(nn.Flatten(), first, nn.SiLU(), second)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y


class Decoder(nn.Module):
    """(n, latent_dim) -> (n, *output_shape)."""

    def __init__(self, latent_dim: int, output_shape: Sequence[int], *, width: int) -> None:
        super().__init__()
        first, second = nn.Linear(latent_dim, width), nn.Linear(width, prod(output_shape))
        self.layers = nn.Sequential(first, nn.SiLU(), second, nn.Unflatten(1, tuple(output_shape)))

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.layers(z)
        return x
