"""One split of a data set: bytes, handed out as floats in [0, 1], or floats, handed out as they are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import Dataset

from genzoo.datasets.factors import Factors
from genzoo.datasets.files import Files
from genzoo.datasets.reading import USEFUL, read
from genzoo.errors import InvalidInput
from genzoo.files import home_folder, user_path
from genzoo.randomness import stream

__all__ = ["Split", "cache_root", "default_root"]


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
            memory. uint8 stands for [0, 1] in 256 levels; floats stand for themselves.
        shape: of one example, (c, h, w) for pictures.
        labels: (n,) or None.
        factors: what generated each image, where that is known.
        binarised: each value is drawn as Bernoulli(grey level) anew each time a batch is made.
        log_prob: the log-density that the examples were drawn from, (m, *shape) -> (m,) in nats, where it is known.
        preparation: what is done to the examples to give them their shape, in one sentence; empty for nothing.

    Raises:
        InvalidInput: the parts do not belong together: examples of another shape, labels or factors of another number.
    """

    source: Indexed | Files | Dataset[Tensor]
    shape: tuple[int, ...]
    labels: Int[Tensor, " n"] | None = None
    binarised: bool = False
    factors: Factors | None = None
    log_prob: Callable[[Tensor], Tensor] | None = None
    preparation: str = ""

    def __post_init__(self) -> None:
        count = _count(self.source)
        if self.labels is not None:
            _check_labels(self.labels, count)
        if self.factors is not None and len(self.factors) != count:
            raise InvalidInput(f"{count:,} examples do not match {len(self.factors):,} combinations of factors")
        if count and not isinstance(self.source, Files) and (found := _shape(self.source)) != tuple(self.shape):
            raise InvalidInput(f"examples of shape {found} do not match the declared shape {tuple(self.shape)}")

    def __len__(self) -> int:
        return _count(self.source)

    def batches(
        self,
        order: Int[Tensor, " m"],
        batch_size: int,
        device: torch.device | str = "cpu",
        *,
        generator: torch.Generator | None = None,
        workers: int = USEFUL,
    ) -> Iterator[Float[Tensor, " batch *data"]]:
        """The examples at the indices `order`, in that order; the last batch may be smaller.

        Binarisation draws on the device from torch's global generator, or on the CPU from `generator`, which gives the
        same draws for every device.

        Raises:
            InvalidInput: no file can be read any more.
        """
        for raw in self._raw_batches(order, batch_size, workers):
            if self.binarised and generator is not None:
                yield torch.bernoulli(_as_floats(raw), generator=generator).to(device)
            else:
                values = _as_floats(raw.to(device, non_blocking=True))
                # rand < p is torch.bernoulli(p), which draws on one core only and three times as long
                yield (torch.rand_like(values) < values).to(values.dtype) if self.binarised else values

    def _raw_batches(self, order: Tensor, batch_size: int, workers: int) -> Iterator[Tensor]:
        if isinstance(self.source, Dataset):
            for batch in read(self.source, order, batch_size, workers):
                yield self.source.heed(*batch) if isinstance(self.source, Files) else batch
        else:
            for indices in torch.split(order, batch_size):
                yield _rows(self.source, indices)

    def first(self, n: int) -> Float[Tensor, " n *data"]:
        """The first n examples, on the CPU; binarised ones by draws that are always the same."""
        order = torch.arange(min(n, len(self)), device="cpu")
        (batch,) = self.batches(order, n, generator=stream("first"))  # to its end, so that no worker is left behind
        return batch

    def fingerprint(self) -> str:
        """What tells the data from other data: of the number of examples and the first 8, rounded to a thousandth, as
        machines differ in the last bits; of files their names instead. What a Dataset of torch gives may be drawn
        anew, so it is known by its number alone."""
        digest = hashlib.blake2b(f"{len(self)} {self.shape}".encode(), digest_size=8)
        if isinstance(self.source, Files):
            digest.update("\n".join(self.source.names()).encode(errors="surrogateescape"))
        elif not isinstance(self.source, Dataset):
            digest.update(self.first(8).double().mul(1000).round().long().numpy().tobytes())
        return digest.hexdigest()


def _count(source: Indexed | Files | Dataset[Tensor]) -> int:
    try:
        return len(source)  # type: ignore[arg-type]  # a Dataset need not have a length
    except TypeError:
        raise InvalidInput(f"a split needs a source of known length; {type(source).__name__} has none") from None


def _check_labels(labels: object, count: int) -> None:
    whole = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
    if not isinstance(labels, Tensor) or labels.dtype not in whole or labels.dim() != 1:
        found = f"{labels.dtype} {tuple(labels.shape)}" if isinstance(labels, Tensor) else type(labels).__name__
        raise InvalidInput(f"labels are a tensor of whole numbers, one for each example; got {found}")
    if len(labels) != count:
        raise InvalidInput(f"{count:,} examples do not match {len(labels):,} labels")


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
