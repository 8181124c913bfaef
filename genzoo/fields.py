"""The keys of a config: kind, default and range of each, and a table checked against them. Free of torch."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, Literal, TypeVar, get_type_hints

from genzoo.errors import InvalidInput, did_you_mean
from genzoo.typecheck import conform

__all__ = ["Field", "check_config", "fields_of", "from_table", "whole"]

T = TypeVar("T")

REQUIRED: Any = object()
"""The default of a Field that has none."""

Kind = Literal["int", "float", "bool", "str", "ints"]
_KIND_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a string",
    "ints": "a list of whole numbers",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One key of a config: its kind, default, range and meaning.

    For ``kind="ints"`` the range bounds each element and `length` the number of elements. A field without a default is
    required; a default must be an allowed value.
    """

    kind: Kind
    doc: str
    default: Any = REQUIRED
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    length: tuple[int, int] = (1, 16)

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or self.kind not in _KIND_WORDS:
            raise InvalidInput(f"a field's kind must be one of {', '.join(_KIND_WORDS)}; got {self.kind!r:.80}")
        conform(self, "a field", skip=("default",))
        if not self.required:
            self.check(self.default, f"the default ({self.doc})")

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is REQUIRED

    def allowed(self) -> str:
        """The allowed values, in words: ``a whole number from 1 to 65536``."""
        words = _KIND_WORDS[self.kind]
        if self.choices:
            words = "one of " + ", ".join(self.choices)
        if self.kind == "ints":
            words += f" ({self.length[0]} to {self.length[1]} of them)"
        if self.minimum is not None and self.maximum is not None:
            words += f" from {_number(self.minimum)} to {_number(self.maximum)}"
        elif self.minimum is not None:
            words += f" of at least {_number(self.minimum)}"
        return words

    def check(self, value: Any, where: str) -> Any:
        """`value` in its canonical type; InvalidInput that names `where` and the allowed values otherwise."""
        if not self._admits(value):
            raise InvalidInput(f"{where} must be {self.allowed()}; got {value!r:.80}")
        if self.kind == "float":
            return float(value)
        return tuple(value) if self.kind == "ints" else value

    def _admits(self, value: Any) -> bool:
        if self.kind == "ints":
            is_list = isinstance(value, list | tuple) and self.length[0] <= len(value) <= self.length[1]
            return is_list and all(_is_int(item) and self._in_range(item) for item in value)
        if self.kind == "bool":
            return isinstance(value, bool)
        if self.kind == "str":
            return isinstance(value, str) and (not self.choices or value in self.choices)
        number = _is_int(value) or (self.kind == "float" and isinstance(value, float))
        return number and self._in_range(value)

    def _in_range(self, value: float) -> bool:
        low = -float("inf") if self.minimum is None else self.minimum
        high = float("inf") if self.maximum is None else self.maximum
        return low <= value <= high  # False for NaN


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def whole(value: object, what: str, *, least: int = 0) -> int:
    """A whole number of at least `least`, numpy's too; InvalidInput that names `what` it should be otherwise."""
    if not isinstance(value, bool):
        with contextlib.suppress(TypeError):
            if (number := operator.index(value)) >= least:  # type: ignore[arg-type]  # TypeError is the answer
                return number
    raise InvalidInput(f"{what} must be a whole number of at least {least}; got {value!r:.80}")


def check_config(declared: Mapping[str, Field], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """`given` checked against `declared`, defaults filled in.

    Raises:
        InvalidInput: an unknown key (with the nearest known one), a missing one, a wrong type or a value out of range.
    """
    for key in given:
        if key not in declared:
            hint, near = did_you_mean(key, declared)
            known = ", ".join(sorted(declared)) or "none"
            raise InvalidInput(f"{where} has no key {key!r:.80}{hint} (known: {known})", suggestions=near)
    config = {}
    for key, rule in declared.items():
        if key in given:
            config[key] = rule.check(given[key], f"{where}.{key}")
        elif rule.required:
            raise InvalidInput(f"{where}.{key} is missing: {rule.doc}, {rule.allowed()}")
        else:
            config[key] = rule.default
    return config


def fields_of(section: type) -> Mapping[str, Field]:
    """The keys that a dataclass declares, each as ``epochs: Annotated[int, Field(kind="int", …)]``, with defaults."""
    hints = get_type_hints(section, include_extras=True)
    declared = {each.name: (hints[each.name].__metadata__[0], each.default) for each in fields(section)}
    return {
        name: rule if default is MISSING else replace(rule, default=default)
        for name, (rule, default) in declared.items()
    }


def from_table(section: type[T], table: Mapping[str, Any], where: str) -> T:
    """The dataclass with the values of `table`, which are checked by its `fields_of`; raises as `check_config` does."""
    return section(**check_config(fields_of(section), table, where))
