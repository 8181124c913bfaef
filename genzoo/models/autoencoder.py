"""The autoencoder family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, final

from jaxtyping import Float
from torch import Tensor, nn

from genzoo.batch import NOTHING
from genzoo.models.base import Model, NetworkBuilder, verb
from genzoo.models.conditioning import run
from genzoo.spec import ModelSpec

__all__ = ["Autoencoder"]


@final
class Autoencoder(Model):
    """x → z → x̂ with z of `latent_dim` numbers, the bottleneck (Hinton & Salakhutdinov 2006).

    It has no prior over z, so it does not sample: codes drawn from anywhere but data may decode to nothing.

    Attributes:
        encoder: (n, *input_shape) -> (n, latent_dim).
        decoder: (n, latent_dim) -> (n, *input_shape) logits; `output` of them is the picture.
    """

    def __init__(self, spec: ModelSpec, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__(spec)
        self.encoder = encoder
        self.decoder = decoder

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        encoder = network("encoder", spec.input_shape, spec.latent_dim)
        return cls(spec, encoder, network("decoder", spec.latent_dim, spec.input_shape))

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    def code(self, x: Float[Tensor, " n *data"], given: Mapping[str, Tensor] = NOTHING) -> Float[Tensor, "n latent"]:
        """The code of each x. Differentiable."""
        code: Tensor = run(self.encoder, x, given=given)
        return code

    def logits(self, z: Float[Tensor, "n latent"], given: Mapping[str, Tensor] = NOTHING) -> Float[Tensor, " n *data"]:
        """What the decoder makes of each z; `output` of it is the picture. Differentiable."""
        logits: Tensor = run(self.decoder, z, given=given)
        return logits

    @verb(takes="data", gives="code")
    def encode(self, x: Float[Tensor, " n *data"], **given: Any) -> Float[Tensor, "n latent"]:
        """The code of each x. x: values in [0, 1], or any where values are real."""
        return self.code(x, given)

    @verb(takes="code", gives="data")
    def decode(self, z: Float[Tensor, "n latent"], **given: Any) -> Float[Tensor, " n *data"]:
        """The picture of each z, in [0, 1], or any numbers where values are real."""
        return self.output(self.logits(z, given))

    @verb(takes="data", gives="data")
    def reconstruct(self, x: Float[Tensor, " n *data"], **given: Any) -> Float[Tensor, " n *data"]:
        """decode(encode(x))."""
        return self.decode(self.encode(x, **given), **given)
