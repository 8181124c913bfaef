"""What a model is told: values as a caller writes them, as tensors that networks take."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from math import nan
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genzoo.errors import InvalidInput, did_you_mean
from genzoo.models.checks import as_pictures, checked
from genzoo.spec import Column, Space, by_index, settle
from genzoo.text import bare

__all__ = ["as_column", "check_known", "each_in_turn", "not_told", "resolve", "settled"]

DIGITS = re.compile(r"\d{1,18}")
"""Of an index written as text."""


def resolve(
    columns: Mapping[str, Column], given: Mapping[str, Any], n: int, what: str, reference: Tensor
) -> dict[str, Tensor]:
    """The value of every column for n examples, on the device of `reference`: (n, *shape of the column).

    Args:
        columns: those that the model is told.
        given: by name a value for all examples, or one for each: an integer or a name (``"dress"``), words in a string,
            a list of them, or a tensor.
        n: how many examples.
        what: what is told, for messages.
        reference: has the device and the dtype of the model.

    Raises:
        InvalidInput: a column that is unknown, or missing and not optional; a value that is none, or not n of them. The
            message says what the column wants.
    """
    check_known(columns, given, what)
    told = {}
    for name, column in columns.items():
        if given.get(name) is None:
            if not column.optional:
                raise InvalidInput(f"{what} wants {name}: {column.wanted()}")
            told[name] = not_told(column, n, reference)
        else:
            told[name] = as_column(column, given[name], n, f"{what}: {name}", reference)
    return told


def check_known(columns: Mapping[str, Column], given: Iterable[str], what: str) -> None:
    """InvalidInput if what is given has a name that no column has; `what` is told."""
    for name in given:
        if name not in columns:
            hint, near = did_you_mean(name, columns)
            known = ", ".join(columns) or "nothing beside its input"
            raise InvalidInput(
                f"{what} is told {known}, and no {name!r:.40}{hint or '; leave it out'}", suggestions=near
            )


def not_told(column: Column, n: int, reference: Tensor) -> Tensor:
    """n values of a column that say nothing: `size` of an index, else NaN."""
    space = column.space
    if space.values == "index":
        return torch.full((n, *space.shape), space.size, dtype=torch.int64, device=reference.device)
    return torch.full((n, *space.shape), nan, dtype=reference.dtype, device=reference.device)


def each_in_turn(columns: Mapping[str, Column], n: int) -> dict[str, Any] | None:
    """What to tell a model of n samples that show it: each class in turn, and nothing where it need be told nothing.
    None if it must be told numbers, a text or a picture, of which none goes without saying."""
    told = {name: column for name, column in columns.items() if not column.optional or not column.space.shape}
    if any(column.space.shape or column.space.values != "index" for column in told.values()):
        return None
    return {name: [i % column.space.size for i in range(n)] for name, column in told.items()}


def settled(
    columns: Mapping[str, Column],
    exclusions: Sequence[Mapping[str, str]],
    asked: Mapping[str, Tensor],
    shown: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """What n examples show once they are as asked, (n, …) by name: as genzoo.spec.settle says of each.

    Raises:
        InvalidInput: what is asked of one excludes itself.
    """
    told = {**shown, **asked}
    named = {name: column for name, column in columns.items() if column.names and not column.space.shape}
    known = by_index(named, exclusions)
    if not known:
        return told
    rows = [settle(named, known, *pair) for pair in zip(_rows(named, asked), _rows(named, shown), strict=True)]
    return told | {
        name: torch.tensor([row[name] for row in rows], dtype=torch.int64, device=told[name].device) for name in named
    }


def _rows(columns: Mapping[str, Column], values: Mapping[str, Tensor]) -> list[dict[str, int]]:
    """The values of these columns, example by example."""
    table = {name: rows.tolist() for name, rows in values.items() if name in columns}
    n = len(next(iter(values.values())))
    return [{name: rows[i] for name, rows in table.items()} for i in range(n)]


def as_column(column: Column, value: Any, n: int, what: str, reference: Tensor) -> Tensor:
    """n values of a column, from what `resolve` is given of it."""
    values = _to_tensor(column, value, what)
    if values.shape == column.space.shape:
        values = values.expand(n, *values.shape)
    if values.dim() and len(values) != n and values.dim() == len(column.space.shape) + 1:
        raise InvalidInput(f"{what}: {len(values)} values for {n} example{'s' * (n != 1)}; give one for all, or {n}")
    try:
        return _checked(column, values, what, reference)
    except InvalidInput as error:
        raise InvalidInput(f"{error.message}; it takes {column.wanted()}") from None


def _checked(column: Column, values: Tensor, what: str, reference: Tensor) -> Tensor:
    """`values`, which may be what says nothing where that is allowed: in a text behind the last word, and of an
    optional column."""
    space = column.space
    if space.values == "index":
        more = int(column.optional or column.is_text)
        found: Tensor = checked(
            values, Space(shape=space.shape, values="index", size=space.size + more), what, reference
        )
        return found
    missing = values.isnan() if column.optional and isinstance(values, Tensor) else None
    found = checked(values if missing is None else values.masked_fill(missing, 0), space, what, reference)
    return found if missing is None else found.masked_fill(missing.to(found.device), nan)


def _to_tensor(column: Column, value: Any, what: str) -> Tensor:
    if not isinstance(value, Tensor | np.ndarray) and (pictures := as_pictures(value, column.space, what)) is not None:
        value = pictures[0] if len(pictures) == 1 else pictures  # one for all
    if isinstance(value, Tensor):
        return value
    is_array = hasattr(value, "__array__")
    if column.space.values != "index":
        try:
            return torch.as_tensor(value) if is_array else torch.as_tensor(value, dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            raise InvalidInput(f"{what} wants {column.wanted()}; got {value!r:.80}") from None
    if is_array:
        array = np.asarray(value)
        if array.dtype.kind in "iu":
            return torch.as_tensor(array.astype(np.int64))
        value = array.tolist()
    if column.is_text:
        return _text_tensor(column, value, what)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return torch.tensor([_index(column, one, what) for one in value], dtype=torch.int64, device="cpu")
    return torch.tensor(_index(column, value, what), dtype=torch.int64, device="cpu")


def _index(column: Column, value: Any, what: str) -> int:
    """The index of a name, or an index itself. True and False are ``yes`` and ``no`` where a column has these."""
    if isinstance(value, bool) and set(column.names) == {"no", "yes"}:
        value = "yes" if value else "no"
    if isinstance(value, str):
        if value in column.names:
            return column.names.index(value)
        if not DIGITS.fullmatch(value):
            hint, near = did_you_mean(value, column.names)
            raise InvalidInput(f"{what} takes {column.wanted()}; got {value!r:.40}{hint}", suggestions=near)
        value = int(value)
    if value is None and column.optional:
        return column.space.size
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(f"{what} takes {column.wanted()}; got {value!r:.40}")
    if not 0 <= value < column.space.size:
        raise InvalidInput(f"{what} takes {column.wanted()}; got {value}")
    return value


def _text_tensor(column: Column, value: Any, what: str) -> Tensor:
    """The words of one text, or of a list of texts, as indices; `size` stands behind the last word."""
    if isinstance(value, str):
        return torch.tensor(_words(column, value, what), dtype=torch.int64, device="cpu")
    if isinstance(value, Sequence) and all(isinstance(text, str) for text in value):
        return torch.tensor([_words(column, text, what) for text in value], dtype=torch.int64, device="cpu")
    raise InvalidInput(f"{what} wants a text, or a list of texts; got {value!r:.80}")


def _words(column: Column, text: str, what: str) -> list[int]:
    (length,), words = column.space.shape, text.lower().split()
    if len(words) > length:
        raise InvalidInput(f"{what} takes {column.wanted()}; this text has {len(words)}")
    known = {name: index for index, name in enumerate(column.names)}
    words = [word if word in known else bare(word) for word in words]
    for word in words:
        if word not in known:
            hint, near = did_you_mean(word, known)
            raise InvalidInput(
                f"{what}: the word {word!r:.40} is not among those it has learned{hint}", suggestions=near
            )
    return [known[word] for word in words] + [column.space.size] * (length - len(words))
