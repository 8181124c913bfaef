"""The data sets: what is shown in training, what is held out, and which drawing stands beside which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int, UInt8
from PIL import Image
from torch import Tensor

from genzoo import Split
from genzoo_emoji.names import GROUPS, LONGEST, SHEETS, STYLES, Emoji, emoji, vocabulary, words

__all__ = ["Drawings", "all_styles", "black_to_flat", "drawings", "flat_to_3d"]

SIDE = 64
COLUMNS = 40  # of a sheet


@dataclass(frozen=True, eq=False)
class Drawings:
    """Rows of a table of drawings, copied when they are read by a tensor of indices.

    Attributes:
        table: all drawings.
        rows: those in question.
    """

    table: UInt8[Tensor, "drawings 3 64 64"]
    rows: Int[Tensor, " n"]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, indices: Int[Tensor, " m"]) -> UInt8[Tensor, "m 3 64 64"]:
        return self.table.flatten(1).index_select(0, self.rows[indices]).view(-1, *self.table.shape[1:])


@dataclass(frozen=True)
class Shown:
    """What of an emoji is shown in training: all of it, all but a style, or nothing.

    Attributes:
        hidden: whether no style is shown: its concept is held out.
        style: the one that is held out, or −1.
        lot: a number of its own.
    """

    hidden: bool
    style: int
    lot: int

    @classmethod
    def of(cls, row: Emoji) -> Shown:
        """One of ten concepts is held out; of every second of the others one style is, which makes a tenth of them."""
        lot = int.from_bytes(blake2b(row.code.encode(), digest_size=6).digest(), "big")
        hidden = lot % 10 == 0
        return cls(hidden=hidden, style=-1 if hidden or lot // 10 % 2 else lot // 20 % len(STYLES), lot=lot // 100)

    def split(self, style: int) -> str:
        """Which split the emoji is in, drawn in this style."""
        return "concepts" if self.hidden else "test" if style == self.style else "train"

    def source(self, style: int) -> int:
        """Another style, in which the emoji may stand beside this one: none that is held out."""
        others = [other for other in range(len(STYLES)) if other not in (style, self.style)]
        return others[(self.lot + style) % len(others)]


def all_styles(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """Every emoji in every style. `test` has pairs of an emoji and a style that are not in `train`, where the emoji is
    in the four other styles; `concepts` has emoji that are in neither; `root` is not used."""
    rows, styles, sources = [], [], []
    for row, one in enumerate(emoji()):
        shown = Shown.of(one)
        for style in range(len(STYLES)):
            if shown.split(style) == split:
                rows.append(row)
                styles.append(style)
                sources.append(shown.source(style))
    label, source = _whole(styles), _whole(sources)
    return _split(STYLES, _whole(rows), label, source, {"label": label}, shape)


def flat_to_3d(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """Fluent emoji in relief and, as their source, in flat colours. `test` has the emoji that `emoji` calls
    `concepts`; `root` is not used."""
    return _pair("flat", "3d", split, shape)


def black_to_flat(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """As `flat_to_3d`, in flat colours and in black."""
    return _pair("black", "flat", split, shape)


def _pair(before: str, after: str, split: str, shape: tuple[int, ...]) -> Split:
    rows = _whole([row for row, one in enumerate(emoji()) if Shown.of(one).hidden == (split == "test")])
    return _split((before, after), rows, torch.ones_like(rows), torch.zeros_like(rows), {}, shape)


def _split(
    styles: tuple[str, ...],
    rows: Int[Tensor, " n"],
    style: Int[Tensor, " n"],
    source: Int[Tensor, " n"],
    columns: dict[str, Tensor],
    shape: tuple[int, ...],
) -> Split:
    """Emoji by their rows, in some of these styles, with all that is known of them."""
    table, count = drawings(styles), len(emoji())
    return Split(
        source=Drawings(table, style * count + rows),
        shape=shape,
        columns={
            **columns,
            "group": _groups()[rows],
            "text": _texts()[rows],
            "source": Drawings(table, source * count + rows),
        },
    )


@cache
def drawings(styles: tuple[str, ...]) -> UInt8[Tensor, "drawings 3 64 64"]:
    """All emoji in the first style, then all in the second, and so on."""
    count = len(emoji())
    table = np.empty((len(styles), count, 3, SIDE, SIDE), dtype=np.uint8)
    for drawn, style in zip(table, styles, strict=True):
        with Image.open(SHEETS / f"{style}.webp") as image:
            pixels = np.asarray(image.convert("RGB"))
        squares = pixels.reshape(-1, SIDE, COLUMNS, SIDE, 3).transpose(0, 2, 4, 1, 3)
        drawn[:] = squares.reshape(-1, 3, SIDE, SIDE)[:count]
    return torch.from_numpy(table).flatten(0, 1)


@cache
def _groups() -> Int[Tensor, " emoji"]:
    return _whole([GROUPS.index(one.group) for one in emoji()])


@cache
def _texts() -> Int[Tensor, "emoji words"]:
    """The names, word by word; the size of the vocabulary stands behind the last."""
    place = {word: index for index, word in enumerate(vocabulary())}
    texts = [[place[word] for word in words(one.name)] for one in emoji()]
    return _whole([text + [len(place)] * (LONGEST - len(text)) for text in texts])


def _whole(values: list[int] | list[list[int]]) -> Int[Tensor, "*n"]:
    return torch.tensor(values, dtype=torch.int64, device="cpu")
