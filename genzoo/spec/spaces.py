"""Spaces: what the tensors are that a model takes and gives. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from genzoo.errors import InvalidInput
from genzoo.typecheck import conform

__all__ = ["Space", "Spaces"]


@dataclass(frozen=True, kw_only=True)
class Space:
    """What each element of a batch is: its shape, and what its numbers are.

    Attributes:
        shape: without the batch: (channels, height, width) of a picture, () of a single number.
        values: ``unit`` in [0, 1], ``binary`` 0 or 1, ``real`` any; ``index`` integers below `size`, as classes,
            tokens and entries of a codebook are.
        size: of an index's alphabet; 0 for others.
    """

    shape: tuple[int, ...]
    values: Literal["unit", "binary", "real", "index"] = "real"
    size: int = 0

    def __post_init__(self) -> None:
        conform(self, "a space")
        if any(length < 1 for length in self.shape):
            raise InvalidInput(f"a space has a shape of lengths of at least 1; got {self.shape!s:.80}")
        if (self.values == "index") != (self.size > 0):
            raise InvalidInput(f"a space of indices, and no other, has a size of at least 1; got {self.size}")

    @property
    def flat(self) -> bool:
        """Whether it is a vector of real numbers."""
        return len(self.shape) == 1 and self.values == "real"


Spaces = Space | tuple[Space, ...]
"""One space, or several: a hierarchy's code is a tuple of tensors."""
