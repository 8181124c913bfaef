"""The role networks of the architecture ``tiny``."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn


class Encoder(nn.Module):
    """(n, *input_shape) -> (n, outputs)."""

    def __init__(self, input_shape: Sequence[int], outputs: int, *, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(prod(input_shape), width), nn.Tanh(), nn.Linear(width, outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y


class Decoder(nn.Module):
    """(n, latent_dim) -> (n, *output_shape), logits."""

    def __init__(self, latent_dim: int, output_shape: Sequence[int], *, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, width),
            nn.Tanh(),
            nn.Linear(width, prod(output_shape)),
            nn.Unflatten(1, tuple(output_shape)),
        )

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.layers(z)
        return x
