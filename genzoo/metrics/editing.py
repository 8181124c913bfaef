"""Whether an edit changes what is asked, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import nan
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genzoo.batch import Batch
from genzoo.metrics.metric import Metric
from genzoo.metrics.setting import Outcome, Setting
from genzoo.models.given import settled

__all__ = ["metrics_of_edits"]


def metrics_of_edits(setting: Setting, columns: tuple[str, ...]) -> dict[str, Metric]:
    """Of a model that edits; `columns` are those that it is told, the examples have and the feature network predicts.

    Each example is edited once. Asked is another value of one column, the columns in turn.
    """
    if not columns:
        return {}
    asked = {"edit_accuracy": _metric(columns, _asked, lambda examples: examples)}
    if len(columns) == 1:
        return asked
    return asked | {"edit_preservation": _metric(columns, _others, lambda examples: 0)}


def _metric(columns: tuple[str, ...], which: Callable[[Tensor], Tensor], passes: Callable[[int], int]) -> Metric:
    """The mean over the columns of the share of edits in which a column is as it should be."""

    def compute(setting: Setting) -> Outcome:
        right = setting.once(_edits, columns)
        chosen = which(right).nanmean(0)
        real = setting.seen(setting.real_features)
        floor = sum((real[name] == setting.real.column(name)).double().mean().item() for name in columns) / len(columns)
        detail = dict(zip(columns, chosen.tolist(), strict=True)) if len(columns) > 1 else None
        return Outcome(value=chosen.mean().item(), floor=floor, detail=detail)

    def protocol(setting: Setting) -> Mapping[str, Any]:
        assert setting.space is not None
        return {
            **setting.examples.protocol,
            "features": setting.space.label,
            "asked": "another value of one column, the columns in turn",
            "columns": ", ".join(columns),
            **({"excluded": "not measured"} if setting.dataset.exclusions else {}),
        }

    return Metric(unit="of 1", tolerance=0.002, compute=compute, protocol=protocol, passes=passes)


def _asked(right: Float[Tensor, "n columns"]) -> Float[Tensor, "n columns"]:
    """Only what was asked of each example."""
    return right.masked_fill(_turns(len(right), right.shape[1]) == 0, nan)


def _others(right: Float[Tensor, "n columns"]) -> Float[Tensor, "n columns"]:
    """All but what was asked of each example."""
    return right.masked_fill(_turns(len(right), right.shape[1]) == 1, nan)


def _turns(n: int, columns: int) -> Int[Tensor, "n columns"]:
    """1 where example i is asked to change column i mod columns."""
    return torch.eye(columns, dtype=torch.int64, device="cpu").repeat(n // columns + 1, 1)[:n]


def _edits(setting: Setting, columns: tuple[str, ...]) -> Float[Tensor, "n columns"]:
    """Whether each column of each edited example is seen as it should be, 1 or 0; NaN where what is asked excludes what
    the example had."""

    def edited(batch: Batch, start: int) -> Tensor:
        right = torch.empty(len(batch), len(columns), dtype=torch.float64, device="cpu")
        turn = (start + torch.arange(len(batch), device="cpu")) % len(columns)
        for place, name in enumerate(columns):
            rows = (turn == place).nonzero().flatten()
            if len(rows):
                right[rows] = _edit(setting, columns, name, batch, rows, start)
        return right

    return setting.examples.map(setting.model.device, edited)


def _edit(
    setting: Setting, columns: tuple[str, ...], name: str, batch: Batch, rows: Int[Tensor, " m"], start: int
) -> Float[Tensor, "m columns"]:
    """As `_edits`, of some rows of a batch, all asked for another value of one column."""
    model, here = setting.model, rows.to(setting.model.device)
    shown = {key: values[here] for key, values in batch.given.items()}
    size = model.spec.given[name].space.size
    step = 1 + (start + rows) // len(columns) % (size - 1)  # so that every other value has its turn
    asked = {name: (shown[name] + step.to(here.device)) % size}
    told = settled(model.spec.given, setting.dataset.exclusions, asked, shown)
    seen = setting.seen(setting.extract(model.edit(batch.x[here], original=shown, **told)))
    right = torch.stack([(seen[key] == told[key].cpu()).double() for key in columns], dim=1)
    gave_way = torch.stack([(told[key] != shown[key]).cpu() for key in columns], dim=1)
    gave_way[:, columns.index(name)] = False
    return right.masked_fill(gave_way, nan)
