"""A number on a card: how it is computed, and by which protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from genzoo.batch import Batch
from genzoo.metrics.setting import Outcome, Setting

__all__ = ["Metric", "mean_of", "on_examples", "values_of"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number of a model in a setting.

    `protocol` says how it is measured, with nothing that depends on the machine. `tolerance` is how far a value may be
    from another machine's, in `unit`. `passes` says how many examples go through the model when it is measured on so
    many, from which its time is estimated. `quick` is whether a few examples take a moment, and give a value that
    other machines find too.
    """

    unit: str
    tolerance: float
    compute: Callable[[Setting], Outcome]
    protocol: Callable[[Setting], Mapping[str, Any]]
    passes: Callable[[int], int] = lambda examples: examples
    quick: bool = False


def on_examples(**told: Any) -> Callable[[Setting], Mapping[str, Any]]:
    """The protocol of what is measured on the examples."""
    return lambda setting: {**setting.examples.protocol, **told}


def values_of(setting: Setting, each: Callable[[Batch, int], Tensor]) -> Tensor:
    return setting.examples.map(setting.model.device, each)


def mean_of(unit: str, tolerance: float, each: Callable[[Batch, int], Tensor], **told: Any) -> Metric:
    """The mean of a number of each example; `each` takes a batch and the index of its first example."""
    return Metric(
        unit=unit,
        tolerance=tolerance,
        compute=lambda setting: Outcome(value=values_of(setting, each).mean().item()),
        protocol=on_examples(**told),
        quick=True,
    )
