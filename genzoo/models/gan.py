"""The generative adversarial family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genzoo.batch import NOTHING
from genzoo.models.base import Model, NetworkBuilder, full_precision, verb
from genzoo.models.conditioning import run
from genzoo.models.sampling import sample_in_blocks
from genzoo.protocols import Sampler
from genzoo.spec import ModelSpec, Space, Spaces

__all__ = ["GAN"]

LOGIT = Space(shape=())


@final
class GAN(Model):
    """A generator G(z), z ~ N(0, I), and a discriminator D(x) that tells its pictures from data (Goodfellow 2014).

    Networks see pictures in [−1, 1] (Radford et al. 2015); the verbs speak [0, 1]. Where values are real, both see the
    values themselves. What it is given, c, both are told: G(z | c) and D(x | c) (Mirza & Osindero 2014, eq. 2).

    Attributes:
        generator: (n, latent_dim) -> (n, *input_shape); tanh of it is the picture in [−1, 1], or itself real values.
        discriminator: (n, *input_shape), `scaled` -> (n,) logits of "real".
    """

    def __init__(self, spec: ModelSpec, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__(spec)
        self.generator = generator
        self.discriminator = discriminator

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        generator = network("generator", spec.latent_dim, spec.input_shape)
        return cls(spec, generator, network("discriminator", spec.input_shape))

    @property
    def spaces(self) -> Mapping[str, Spaces]:
        return {**super().spaces, "logit": LOGIT}

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"discriminator": self.discriminator, "generator": self.generator}

    def generate(
        self, z: Float[Tensor, "n latent"], given: Mapping[str, Tensor] = NOTHING
    ) -> Float[Tensor, " n *data"]:
        """G(z | c), in [0, 1] unless values are real. Differentiable."""
        raw = full_precision(run(self.generator, z, given=given))
        return raw if self.values == "real" else (torch.tanh(raw) + 1) / 2

    def scaled(self, x: Float[Tensor, " n *data"]) -> Float[Tensor, " n *data"]:
        """x as the discriminator sees it: 2x − 1 for x in [0, 1], x itself where values are real."""
        return x if self.values == "real" else 2 * x - 1

    def logits(self, x: Float[Tensor, " n *data"], given: Mapping[str, Tensor] = NOTHING) -> Float[Tensor, " n"]:
        """The logit of D(x | c). Differentiable."""
        return self.score(self.scaled(x), given)

    def score(self, scaled: Float[Tensor, " n *data"], given: Mapping[str, Tensor] = NOTHING) -> Float[Tensor, " n"]:
        """The discriminator's logit at its own input, which is `scaled`. Differentiable."""
        return full_precision(run(self.discriminator, scaled, given=given))

    @verb(takes="code", gives="data")
    def decode(self, z: Float[Tensor, "n latent"], **given: Any) -> Float[Tensor, " n *data"]:
        """G(z), in [0, 1] unless values are real."""
        return self.generate(z, given)

    @verb(takes="data", gives="logit")
    def discriminate(self, x: Float[Tensor, " n *data"], **given: Any) -> Float[Tensor, " n"]:
        """The logit of "x is real": D(x) = sigmoid(logit). x: values in [0, 1], or any where values are real."""
        return self.logits(x, given)

    @verb(takes="noise", gives="data")
    def sample(
        self, n: int, *, seed: int | None = None, sampler: str | Sampler = "", **given: Any
    ) -> Float[Tensor, " n *data"]:
        """G(z) for n draws z ~ N(0, I); picture i depends on (seed, i) and what it is given alone."""
        return sample_in_blocks(self, n, seed=seed, sampler=sampler, given=given)
