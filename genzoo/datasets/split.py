"""One split of a data set: bytes, handed out as floats in [0, 1], or floats and indices, handed out as they are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import Dataset, Subset

from genzoo.batch import Batch
from genzoo.datasets.factors import Factors
from genzoo.datasets.files import Files
from genzoo.datasets.reading import USEFUL, read
from genzoo.errors import InvalidInput
from genzoo.files import home_folder, user_path
from genzoo.randomness import stream

__all__ = ["INDICES", "Split", "cache_root", "default_root"]

INDICES = (torch.int16, torch.int32, torch.int64)
"""The types of examples that are indices."""


class Indexed(Protocol):
    """A set that gives whole batches; a tensor is one."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: Tensor, /) -> Tensor: ...


@dataclass(frozen=True, kw_only=True)
class Split:
    """The examples of one split.

    Attributes:
        source: what gives a batch (m, *shape) for a tensor of m indices: the whole set as one tensor, or something that
            draws it; or a torch Dataset of single examples, read through a DataLoader, for what does not fit into
            memory. uint8 stands for [0, 1] in 256 levels; floats, and whole numbers of more bits, which are indices,
            stand for themselves.
        shape: of one example, (c, h, w) for pictures.
        columns: what is known of each example, by name: ``label`` its class, (n,) whole numbers. A tensor of n rows, or
            something that gives the rows at a tensor of indices, as `source` does; uint8 pictures stand for [0, 1].
        factors: what generated each image, where that is known.
        binarised: each value is drawn as Bernoulli(grey level) anew each time a batch is made.
        log_prob: the log-density that the examples were drawn from, (m, *shape) -> (m,) in nats, where it is known.
        preparation: what is done to the examples to give them their shape, and which are held out, in words; empty for
            nothing.

    Raises:
        InvalidInput: the parts do not belong together: examples of another shape, columns or factors of another number.
    """

    source: Indexed | Files | Dataset[Tensor]
    shape: tuple[int, ...]
    columns: Mapping[str, Indexed] = field(default_factory=dict)
    binarised: bool = False
    factors: Factors | None = None
    log_prob: Callable[[Tensor], Tensor] | None = None
    preparation: str = ""

    def __post_init__(self) -> None:
        count = _count(self.source)
        for name, values in self.columns.items():
            _check_column(name, values, count)
        if self.factors is not None and len(self.factors) != count:
            raise InvalidInput(f"{count:,} examples do not match {len(self.factors):,} combinations of factors")
        if count and not isinstance(self.source, Files) and (found := _shape(self.source)) != tuple(self.shape):
            raise InvalidInput(f"examples of shape {found} do not match the declared shape {tuple(self.shape)}")

    def __len__(self) -> int:
        return _count(self.source)

    @property
    def labels(self) -> Int[Tensor, " n"] | None:
        """The column ``label``, if it is there."""
        found = self.columns.get("label")
        return found if isinstance(found, Tensor) else None

    def batches(
        self,
        order: Int[Tensor, " m"],
        batch_size: int,
        device: torch.device | str = "cpu",
        *,
        generator: torch.Generator | None = None,
        workers: int = USEFUL,
        columns: Collection[str] = (),
    ) -> Iterator[Batch]:
        """The examples at the indices `order`, in that order, with these columns; the last batch may be smaller.

        Binarisation draws on the device from torch's global generator, or on the CPU from `generator`, which gives the
        same draws for every device.

        Raises:
            InvalidInput: no file can be read any more.
        """
        raws = self._raw_batches(order, batch_size, workers)
        for raw, indices in zip(raws, torch.split(order, batch_size), strict=True):
            given = {name: self.column(name, indices).to(device, non_blocking=True) for name in columns}
            yield Batch(x=self._values(raw, device, generator), given=given, known=given, index=indices)

    def column(self, name: str, indices: Int[Tensor, " m"]) -> Tensor:
        """The values of a column at some indices, on the CPU: pictures and other numbers as floats, whole numbers as
        int64; InvalidInput if there is no such column."""
        if name not in self.columns:
            raise InvalidInput(f"this data has no column {name!r:.40}: it has {', '.join(self.columns) or 'none'}")
        rows = _rows(self.columns[name], indices)
        if rows.is_floating_point() or (rows.dtype == torch.uint8 and rows.dim() > 2):
            return _as_floats(rows)
        return rows.long()

    def _values(self, raw: Tensor, device: torch.device | str, generator: torch.Generator | None) -> Tensor:
        if self.binarised and generator is not None:
            return torch.bernoulli(_as_floats(raw), generator=generator).to(device)
        values = raw.to(device, non_blocking=True)
        values = values.long() if raw.dtype in INDICES else _as_floats(values)
        # rand < p is torch.bernoulli(p), which draws on one core only and three times as long
        return (torch.rand_like(values) < values).to(values.dtype) if self.binarised else values

    def _raw_batches(self, order: Tensor, batch_size: int, workers: int) -> Iterator[Tensor]:
        if isinstance(self.source, Dataset):
            for batch in read(self.source, order, batch_size, workers):
                yield self.source.heed(*batch) if isinstance(self.source, Files) else batch
        else:
            for indices in torch.split(order, batch_size):
                yield _rows(self.source, indices)

    def examples(self, n: int, device: torch.device | str = "cpu", *, columns: Collection[str] = ()) -> Batch:
        """The first n examples with these columns; binarised ones by draws that are always the same."""
        order = torch.arange(min(n, len(self)), device="cpu")
        batches = self.batches(order, n, device, generator=stream("first"), columns=columns)
        (batch,) = batches  # to its end, so that no worker is left behind
        return batch

    def some(self, n: int, *, seed: int) -> Float[Tensor, " n *data"]:
        """n examples from all over the data, or all if it has no more, on the CPU; always the same for a seed."""
        order = torch.randperm(len(self), generator=stream("some", seed), device="cpu")[:n]
        (batch,) = self.batches(order, n, generator=stream("some values", seed))
        x: Tensor = batch.x
        return x

    def first(self, n: int) -> Float[Tensor, " n *data"]:
        """The first n examples, on the CPU."""
        x: Tensor = self.examples(n).x
        return x

    def take(self, indices: Int[Tensor, " m"]) -> Split:
        """The split of the examples at these indices, in that order, without the factors."""
        columns = {
            name: values[indices] if isinstance(values, Tensor) else _Taken(values, indices)
            for name, values in self.columns.items()
        }
        source: Any
        if isinstance(self.source, Files):
            source = Files([self.source.paths[index] for index in indices.tolist()], self.source.read)
        elif isinstance(self.source, Dataset):
            source = Subset(self.source, indices.tolist())
        else:
            source = _Taken(self.source, indices)
        return replace(self, source=source, columns=columns, factors=None)

    def fingerprint(self) -> str:
        """What tells the data from other data: of the number of examples and the first 8, rounded to a thousandth, as
        machines differ in the last bits; of files their names and columns instead. What a Dataset of torch gives may be
        drawn anew, so it is known by its number alone."""
        digest = hashlib.blake2b(f"{len(self)} {self.shape}".encode(), digest_size=8)
        if isinstance(self.source, Files):
            digest.update("\n".join(self.source.names()).encode(errors="surrogateescape"))
            for values in filter(torch.is_tensor, self.columns.values()):
                digest.update(values.numpy().tobytes())
        elif not isinstance(self.source, Dataset):
            digest.update(self.first(8).double().mul(1000).round().long().numpy().tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class _Taken:
    """Some rows of what gives rows, which are not copied before they are wanted."""

    source: Indexed
    indices: Tensor

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, indices: Tensor, /) -> Tensor:
        return _rows(self.source, self.indices[indices])


def _count(source: Indexed | Files | Dataset[Tensor]) -> int:
    try:
        return len(source)  # type: ignore[arg-type]  # a Dataset need not have a length
    except TypeError:
        raise InvalidInput(f"a split needs a source of known length; {type(source).__name__} has none") from None


def _check_column(name: str, values: object, count: int) -> None:
    if not hasattr(values, "__len__") or not hasattr(values, "__getitem__"):
        raise InvalidInput(
            f"the column {name} must give rows at indices, as a tensor does; got {type(values).__name__}"
        )
    if isinstance(values, Tensor) and (not values.dim() or values.is_complex() or values.dtype == torch.bool):
        found = f"{values.dtype} {tuple(values.shape)}"
        raise InvalidInput(f"the column {name} must be a tensor of numbers, one row for each example; got {found}")
    if name == "label" and (not isinstance(values, Tensor) or values.is_floating_point() or values.dim() != 1):
        found = f"{values.dtype} {tuple(values.shape)}" if isinstance(values, Tensor) else type(values).__name__
        raise InvalidInput(f"labels are a tensor of whole numbers, one for each example; got {found}")
    if len(values) != count:
        what = "labels" if name == "label" else f"values of the column {name}"
        raise InvalidInput(f"{count:,} examples do not match {len(values):,} {what}")


def _shape(source: Indexed | Dataset[Tensor]) -> tuple[int, ...]:
    """That of one example. The first of what is no tensor is drawn or read for it."""
    if isinstance(source, Tensor):
        return tuple(source.shape[1:])
    example = source[0] if isinstance(source, Dataset) else source[torch.zeros(1, dtype=torch.int64, device="cpu")][0]
    if not isinstance(example, Tensor):
        raise InvalidInput(f"a split's examples are tensors; {type(source).__name__} gives {type(example).__name__}")
    return tuple(example.shape)


def _rows(source: Indexed, indices: Tensor) -> Tensor:
    if not isinstance(source, Tensor):
        return source[indices]
    # a copy of whole rows: source[indices] goes value by value, 80 times as long for bytes
    if source.dim() == 1:
        return source[indices]
    return source.flatten(1).index_select(0, indices).view(-1, *source.shape[1:])


def _as_floats(raw: Tensor) -> Tensor:
    return raw.float().div_(255) if raw.dtype == torch.uint8 else raw.float()


def default_root() -> Path:
    """Where data sets lie unless told otherwise: ``$GENZOO_DATA``, or ``genzoo/data`` in the user's cache folder."""
    root = os.environ.get("GENZOO_DATA")
    return user_path(root) if root else cache_root()


def cache_root() -> Path:
    """The folder of genzoo's own, which is made where it is missing: ``genzoo/data`` in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (user_path(cache) if cache else home_folder() / ".cache") / "genzoo" / "data"
