"""What lies in a folder, for data sets that are what lies there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from genzoo.spec import Column

__all__ = ["Survey"]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a data set has that is found out where it lies.

    Attributes:
        columns: what is known of each example, as in a DatasetSpec.
        splits: their names; models are measured on ``test``, or on the first one without it.
        count: the number of examples of the first split.
        sizes: how many pictures have each (height, width).
        colour: whether pictures are in colour, as far as a sample tells; it may take a second.
    """

    columns: Mapping[str, Column] = field(default_factory=dict)
    splits: tuple[str, ...]
    count: int
    sizes: Mapping[tuple[int, int], int]
    colour: Callable[[], bool]
