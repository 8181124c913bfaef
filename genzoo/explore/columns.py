"""What the page tells a model: its columns, for controls, and their values in rows of numbers, as a browser sends them.

A row has the values of all columns but pictures, one behind the other. Indices are their numbers, `size` for one that
is not told; other numbers that are not told are NaN, null in JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan, nan, prod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genzoo.datasets import Split
from genzoo.models import Model
from genzoo.models.given import each_in_turn, not_told
from genzoo.spec import Column

WHOLE = ("index", "binary")

__all__ = ["as_rows", "columns_of", "controls", "examples_of", "from_rows", "unchosen", "width_of"]


def columns_of(model: Model) -> dict[str, Column]:
    """The columns for which the page has controls: all but pictures."""
    return {name: column for name, column in model.spec.given.items() if not column.is_picture}


def width_of(model: Model) -> int:
    """How many numbers a row has."""
    return sum(_length(column) for column in columns_of(model).values())


def controls(model: Model) -> list[dict[str, Any]]:
    """The columns, for JSON. `default` is what a column is told before anything is chosen, `at` its place in a row."""
    told: list[dict[str, Any]] = []
    at = 0
    for name, column in columns_of(model).items():
        kind = "text" if column.is_text else column.space.values
        more = {"optional": column.optional, "at": at, "length": _length(column), "default": unchosen(column)}
        what = {"name": name, "doc": column.doc, "kind": kind, "wanted": column.wanted()}
        range_ = dict(zip(("low", "high"), _range(column), strict=True)) | {"whole": column.space.values in WHOLE}
        told.append({**what, "size": column.space.size, "names": column.names, **range_, **more})
        at += _length(column)
    return told


def _range(column: Column) -> tuple[float, float]:
    """The least and the largest value that is told."""
    space = column.space
    if space.values == "real":
        largest = torch.finfo(torch.float32).max
        return -largest, largest
    return 0, space.size - 1 if space.values == "index" else 1


def unchosen(column: Column) -> list[float | None]:
    """A column's part of a row before anything is chosen: not told where that is allowed, else its first value."""
    values = not_told(column, 1, torch.empty(0, dtype=torch.float32, device="cpu"))
    told = values if column.optional or column.is_text else torch.zeros_like(values)
    return _as_json(told.flatten().tolist())


def examples_of(model: Model, data: Split | None, indices: Tensor) -> dict[str, Any]:
    """What to tell a model of examples of its data, or without data of each class in turn, as many; what is not known
    is as `unchosen` has it."""
    columns, n = columns_of(model), len(indices)
    if data is None:
        known = each_in_turn(columns, n) or {}
    else:
        known = {name: data.column(name, indices) for name in columns if name in data.columns}
    row = [nan if value is None else value for column in columns.values() for value in unchosen(column)]
    return _split(columns, torch.tensor([row] * n, dtype=torch.float32, device="cpu")) | known


def as_rows(model: Model, given: Mapping[str, Any], n: int) -> list[list[float | None]]:
    """n rows, for JSON."""
    told = model.told(given, n, "decode")
    parts = [told[name].reshape(n, -1).cpu().double() for name in columns_of(model)]
    return [_as_json(row) for row in torch.cat(parts, dim=1).tolist()] if parts else [[] for _ in range(n)]


def from_rows(model: Model, rows: Float[Tensor, "n width"]) -> dict[str, Tensor]:
    """What the rows tell, by column; a verb checks it."""
    return _split(columns_of(model), rows)


def _split(columns: Mapping[str, Column], rows: Tensor) -> dict[str, Any]:
    parts = torch.split(rows, [_length(column) for column in columns.values()], dim=1) if columns else ()
    shaped = {name: part.reshape(-1, *columns[name].space.shape) for name, part in zip(columns, parts, strict=True)}
    return {
        name: part.nan_to_num(nan=-1).round().long() if columns[name].space.values == "index" else part
        for name, part in shaped.items()
    }


def _length(column: Column) -> int:
    return prod(column.space.shape)


def _as_json(row: list[float]) -> list[float | None]:
    return [None if isnan(value) else round(value, 4) for value in row]
