"""A prior over discrete codes: which entry of the codebook stands at each place of the map, each place for itself. The
first stage, which encodes and decodes, is a part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from genzoo import (
    Architecture,
    Batch,
    Family,
    Model,
    ModelSpec,
    NetworkBuilder,
    Noise,
    Objective,
    Record,
    Sampler,
    SamplerSpec,
    Space,
    Spaces,
    hookimpl,
    sample_in_blocks,
    verb,
)

GENZOO_API = 2
NONE: Mapping[str, Model] = MappingProxyType({})


class CodePrior(Model):
    """p(code) over the codes of the part ``first_stage``, whose decoder makes pictures of them."""

    sampler = "places"

    def __init__(self, spec: ModelSpec, table: nn.Module) -> None:
        super().__init__(spec)
        self.table = table

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec, parts: Mapping[str, Model] = NONE) -> Self:
        code = parts["first_stage"].spaces["code"]
        assert isinstance(code, Space)
        return cls(spec, network("table", code.shape, code.size))

    @property
    def spaces(self) -> Mapping[str, Spaces]:
        return {**super().spaces, "code": self.parts["first_stage"].spaces["code"]}

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    def logits(self) -> Tensor:
        """(size, h, w): of each entry, at each place."""
        logits: Tensor = self.table()
        return logits

    @verb(takes="data", gives="code")
    def encode(self, x: Tensor) -> Tensor:
        z: Tensor = self.parts["first_stage"].encode(x)
        return z

    @verb(takes="code", gives="data")
    def decode(self, z: Tensor) -> Tensor:
        x: Tensor = self.parts["first_stage"].decode(z)
        return x

    @verb(takes="noise", gives="data")
    def sample(self, n: int, *, seed: int | None = None, sampler: str | Sampler = "") -> Tensor:
        return sample_in_blocks(self, n, seed=seed, sampler=sampler)


class Places:
    """Draws the entry of each place, and decodes."""

    def __call__(self, model: CodePrior, noise: Noise, given: Mapping[str, Tensor]) -> Tensor:
        below = model.logits().softmax(0).cumsum(0)
        draws = noise.uniform(*below.shape[1:])
        z = (draws[:, None] >= below[None, :-1]).sum(1)  # the inverse of the cumulative distribution
        return model.decode(z)


def code_likelihood(model: CodePrior, batch: Batch) -> dict[str, Tensor]:
    """−log p(code) of the codes of x, in nats."""
    z = model.parts["first_stage"].encode(batch.x)
    logits = model.logits().expand(len(z), -1, -1, -1)
    return {"loss": cross_entropy(logits, z, reduction="none").flatten(1).sum(1)}


class Table(nn.Module):
    def __init__(self, shape: tuple[int, ...], size: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(size, *shape))

    def forward(self) -> Tensor:
        return self.logits


@hookimpl
def genzoo_records() -> Iterable[Record]:
    yield Family(
        name="codeprior",
        target="genzoo_codeprior:CodePrior",
        roles=("table",),
        summary="prior over the discrete codes of a first stage",
        parts=("first_stage",),
    )
    yield Architecture(
        name="places", summary="each place for itself", roles={"table": "genzoo_codeprior:Table"}, shapes=((1, 8, 8),)
    )
    yield Objective(
        name="code-likelihood",
        family="codeprior",
        players={"model": "genzoo_codeprior:code_likelihood"},
        summary="−log p of the codes",
    )
    yield SamplerSpec(
        name="places", target="genzoo_codeprior:Places", needs=("logits", "decode"), summary="an entry for each place"
    )
