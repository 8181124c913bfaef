"""The generating factors of a data set that holds one picture for each combination of their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import torch
from jaxtyping import Int
from torch import Tensor

__all__ = ["Factors"]


@dataclass(frozen=True)
class Factors:
    """The grid of all combinations, numbered so that the last factor varies fastest.

    Attributes:
        sizes: factor -> number of its values, which are counted from 0.
    """

    sizes: Mapping[str, int]

    def __len__(self) -> int:
        return prod(self.sizes.values())

    def of(self, indices: Int[Tensor, " n"]) -> Int[Tensor, "n f"]:
        """The value of each factor of the pictures at `indices`."""
        return indices[:, None] // self._strides() % torch.tensor(list(self.sizes.values()), device="cpu")

    def indices(self, values: Int[Tensor, "n f"]) -> Int[Tensor, " n"]:
        """Where the pictures with these values are: the inverse of `of`."""
        return (values * self._strides()).sum(1)

    def _strides(self) -> Int[Tensor, " f"]:
        sizes = list(self.sizes.values())
        return torch.tensor([prod(sizes[place + 1 :]) for place in range(len(sizes))], device="cpu")
