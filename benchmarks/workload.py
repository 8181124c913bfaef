"""What every training arm works on, in genzoo's process and in a peer's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision.datasets import MNIST, VisionDataset

__all__ = ["BATCH", "TextbookSet", "images"]

BATCH = 128


def images(steps: int, shape: Sequence[int]) -> Tensor:
    """Bytes for so many steps, (steps · BATCH, *shape), the same in every process."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (BATCH * steps, *shape), dtype=torch.uint8, generator=generator)


class TextbookSet(MNIST):  # type: ignore[misc]  # torchvision is untyped
    """torchvision's MNIST with other bytes in it: each item goes through PIL and `transform`."""

    def __init__(self, source: Tensor, transform: Callable[[Any], Tensor]) -> None:
        VisionDataset.__init__(self, root="", transform=transform)
        self.data, self.targets = source[:, 0], torch.zeros(len(source), dtype=torch.int64)
