"""Sequences of tokens, and a family that models them one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from genzoo import (
    ALPHABET,
    Architecture,
    Batch,
    DatasetSpec,
    Family,
    Field,
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
    Split,
    hookimpl,
    sample_in_blocks,
    verb,
)

GENZOO_API = 2


class Autoregressive(Model):
    """p(x) = Π p(x_i | x_<i).

    Attributes:
        network: (n, k) tokens -> (n, k, alphabet) logits of each, which depend on those before it alone.
    """

    sampler = "one-by-one"

    def __init__(self, spec: ModelSpec, network: nn.Module) -> None:
        super().__init__(spec)
        self.network = network

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        return cls(spec, network("sequence", spec.input_shape, spec.config["alphabet"]))

    @property
    def spaces(self) -> Mapping[str, Spaces]:
        return {**super().spaces, "log_prob": Space(shape=())}

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    def log_probs(self, x: Tensor) -> Tensor:
        """log p(x_i | x_<i) summed over i, in nats, (n,)."""
        each: Tensor = self.network(x).log_softmax(2).gather(2, x[..., None])
        return each.sum((1, 2))

    @verb(takes="data", gives="log_prob")
    def log_prob(self, x: Tensor) -> Tensor:
        return self.log_probs(x)

    @verb(takes="noise", gives="data")
    def sample(self, n: int, *, seed: int | None = None, sampler: str | Sampler = "") -> Tensor:
        return sample_in_blocks(self, n, seed=seed, sampler=sampler)


class Causal(nn.Module):
    """Two convolutions that look back."""

    def __init__(self, shape: tuple[int, ...], alphabet: int, *, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(alphabet, width)
        self.first, self.second = nn.Conv1d(width, width, 2), nn.Conv1d(width, width, 2)
        self.last = nn.Linear(width, alphabet)

    def forward(self, x: Tensor) -> Tensor:
        y = pad(self.embedding(x).mT, (1, -1))  # place i sees the tokens before it
        for layer in (self.first, self.second):
            y = layer(pad(y, (1, 0))).relu()
        logits: Tensor = self.last(y.mT)
        return logits


def cross_entropy(model: Any, batch: Batch) -> dict[str, Tensor]:
    return {"loss": -model.log_probs(batch.x)}


@dataclass(frozen=True)
class OneByOne:
    """Each token from its distribution, by one uniform number of each row."""

    def __call__(self, model: Any, noise: Noise, given: Mapping[str, Tensor]) -> Tensor:
        draws = noise.uniform(*model.input_shape)
        x = torch.zeros(draws.shape, dtype=torch.int64, device=draws.device)
        for i in range(x.shape[1]):
            below = model.network(x)[:, i].softmax(1).cumsum(1)
            x[:, i] = (below < draws[:, i, None]).sum(1).clamp(max=below.shape[1] - 1)
        return x


def counting(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """Six numbers below five, each one more than the last, around the clock."""
    count = 128 if split == "train" else 32
    starts = torch.randint(5, (count, 1), generator=torch.Generator().manual_seed(count))
    return Split(source=(starts + torch.arange(6)) % 5, shape=shape)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    yield DatasetSpec(
        name="counting",
        target="genzoo_tokens:counting",
        summary="six tokens that count",
        shape=(6,),
        values="index",
        alphabet=5,
    )
    yield Family(
        name="autoregressive",
        target="genzoo_tokens:Autoregressive",
        roles=("sequence",),
        summary="autoregressive model of tokens",
        config={"alphabet": ALPHABET},
    )
    yield Architecture(
        name="causal",
        summary="two convolutions that look back",
        roles={"sequence": "genzoo_tokens:Causal"},
        config={"width": Field(kind="int", doc="channels", default=32, minimum=1, maximum=4096)},
        shapes=((6,),),
    )
    yield Objective(
        name="next-token",
        family="autoregressive",
        players={"model": "genzoo_tokens:cross_entropy"},
        summary="−log p(x)",
    )
    yield SamplerSpec(
        name="one-by-one", target="genzoo_tokens:OneByOne", needs=("network",), summary="one token after the other"
    )
