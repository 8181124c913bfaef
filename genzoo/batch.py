"""Batch: examples, what is known of each, and which they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

__all__ = ["NOTHING", "Batch"]

NOTHING: Mapping[str, Tensor] = MappingProxyType({})
"""What a model is given that is told nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Some examples of a data set.

    Attributes:
        x: (n, *shape), on the device that the batch was asked for.
        given: what a model is told of them, by name, (n, *shape of the column): whole numbers are int64, others
            floating-point.
        known: what is known of them, by name, whether a model is told it or not.
        index: their indices in the data set, int64 (n,), on the CPU.
    """

    x: Any
    given: Mapping[str, Tensor] = field(default_factory=lambda: NOTHING)
    known: Mapping[str, Tensor] = field(default_factory=lambda: NOTHING)
    index: Int[Tensor, " n"] = field(default_factory=lambda: torch.empty(0, dtype=torch.int64, device="cpu"))

    def __len__(self) -> int:
        return len(self.x)
