"""What every training arm works on, in genzoo's process and in a peer's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torchvision.datasets import VisionDataset

__all__ = ["BATCH", "TextbookSet", "images"]

BATCH = 128


def images(steps: int, shape: Sequence[int]) -> Tensor:
    """Bytes for so many steps, (steps · BATCH, *shape), the same in every process."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (BATCH * steps, *shape), dtype=torch.uint8, generator=generator)


class TextbookSet(VisionDataset):  # type: ignore[misc]  # torchvision is untyped
    """A data set as torchvision's own are: each item goes from bytes through PIL and `transform`."""

    def __init__(self, source: Tensor, transform: Callable[[Any], Tensor]) -> None:
        super().__init__(root="", transform=transform)
        self.data = source.squeeze(1) if source.shape[1] == 1 else source.movedim(1, -1)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.data[index].numpy())), 0
