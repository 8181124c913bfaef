"""Data of the caller's own: its record, and the part of it that models are measured on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from genzoo.datasets import Split
from genzoo.datasets.own import Own, Values, own_data
from genzoo.datasets.split import INDICES
from genzoo.errors import InvalidInput
from genzoo.randomness import stream
from genzoo.spec import OWN_DATA, Column, DatasetSpec, Space

__all__ = ["OwnData"]

SHARE = 10
"""One example of so many is held out."""


@dataclass(frozen=True, kw_only=True)
class OwnData:
    """Data of the caller's own, in a training split and a tenth that is held out.

    Attributes:
        dataset: its record.
        whole: all of it.
        splits: its splits by name.
        fingerprint: what tells it from other data.
    """

    dataset: DatasetSpec
    whole: Split
    splits: Mapping[str, Split]
    fingerprint: str

    @classmethod
    def of(
        cls,
        data: Any,
        where: str,
        *,
        values: Values,
        known: Mapping[str, Column] | None = None,
        note: Callable[[str], None] = lambda line: None,
    ) -> OwnData:
        """Data as a caller gives it, checked; raises as `own_data` does.

        Args:
            data: see `own_data`.
            where: what was given it, for messages.
            values: what the numbers of an example are to be.
            known: columns that a model has learned: the data's are those where they fit.
            note: called with what is done with the data, a line each.
        """
        own = own_data(data, values, where, note)
        split = own.split
        columns = {name: _column(name, rows, own, where, known or {}) for name, rows in split.columns.items()}
        splits = {"train": split}
        if len(split) >= SHARE:
            order = torch.randperm(len(split), generator=stream("held out", len(split)), device="cpu")
            count = len(split) // SHARE
            test, train = order[:count].sort().values, order[count:].sort().values
            splits = {"train": split.take(train), "test": split.take(test)}
            note(f"{count:,} of the {len(split):,} examples are held out, to measure the model on")
        dataset = DatasetSpec(
            name=OWN_DATA,
            target=f"{__name__}:OwnData",  # which nobody opens it by
            summary="given by the caller of train",
            shape=tuple(split.shape),
            values="binary" if own.binary and values == "unit" else values,
            alphabet=_most(split) + 1 if values == "index" else 0,
            splits=tuple(splits),
            columns=columns,
        )
        return cls(dataset=dataset, whole=split, splits=splits, fingerprint=own.fingerprint)

    @property
    def trained(self) -> dict[str, Any]:
        """What the record of a checkpoint says of it."""
        return {"examples": len(self.whole), "fingerprint": self.fingerprint}

    def all_held_out(self) -> OwnData:
        """The same, for a model that has not seen it: all of it is measured on."""
        return replace(self, dataset=replace(self.dataset, splits=("test",)), splits={"test": self.whole})

    def open(self, record: DatasetSpec, split: str) -> Split:
        """A split of it."""
        return self.splits[split]

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """InvalidInput if its examples are not of the shape that a model takes."""
        if self.dataset.shape != tuple(shape):
            raise InvalidInput(
                f"the data has examples of shape {self.dataset.shape}, and model.input_shape is {tuple(shape)}: leave "
                "it out, or resize the data (torch.nn.functional.interpolate)"
            )


def _most(split: Split) -> int:
    """The largest token of data of indices."""
    order = torch.arange(len(split), device="cpu")
    return max(int(batch.x.max()) for batch in split.batches(order, 4096))


def _column(name: str, rows: Any, own: Own, where: str, known: Mapping[str, Column]) -> Column:
    """What a column is, by its values: pictures and other numbers, or indices below the largest one and 1."""
    first = own.split.column(name, torch.zeros(1, dtype=torch.int64, device="cpu"))
    shape = tuple(first.shape[1:])
    if first.dtype not in INDICES:
        raw = rows if isinstance(rows, Tensor) else rows[torch.zeros(1, dtype=torch.int64, device="cpu")]
        space = Space(shape=shape, values="unit" if raw.dtype == torch.uint8 else "real")
    else:
        low, high = own.split.column(name, torch.arange(len(own.split), device="cpu")).aminmax()
        if low < 0:
            raise InvalidInput(f"{where}: the column {name} has {int(low)}, and classes are counted from 0")
        space = Space(shape=shape, values="index", size=int(high) + 1)
    learned = known.get(name)
    if learned and replace(learned.space, size=space.size) == space and space.size <= learned.space.size:
        return learned
    names = own.names if name == "label" and len(own.names) >= space.size > 0 else ()
    if names:
        space = replace(space, size=len(names))
    return Column(space=space, names=names)
