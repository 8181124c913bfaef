"""What goes wrong: classes that are never drawn, training pictures that are drawn again."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

from genzoo.metrics.fidelity import nearest

__all__ = ["class_shares", "covered", "distance_to_training"]


def class_shares(classes: Int[Tensor, " n"], count: int) -> Float[Tensor, " count"]:
    """The share that each of `count` classes has."""
    return classes.bincount(minlength=count).double() / len(classes)


def covered(shares: Float[Tensor, " count"]) -> int:
    """How many classes have at least a tenth of an even share; the others a generator has as good as lost."""
    return int((shares * len(shares) >= 0.1).sum())


def distance_to_training(x: Float[Tensor, "n d"], training: Float[Tensor, "m d"]) -> float:
    """The median distance from x to the nearest training picture, in features (float64, on the CPU)."""
    return nearest(x, training).median().item()
