"""A table of numbers: five measurements of each of two kinds of things, and which kind it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from genzoo import Column, DatasetSpec, Record, hookimpl

if TYPE_CHECKING:
    from genzoo import Split

GENZOO_API = 2


def table(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """256 (train) or 64 (test) rows: normal, about −2 or 2 in each column."""
    import torch

    from genzoo import Split

    count = 256 if split == "train" else 64
    draws = torch.Generator().manual_seed(count)
    kind = torch.arange(count) % 2
    rows = 4 * kind[:, None] - 2 + 0.3 * torch.randn(count, 5, generator=draws)
    return Split(source=rows, shape=shape, columns={"label": kind})


@hookimpl
def genzoo_records() -> Iterable[Record]:
    yield DatasetSpec(
        name="table",
        target="genzoo_table:table",
        summary="five measurements of two kinds of things",
        shape=(5,),
        values="real",
        columns={"label": Column.of(["low", "high"])},
    )
