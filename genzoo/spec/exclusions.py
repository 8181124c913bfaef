"""Exclusions: values that no example of a data set has together. Free of torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from genzoo.errors import InvalidInput
from genzoo.spec.columns import Column

__all__ = ["by_index", "check_exclusions", "settle"]

Exclusion = Mapping[str, str]
"""A value of each of several columns, by the columns' names."""


def check_exclusions(exclusions: Iterable[Exclusion], columns: Mapping[str, Column], where: str) -> None:
    """InvalidInput unless each names values of two columns or more, which have names for them."""
    for exclusion in exclusions:
        if len(exclusion) < 2:
            raise InvalidInput(f"{where}: an exclusion names values of at least two columns; got {dict(exclusion)}")
        for name, value in exclusion.items():
            if name not in columns or value not in columns[name].names or columns[name].space.shape:
                raise InvalidInput(f"{where}: an exclusion names {name}={value}, which is no value of its columns")


def by_index(columns: Mapping[str, Column], exclusions: Iterable[Exclusion]) -> list[dict[str, int]]:
    """Exclusions of these columns, with indices in the place of names."""
    return [
        {name: columns[name].names.index(value) for name, value in exclusion.items()}
        for exclusion in exclusions
        if all(name in columns and value in columns[name].names for name, value in exclusion.items())
    ]


def settle(
    columns: Mapping[str, Column],
    exclusions: Sequence[Mapping[str, int]],
    asked: Mapping[str, int],
    shown: Mapping[str, int],
) -> dict[str, int]:
    """What one example shows once it is as asked: `shown`, but for what is asked, and for what gives way to that.

    Of values that exclude each other the last one that was not asked for gives way: of a column of two values the other
    one takes its place, and any other is no longer told (`size` stands for that).

    Args:
        columns: what is told.
        exclusions: values that no example has together, see `by_index`.
        asked: indices of values, by name.
        shown: those of the example before.

    Raises:
        InvalidInput: what is asked excludes itself, or a column that must be told.
    """
    told, fixed = {**shown, **asked}, set(asked)
    while broken := next((each for each in exclusions if each.items() <= told.items()), None):
        gives_way = next((name for name in reversed(list(broken)) if name not in fixed), "")
        if not gives_way:
            raise InvalidInput(f"{_together(columns, broken)} exclude each other; leave one out")
        size = columns[gives_way].space.size
        if size > 2 and not columns[gives_way].optional:
            raise InvalidInput(f"{_together(columns, broken)} exclude each other; ask for another {gives_way} too")
        told[gives_way] = 1 - told[gives_way] if size == 2 else size
        fixed.add(gives_way)
    return told


def _together(columns: Mapping[str, Column], values: Mapping[str, int]) -> str:
    *first, last = (f"{name}={columns[name].names[value]}" for name, value in values.items())
    return f"{', '.join(first)} and {last}"
