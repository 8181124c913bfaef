"""The family of feature networks: classifiers whose last hidden layer is a space to compare pictures in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genzoo.errors import InvalidInput
from genzoo.models.base import Model, NetworkBuilder, full_precision, verb
from genzoo.spec import Column, ModelSpec, Space, Spaces

__all__ = ["FeatureNetwork"]


@final
class FeatureNetwork(Model):
    """x → features → class: what Inception is to photographs, for one domain (Heusel et al. 2017, §4).

    The features are the rectified outputs of the encoder, `latent_dim` of them; the class is a linear function of them.
    A network that predicts several columns has a head for each, and their logits beside one another, in the order of
    `predicts`; one whose spec names none predicts the column ``label``, of `classes` values.

    Before the rectifier each has mean 0 and variance 1 over the training data, so that distances in the features of one
    network are of the size of those in another's.

    Attributes:
        encoder: (n, *input_shape) -> (n, latent_dim).
        norm: (n, latent_dim) -> (n, latent_dim), batch normalisation without parameters.
        head: (n, latent_dim) -> (n, classes) logits.
    """

    def __init__(self, spec: ModelSpec, encoder: nn.Module) -> None:
        super().__init__(spec)
        self.encoder = encoder
        self.norm = nn.BatchNorm1d(spec.latent_dim, affine=False)
        self.head = nn.Linear(spec.latent_dim, spec.config["classes"])

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        classes, values = spec.config["classes"], sum(column.space.size for column in spec.predicts.values())
        for name, column in spec.predicts.items():
            if column.space.values != "index" or column.space.shape:
                raise InvalidInput(f"a feature network predicts one of several values; {name} is {column.wanted()}")
        if spec.predicts and classes != values:
            raise InvalidInput(f"classes is {classes}, and what is predicted has {values} values: leave classes out")
        return cls(spec, network("encoder", spec.input_shape, spec.latent_dim))

    @property
    def predicts(self) -> Mapping[str, Column]:
        label = Column(space=Space(shape=(), values="index", size=self.spec.config["classes"]))
        return self.spec.predicts or {"label": label}

    @property
    def spaces(self) -> Mapping[str, Spaces]:
        return {**super().spaces, "logits": Space(shape=(self.spec.config["classes"],))}

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    def features(self, x: Float[Tensor, " n *data"]) -> Float[Tensor, "n latent"]:
        """max(0, norm(encoder(x))). Differentiable."""
        # In the precision of the weights: under autocast the encoder's output is coarser.
        features: Tensor = self.norm(self.encoder(x).to(self.head.weight.dtype)).relu()
        return features

    def logits(self, x: Float[Tensor, " n *data"]) -> Float[Tensor, "n classes"]:
        """Unnormalised log-probabilities of the classes. Differentiable."""
        return full_precision(self.head(self.features(x)))

    def by_column(self, logits: Float[Tensor, "n classes"]) -> dict[str, Float[Tensor, "n values"]]:
        """The logits of the values of each column that it predicts, by name. Differentiable."""
        sizes = [column.space.size for column in self.predicts.values()]
        return dict(zip(self.predicts, torch.split(logits, sizes, dim=1), strict=True))

    @verb(takes="data", gives="code")
    def encode(self, x: Float[Tensor, " n *data"]) -> Float[Tensor, "n latent"]:
        """The features of each x, at least 0. x: values in [0, 1]."""
        return self.features(x)

    @verb(takes="data", gives="logits")
    def classify(self, x: Float[Tensor, " n *data"]) -> Float[Tensor, "n classes"]:
        """The logits of the classes of each x; the softmax of each column's are probabilities, see `by_column`.
        x: values in [0, 1]."""
        return self.logits(x)
