"""The four roles. What a model can do is what it satisfies: ``isinstance(model, genzoo.Encoder)``.

Shapes: ``data`` is the model's input shape, (channels, height, width) for pictures, with values in [0, 1]; any values
where the model's are real. What a model is told comes by keyword; one that is told nothing need take none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from genzoo.randomness import Noise

__all__ = ["Decoder", "Discriminator", "Encoder", "Generator", "Sampler", "Scaled"]


@runtime_checkable
class Encoder(Protocol):
    """x -> z."""

    def encode(self, x: Float[Tensor, " n *data"], **given: Any) -> Float[Tensor, "n latent"]:
        """The code of each x; deterministic (the posterior mean where there is a posterior)."""
        ...


@runtime_checkable
class Decoder(Protocol):
    """z -> x."""

    def decode(self, z: Float[Tensor, "n latent"], **given: Any) -> Float[Tensor, " n *data"]:
        """The picture of each z; deterministic (the mean where there is a likelihood)."""
        ...


@runtime_checkable
class Generator(Protocol):
    """noise -> x."""

    def sample(
        self, n: int, *, seed: int | None = None, sampler: str | Sampler = "", **given: Any
    ) -> Float[Tensor, " n *data"]:
        """n pictures from noise, drawn by a sampler; picture i depends on (seed, i) and what it is given alone."""
        ...


@runtime_checkable
class Discriminator(Protocol):
    """x -> real or fake."""

    def discriminate(self, x: Float[Tensor, " n *data"], **given: Any) -> Float[Tensor, " n"]:
        """The logit of "x is real": D(x) = sigmoid(logit)."""
        ...


@runtime_checkable
class Scaled(Protocol):
    """A model that has parameters which are to start at the scale of the data."""

    def fit_scale(self, x: Float[Tensor, " n *data"]) -> None:
        """Set them by a few examples, before the first step of a run."""
        ...


@runtime_checkable
class Sampler(Protocol):
    """noise -> x, by way of a model. A value: two with the same options draw the same."""

    def __call__(self, model: Any, noise: Noise, given: Mapping[str, Tensor], /) -> Tensor:
        """As many samples as the noise has rows, (n, *input_shape); row i depends on row i of the noise and of what is
        given alone. `given` has what the model is told, a row for each sample."""
        ...
