"""One split of a data set: bytes, handed out as floats in [0, 1], or floats, handed out as they are."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from genzoo.datasets.factors import Factors
from genzoo.datasets.files import Files
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
    """

    source: Indexed | Files | Dataset[Tensor]
    shape: tuple[int, ...]
    labels: Int[Tensor, " n"] | None = None
    binarised: bool = False
    factors: Factors | None = None
    log_prob: Callable[[Tensor], Tensor] | None = None

    def __len__(self) -> int:
        return len(self.source)  # type: ignore[arg-type]  # every Dataset we take is sized

    def batches(
        self,
        order: Int[Tensor, " m"],
        batch_size: int,
        device: torch.device | str = "cpu",
        *,
        generator: torch.Generator | None = None,
    ) -> Iterator[Float[Tensor, " batch *data"]]:
        """The examples at the indices `order`, in that order; the last batch may be smaller.

        Binarisation draws on the device from torch's global generator, or on the CPU from `generator`, which gives the
        same draws for every device.
        """
        for raw in self._raw_batches(order, batch_size):
            if self.binarised and generator is not None:
                yield torch.bernoulli(_as_floats(raw), generator=generator).to(device)
            else:
                values = _as_floats(raw.to(device, non_blocking=True))
                # rand < p is torch.bernoulli(p), which draws on one core only and three times as long
                yield (torch.rand_like(values) < values).to(values.dtype) if self.binarised else values

    def _raw_batches(self, order: Tensor, batch_size: int) -> Iterator[Tensor]:
        if not isinstance(self.source, Dataset):
            for indices in torch.split(order, batch_size):
                yield _rows(self.source, indices)
            return
        try:
            for batch in self._loader(order, batch_size):
                yield self.source.heed(*batch) if isinstance(self.source, Files) else batch
        except InvalidInput as error:  # a worker puts its traceback around the message
            raise InvalidInput(str(error).strip().splitlines()[-1].partition(": ")[2] or str(error)) from None

    def _loader(self, order: Tensor, batch_size: int) -> Iterable[Any]:
        # Has torch import what it pickles tensors with. In a thread of a forked worker that import can fail, and the
        # batch is lost, for which the reader would wait for ever.
        ForkingPickler.dumps(torch.empty(0))
        # A generator of its own: a loader draws from the global one, and a resumed epoch makes one loader more.
        return DataLoader(
            self.source,  # type: ignore[arg-type]  # a Dataset here
            batch_size,
            sampler=order.tolist(),
            num_workers=min(4, _cores()),
            worker_init_fn=_leave_stopping_to_the_reader,
            generator=stream("loader", *order[:8].tolist()),
        )

    def first(self, n: int) -> Float[Tensor, " n *data"]:
        """The first n examples, on the CPU; binarised ones by draws that are always the same."""
        order = torch.arange(min(n, len(self)))
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


def _cores() -> int:
    """How many cores this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _rows(source: Indexed, indices: Tensor) -> Tensor:
    if not isinstance(source, Tensor):
        return source[indices]
    # a copy of whole rows: source[indices] goes value by value, 80 times as long for bytes
    return source.flatten(1).index_select(0, indices).view(-1, *source.shape[1:])


def _as_floats(raw: Tensor) -> Tensor:
    return raw.float().div_(255) if raw.dtype == torch.uint8 else raw.float()


def _leave_stopping_to_the_reader(worker: int) -> None:
    """A signal to a whole group of processes must not take the batch from a step that is still to end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def default_root() -> Path:
    """Where data sets lie unless told otherwise: ``$GENZOO_DATA``, or ``genzoo/data`` in the user's cache folder."""
    root = os.environ.get("GENZOO_DATA")
    return user_path(root) if root else cache_root()


def cache_root() -> Path:
    """The folder of genzoo's own, which is made where it is missing: ``genzoo/data`` in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (user_path(cache) if cache else home_folder() / ".cache") / "genzoo" / "data"
