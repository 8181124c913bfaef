"""What was measured of a model: numbers, each with what is needed to compute it again. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from genzoo import notebook
from genzoo.errors import InvalidInput
from genzoo.typecheck import conform

__all__ = ["Number", "Numbers", "parse_number", "table_of"]


@dataclass(frozen=True, kw_only=True)
class Number:
    """The value of a metric.

    Attributes:
        value: in `unit`.
        unit: of value, tolerance and floor.
        tolerance: how far the value may be from another machine's.
        protocol: how it was measured.
        floor: the value for real pictures in the place of samples, or None.
        detail: numbers that go with it, or lists of them.
        torch: the version it was measured with, or "".
    """

    value: float
    unit: str
    tolerance: float
    protocol: Mapping[str, Any]
    floor: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    torch: str = ""

    def __post_init__(self) -> None:
        conform(self)

    def to_dict(self) -> dict[str, Any]:
        """As a record has it: without a floor, a detail or a version where there is none."""
        table = {each.name: getattr(self, each.name) for each in fields(self)}
        return {key: table[key] for key in table if key in _REQUIRED or table[key] not in (None, {}, "")}


_KNOWN = {each.name for each in fields(Number)}
_REQUIRED = {each.name for each in fields(Number) if each.default is each.default_factory is MISSING}


def parse_number(entry: Any, where: str) -> Number:
    """The number in a table of JSON; InvalidInput that names `where` if it is none."""
    if isinstance(entry, Number):
        return entry
    if not isinstance(entry, Mapping) or not _REQUIRED <= entry.keys() <= _KNOWN:
        needed = ", ".join(each.name for each in fields(Number) if each.name in _REQUIRED)
        optional = ", ".join(each.name for each in fields(Number) if each.name not in _REQUIRED)
        raise InvalidInput(f"{where} must have {needed}, and may have {optional}, and no more")
    try:
        return Number(**entry)
    except InvalidInput as error:
        raise InvalidInput(f"{where}.{error.message}") from None


class Numbers(dict[str, Number]):
    """Numbers by metric: ``numbers["fid"].value``; a table in a notebook."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {metric: number.to_dict() for metric, number in self.items()}

    def _repr_html_(self) -> str:
        return table_of(self)


def table_of(numbers: Mapping[str, Number]) -> str:
    """Numbers, each with its protocol, as HTML."""
    return notebook.table(
        ("metric", "value", "unit", "floor", "protocol"), [(name, *_cells(number)) for name, number in numbers.items()]
    )


def _cells(number: Number) -> tuple[str, ...]:
    protocol = ", ".join(f"{key} {value}" for key, value in number.protocol.items())
    return notebook.cell(number.value), number.unit, notebook.cell(number.floor), protocol
