"""The four roles. What a model can do is what it satisfies: ``isinstance(model, genzoo.Encoder)``.

Shapes: ``data`` is the model's input shape, (channels, height, width) for pictures, with values in [0, 1]; any values
where the model's are real.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from genzoo.randomness import Noise

__all__ = ["Decoder", "Discriminator", "Encoder", "Generator", "Sampler"]


@runtime_checkable
class Encoder(Protocol):
    """x -> z."""

    def encode(self, x: Float[Tensor, " n *data"]) -> Float[Tensor, "n latent"]:
        """The code of each x; deterministic (the posterior mean where there is a posterior)."""
        ...


@runtime_checkable
class Decoder(Protocol):
    """z -> x."""

    def decode(self, z: Float[Tensor, "n latent"]) -> Float[Tensor, " n *data"]:
        """The picture of each z; deterministic (the mean where there is a likelihood)."""
        ...


@runtime_checkable
class Generator(Protocol):
    """noise -> x."""

    def sample(self, n: int, *, seed: int | None = None, sampler: str | Sampler = "") -> Float[Tensor, " n *data"]:
        """n pictures from noise, drawn by a sampler; picture i depends on (seed, i) alone."""
        ...


@runtime_checkable
class Discriminator(Protocol):
    """x -> real or fake."""

    def discriminate(self, x: Float[Tensor, " n *data"]) -> Float[Tensor, " n"]:
        """The logit of "x is real": D(x) = sigmoid(logit)."""
        ...


@runtime_checkable
class Sampler(Protocol):
    """noise -> x, by way of a model. A value: two with the same options draw the same."""

    def __call__(self, model: Any, noise: Noise, /) -> Tensor:
        """As many samples as the noise has rows, (n, *input_shape); row i depends on row i of the noise alone."""
        ...
