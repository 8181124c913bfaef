"""A data set that is drawn, not downloaded."""

from pathlib import Path

import torch

from genzoo import Split

SIZE = 16
RADIUS = 3.0


def blobs(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """2048 (train) or 512 (test) images exp(−r² / 2 RADIUS²) of a blob with its centre anywhere in the picture."""
    count, seed = (2048, 0) if split == "train" else (512, 1)
    centres = SIZE * torch.rand(count, 2, 1, 1, generator=torch.Generator().manual_seed(seed))
    grid = torch.arange(SIZE) + 0.5
    squared = (grid[:, None] - centres[:, 0]) ** 2 + (grid[None, :] - centres[:, 1]) ** 2
    images = (255 * torch.exp(-squared / (2 * RADIUS**2))).round().to(torch.uint8)
    return Split(source=images[:, None], shape=shape, binarised=True)
