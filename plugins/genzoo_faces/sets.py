"""The data sets: faces drawn by lot, once and for all, in two splits that have no drawing in common."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int, Int64, UInt8, UInt64
from torch import Tensor

from genzoo import Split
from genzoo_faces.drawing import draw
from genzoo_faces.parts import ATTRIBUTES, COLOURS, FACTORS, INKED, TINTED

__all__ = ["Faces", "faces", "line_drawings"]

COUNTS = {"train": 200_000, "test": 10_000}
CANDIDATES = 240_000
"""More than the splits have together: about a tenth of them are for the test split, which takes the first of these."""

NONE = {"facial_hair": 3 / 4, "mask_kind": 19 / 20, "accessories": 2 / 3, "hair": 0.0}
"""How often these draw "none". All other values of a factor are equally frequent."""

Array = np.ndarray[Any, np.dtype[Any]]


class Faces:
    """Faces that are drawn when they are read by a tensor of indices.

    Attributes:
        factors: the values of `FACTORS` for each.
        side: of the pictures.
        line: whether they are line drawings.
    """

    def __init__(self, factors: UInt8[Tensor, "n 8"], side: int, *, line: bool) -> None:
        self.factors = factors
        self.side = side
        self.line = line

    def __len__(self) -> int:
        return len(self.factors)

    def __getitem__(self, indices: Int[Tensor, " m"]) -> UInt8[Tensor, "m c side side"]:
        return draw(self.factors[indices], self.side, line=self.line)


def faces(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """Faces in colour, (3, h, h), with everything known of them and their line drawings; `root` is not used."""
    factors, side = _factors()[split], shape[-1]
    return Split(
        source=Faces(factors, side, line=False),
        shape=shape,
        columns={**_columns(factors), "source": Faces(factors, side, line=True)},
    )


def line_drawings(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """The same faces as line drawings, (1, h, h), with what can be seen of them; `root` is not used."""
    factors = _factors()[split]
    columns = {name: values for name, values in _columns(factors).items() if name not in COLOURS}
    return Split(source=Faces(factors, shape[-1], line=True), shape=shape, columns=columns)


def _columns(factors: UInt8[Tensor, "n 8"]) -> dict[str, UInt8[Tensor, " n"]]:
    """The factors and the attributes, by name."""
    columns = {name: factors[:, place].contiguous() for place, name in enumerate(FACTORS)}
    for name, attribute in ATTRIBUTES.items():
        yes = torch.from_numpy(_among(attribute.factor, attribute.yes))
        columns[name] = yes[columns[attribute.factor].long()].to(torch.uint8)
    columns["smiling"] *= 1 - columns["mask"]
    return columns


@cache
def _factors() -> dict[str, UInt8[Tensor, "n 8"]]:
    """The factors of the faces of each split.

    Which split a face is in depends on its parts alone, not on their colours: no line drawing is in both.
    """
    drawn = _draw_by_lot(CANDIDATES)
    number = np.zeros(CANDIDATES, dtype=np.uint64)
    for place, name in enumerate(FACTORS):
        if name not in COLOURS:
            number = number * np.uint64(len(FACTORS[name])) + drawn[:, place].astype(np.uint64)
    is_test = _mix(number + np.uint64(1)) % 10 == 0
    chosen = {"train": drawn[~is_test], "test": drawn[is_test]}
    return {name: torch.from_numpy(chosen[name][:count].astype(np.uint8)) for name, count in COUNTS.items()}


def _draw_by_lot(count: int) -> Int64[Array, "n 8"]:
    """The factors of so many faces. They are independent, but that nobody has facial hair and a mask, and that the
    colour of the hair is the one that is seen."""
    lots = _uniform(count, len(FACTORS))
    drawn = {name: _value(lots[:, place], name) for place, name in enumerate(FACTORS)}
    drawn["facial_hair"][drawn["mask_kind"] > 0] = 0
    drawn["hair"] = _seen_hair(drawn["head"], drawn["facial_hair"], drawn["hair"])
    return np.stack(list(drawn.values()), axis=1)


def _value(lots: Float64[Array, " n"], factor: str) -> Int64[Array, " n"]:
    """Values of a factor, by numbers in [0, 1)."""
    size, none = len(FACTORS[factor]), NONE.get(factor, 0.0)
    first = int(factor in NONE)
    others = first + np.floor((lots - none) / (1 - none) * (size - first)).astype(np.int64)
    return np.where(lots < none, 0, np.minimum(others, size - 1))


def _seen_hair(
    head: Int64[Array, " n"], facial_hair: Int64[Array, " n"], colour: Int64[Array, " n"]
) -> Int64[Array, " n"]:
    """That of the head; of a head without hair, that of the beard. Hair in ink is black, as is any beard below it."""
    inked, tinted = (_among("head", parts["head"])[head] for parts in (INKED, TINTED))
    inked_beard, tinted_beard = (_among("facial_hair", parts["facial_hair"])[facial_hair] for parts in (INKED, TINTED))
    black, none = FACTORS["hair"].index("black"), FACTORS["hair"].index("none")
    return np.where(tinted | (tinted_beard & ~inked), colour, np.where(inked | inked_beard, black, none))


def _among(factor: str, values: frozenset[str]) -> Bool[Array, " values"]:
    """Which values of a factor are among these."""
    return np.array([value in values for value in FACTORS[factor]])


def _uniform(count: int, columns: int) -> Float64[Array, "n columns"]:
    """Numbers in [0, 1), the same on every machine and with every release of NumPy: SplitMix64's first ones."""
    order = np.arange(1, count * columns + 1, dtype=np.uint64).reshape(count, columns)
    bits = _mix(order * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(11)
    numbers: Array = bits / 2.0**53
    return numbers


def _mix(x: UInt64[Array, "*n"]) -> UInt64[Array, "*n"]:
    """SplitMix64's finaliser (Steele et al., 2014): each bit of the result depends on all of x."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Array = x ^ (x >> np.uint64(31))
    return mixed
