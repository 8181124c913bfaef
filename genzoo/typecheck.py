"""The types of a dataclass's fields, checked when it is made: what is declared is what later code meets. Free of torch.

Only what records need is known: texts, numbers, paths, tuples, mappings, choices, and JSON for ``Any``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache, partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from genzoo.errors import InvalidInput
from genzoo.text import CONTROL

__all__ = ["conform"]

MAX_DEPTH = 32
MAX_BITS = 1023
"""Of a whole number: a float can hold its size."""


Check = Callable[[Any], Any]
"""Gives a value as the type says, or raises _Wrong."""


class _Wrong(Exception):
    """A value is not of its type; as a string: which one, and why."""


def conform(instance: Any, where: str = "", *, skip: tuple[str, ...] = ()) -> None:
    """Check the fields of a dataclass against their annotations, and give them plain types: a list becomes a tuple
    where that is declared, and a mapping becomes a dict of its own.

    Raises:
        InvalidInput: one has the wrong type or a control character in it; the message names `where`.
    """
    kind: Any = type(instance)
    for name, check in _checks(kind):
        if name in skip:
            continue
        try:
            value = check(getattr(instance, name, None))
        except _Wrong as error:
            raise InvalidInput(f"{where}: {name}{error}" if where else f"{name}{error}") from None
        object.__setattr__(instance, name, value)  # frozen, and not yet given out


@cache
def _checks(kind: Any) -> tuple[tuple[str, Check], ...]:
    hints = get_type_hints(kind)
    return tuple((field.name, _check_of(hints[field.name])) for field in fields(kind))


@cache
def _check_of(hint: Any) -> Check:
    """What conforms to the type `hint`, taken apart once: thousands of values are checked in a listing."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return _json
    if origin in (Union, UnionType):
        return _optional(inner)
    if origin is Literal:
        return partial(_choice, inner)
    if origin is tuple:
        return partial(_tuple, _check_of(inner[0]), None if inner[-1] is ... else len(inner))
    if origin is Mapping:
        return partial(_mapping, _check_of(inner[0]), _check_of(inner[1]))
    return partial(_simple, origin or hint)


def _optional(inner: tuple[Any, ...]) -> Check:
    kinds = [kind for kind in inner if kind is not NoneType]
    check, may_be_none = _check_of(kinds[0]), len(kinds) < len(inner)
    return lambda value: None if value is None and may_be_none else check(value)


def _choice(known: tuple[Any, ...], value: Any) -> Any:
    if isinstance(value, str) and (text := str.__str__(value)) in known:
        return text
    raise _Wrong(f" has the wrong type: it must be one of {', '.join(known)}")


def _tuple(check: Check, length: int | None, value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return _simple(tuple, value)
    if length is not None and length != len(value):
        raise _Wrong(f" must be a tuple of {length} elements")
    return tuple(map(check, value))


def _mapping(key_check: Check, check: Check, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _simple(Mapping, value)
    return {key: _within(key, each, check) for key, each in zip(map(key_check, value), value.values(), strict=True)}


def _within(key: str, value: Any, check: Check) -> Any:
    try:
        return check(value)
    except _Wrong as error:
        raise _Wrong(f".{key:.40}{error}") from None


def _simple(kind: Any, value: Any) -> Any:
    """A text, a number, or an object of a class."""
    if kind is str and isinstance(value, str):
        return _text(value)
    if kind is bool and isinstance(value, bool):
        return value
    if kind in (int, float) and isinstance(value, int) and not isinstance(value, bool):
        return _whole(value)
    if kind is float and isinstance(value, float):
        return float(value)
    if kind not in (str, bool, int, float) and isinstance(value, kind):
        return value
    raise _Wrong(f" has the wrong type: it must be {_WORDS.get(kind, kind.__name__)}, not a {type(value).__name__}")


_WORDS = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple: "a list",
    Mapping: "a table",
    Path: "a path",
}


def _text(value: str) -> str:
    text = str.__str__(value)  # of a class of the plugin's own, the text alone
    if not text.isprintable() and CONTROL.search(text):  # most texts are printable, and that is fast to see
        raise _Wrong(f": {text!r:.80} has a control character in it")
    return text


def _whole(value: int) -> int:
    if int.bit_length(value) > MAX_BITS:
        raise _Wrong(" is too large a number")
    return int.__int__(value)


def _json(value: Any, depth: int = 0) -> Any:
    """What JSON can hold, as Python's own types. Tuples stay tuples."""
    if depth > MAX_DEPTH:
        raise _Wrong(f" is nested deeper than {MAX_DEPTH} levels")
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return _whole(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, list | tuple):
        plain = _PLAIN.issuperset(map(type, value))
        items = value if plain else [_json(each, depth + 1) for each in value]
        return tuple(items) if isinstance(value, tuple) else list(items)
    if isinstance(value, Mapping):
        return {_simple(str, key): _json(each, depth + 1) for key, each in value.items()}
    raise _Wrong(f" has the wrong type: JSON has no {kind.__name__}")


_PLAIN = frozenset((NoneType, bool, float))
