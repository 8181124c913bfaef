"""Fully connected role networks. Outputs are unbounded; the family applies its output function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import final

from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["DenseDecoder", "DenseDiscriminator", "DenseEncoder"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(0.2),
    "tanh": nn.Tanh,
}


def _layers(widths: Sequence[int], activation: str) -> list[nn.Module]:
    """Linear layers through `widths`, an activation between each two."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [_linear(inputs, outputs, activation), ACTIVATIONS[activation]()]
    return layers[:-1]


def _linear(inputs: int, outputs: int, activation: str) -> nn.Linear:
    """torch's own initialisation, but for tanh that of Glorot & Bengio (2010), which was made for it."""
    layer = nn.Linear(inputs, outputs)
    if activation == "tanh":
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return layer


@final
class DenseEncoder(nn.Module):
    """(n, *input_shape) -> (n, outputs): flatten, then `hidden` in their order."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int, *, hidden: Sequence[int], activation: str) -> None:
        super().__init__()
        widths = (prod(input_shape), *hidden, outputs)
        self.layers = nn.Sequential(nn.Flatten(), *_layers(widths, activation))

    def forward(self, x: Float[Tensor, " n *data"]) -> Float[Tensor, "n outputs"]:
        y: Tensor = self.layers(x)
        return y


@final
class DenseDecoder(nn.Module):
    """(n, latent_dim) -> (n, *output_shape): `hidden` in reverse, then unflatten."""

    def __init__(
        self, latent_dim: int, output_shape: tuple[int, ...], *, hidden: Sequence[int], activation: str
    ) -> None:
        super().__init__()
        widths = (latent_dim, *reversed(hidden), prod(output_shape))
        self.layers = nn.Sequential(*_layers(widths, activation), nn.Unflatten(1, output_shape))

    def forward(self, z: Float[Tensor, "n latent"]) -> Float[Tensor, " n *data"]:
        x: Tensor = self.layers(z)
        return x


@final
class DenseDiscriminator(nn.Module):
    """(n, *input_shape) -> (n,) logits: an encoder with one output."""

    def __init__(self, input_shape: tuple[int, ...], *, hidden: Sequence[int], activation: str) -> None:
        super().__init__()
        self.encoder = DenseEncoder(input_shape, 1, hidden=hidden, activation=activation)

    def forward(self, x: Float[Tensor, " n *data"]) -> Float[Tensor, " n"]:
        logits: Tensor = self.encoder(x)
        return logits.squeeze(1)
