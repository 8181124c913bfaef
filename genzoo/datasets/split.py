"""One split of a data set, read in batches of bytes and handed out as floats in [0, 1]."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

__all__ = ["Split", "default_root"]


@dataclass(frozen=True, kw_only=True)
class Split:
    """Images of one split.

    Attributes:
        source: the whole set as one uint8 tensor (n, c, h, w), or a torch Dataset of uint8 (c, h, w), read through a
            DataLoader, for what does not fit into memory.
        shape: (c, h, w).
        labels: (n,) or None.
        binarised: each value is drawn as Bernoulli(grey level) anew each time a batch is made.
    """

    source: UInt8[Tensor, "n c h w"] | Dataset[Tensor]
    shape: tuple[int, ...]
    labels: Int[Tensor, " n"] | None = None
    binarised: bool = False

    def __len__(self) -> int:
        return len(self.source)  # type: ignore[arg-type]  # every Dataset we take is sized

    def batches(
        self, order: Int[Tensor, " m"], batch_size: int, device: torch.device | str = "cpu"
    ) -> Iterator[Float[Tensor, "batch c h w"]]:
        """The images at the indices `order`, in that order; the last batch may be smaller."""
        for raw in self._raw_batches(order, batch_size):
            grey = raw.to(device, non_blocking=True).float().div_(255)
            yield torch.bernoulli(grey) if self.binarised else grey

    def _raw_batches(self, order: Tensor, batch_size: int) -> Iterator[Tensor]:
        if isinstance(self.source, Tensor):
            for indices in torch.split(order, batch_size):
                yield self.source[indices]
        else:
            yield from self._loader(order, batch_size)

    def _loader(self, order: Tensor, batch_size: int) -> Iterable[Tensor]:
        # A generator of its own: a loader draws from the global one, and a resumed epoch makes one loader more.
        return DataLoader(
            self.source,  # type: ignore[arg-type]  # a Dataset here
            batch_size,
            sampler=order.tolist(),
            num_workers=min(4, os.cpu_count() or 1),
            generator=torch.Generator(),
        )

    def first(self, n: int) -> Float[Tensor, "n c h w"]:
        """The first n images; binarised ones by draws that are always the same."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return next(self.batches(torch.arange(min(n, len(self))), n))


def default_root() -> Path:
    """Where data sets lie unless told otherwise: ``$GENZOO_DATA``, or ``genzoo/data`` in the user's cache folder."""
    if root := os.environ.get("GENZOO_DATA"):
        return Path(root)
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "genzoo" / "data"
