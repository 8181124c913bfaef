"""A data set that is drawn, not downloaded."""

from math import pi
from pathlib import Path

import torch

from genzoo import Split


def spiral(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """20,000 (train) or 5,000 (test) points about two turns of a spiral, always the same; `root` is not used."""
    count, seed = (20_000, 0) if split == "train" else (5_000, 1)
    draws = torch.Generator().manual_seed(seed)
    angle = 4 * pi * torch.rand(count, generator=draws).sqrt()
    points = torch.stack([angle.cos(), angle.sin()], dim=1) * angle[:, None] / (2 * pi)
    return Split(source=points + 0.05 * torch.randn(count, 2, generator=draws), shape=shape)
