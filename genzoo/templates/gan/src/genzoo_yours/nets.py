"""The role networks. Pictures lie in [−1, 1] at the discriminator; the family applies its tanh to the generator."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn


def _layers(inputs: int, width: int, outputs: int) -> list[nn.Module]:
    hidden = [nn.Linear(inputs, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2)]
    return [*hidden, nn.Linear(width, outputs)]


class Generator(nn.Module):
    """(n, latent_dim) -> (n, *output_shape), unbounded."""

    def __init__(self, latent_dim: int, output_shape: Sequence[int], *, width: int) -> None:
        super().__init__()
        layers = _layers(latent_dim, width, prod(output_shape))
        self.layers = nn.Sequential(*layers, nn.Unflatten(1, tuple(output_shape)))

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.layers(z)
        return x


class Discriminator(nn.Module):
    """(n, *input_shape) -> (n,) logits."""

    def __init__(self, input_shape: Sequence[int], *, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), *_layers(prod(input_shape), width, 1))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(x)
        return logits.squeeze(1)
