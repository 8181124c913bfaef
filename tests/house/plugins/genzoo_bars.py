"""A data set of 8×8 pictures with one bar each, of which everything is known: label, caption and a coarse picture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from genzoo import Column, DatasetSpec, Record, Space, hookimpl

if TYPE_CHECKING:
    from genzoo import Split

GENZOO_API = 2
SIZE = 8
WORDS = ("bar", "horizontal", "thick", "thin", "vertical")

BARS = DatasetSpec(
    name="bars",
    target="genzoo_bars:bars",
    summary="a horizontal or vertical bar in 8×8 pixels",
    shape=(1, SIZE, SIZE),
    values="binary",
    columns={
        "label": Column.of(["horizontal", "vertical"], doc="the way the bar lies"),
        "caption": Column(space=Space(shape=(3,), values="index", size=len(WORDS)), names=WORDS),
        "source": Column(space=Space(shape=(1, SIZE // 2, SIZE // 2), values="unit"), doc="it at half its size"),
    },
)


def bars(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """128 (train) or 32 (test) pictures; the caption is ``thin vertical bar``, or ``bar`` for one in eight."""
    import torch
    from torch.nn.functional import avg_pool2d

    from genzoo import Split

    draws = torch.Generator().manual_seed(0 if split == "train" else 1)
    count = 128 if split == "train" else 32
    label = torch.arange(count) % 2
    thick = torch.randint(2, (count,), generator=draws)
    place = torch.randint(SIZE - 1, (count,), generator=draws)
    rows = torch.arange(SIZE)
    on = (rows >= place[:, None]) & (rows <= (place + thick)[:, None])
    flat = on[:, None, :, None].expand(-1, -1, -1, SIZE)
    x = torch.where(label[:, None, None, None] == 0, flat, flat.mT).float()
    caption = torch.stack([3 - thick, 1 + 3 * label, torch.zeros_like(label)], dim=1)
    caption[::8] = torch.tensor([0, len(WORDS), len(WORDS)])
    return Split(source=x, shape=shape, columns={"label": label, "caption": caption, "source": avg_pool2d(x, 2)})


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (BARS,)
