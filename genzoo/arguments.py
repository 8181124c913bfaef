"""Arguments of the wrong type, refused by name where a public function is called. Free of torch."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Hashable, Mapping
from functools import cache, wraps
from inspect import Parameter, signature, unwrap
from numbers import Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from genzoo.errors import InvalidInput

__all__ = ["typed"]

P = ParamSpec("P")
R = TypeVar("R")

_WORDS: Mapping[Any, str] = {
    NoneType: "None",
    Path: "a path",
    bool: "True or False",
    float: "a number",
    int: "a whole number",
    str: "a string",
}


def typed(function: Callable[P, R]) -> Callable[P, R]:
    """Have a function refuse arguments that do not fit its annotations.

    What an annotation says of tensors, the function checks itself, shape and all.

    Raises:
        InvalidInput: when it is called: the parameter, what is wanted, and what was given.
    """
    parameters = signature(function)

    @wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> R:
        try:
            given = parameters.bind(*args, **options).arguments
        except TypeError:
            return function(*args, **options)  # which says what is missing or unknown
        hints = _hints(unwrap(function))
        for name, value in given.items():
            if parameters.parameters[name].kind is not Parameter.VAR_KEYWORD:
                _check(value, hints.get(name, Any), function.__name__, name)
        return function(*args, **options)

    return call


@cache
def _hints(owner: Hashable) -> Mapping[str, Any]:
    """The types of parameters or fields; Any for names that are imported for type checkers alone."""
    unknown: dict[str, Any] = {}
    while True:
        try:
            return get_type_hints(owner, localns=unknown)
        except NameError as error:
            unknown[str(error.name)] = Any


def _check(value: Any, hint: Any, where: str, name: str) -> None:
    if _fits(value, hint):
        return
    example = f"; write {name}=[{value!r:.40}]" if isinstance(value, str) and "list" in _words(hint) else ""
    raise InvalidInput(f"{where}: {name} must be {_words(hint)}; got {value!r:.80}{example}")


def _fits(value: Any, hint: Any) -> bool:
    inner = get_args(hint)
    match get_origin(hint):
        case origin if origin in (Union, UnionType):
            fits = any(_fits(value, one) for one in inner)
        case origin if origin is Literal:
            fits = isinstance(value, str) and value in inner
        case origin if origin is Callable:
            fits = callable(value)
        case origin if origin is Mapping:
            fits = isinstance(value, Mapping) and _fit_each(value.keys(), (inner[0], ...))
            fits = fits and _fit_each(value.values(), (inner[1], ...))
        case origin if origin is tuple:
            fits = isinstance(value, list | tuple) and _fit_each(value, inner)
        case origin if origin is Collection:
            fits = isinstance(value, Collection) and not isinstance(value, str | bytes)
            fits = fits and _fit_each(value, (*inner, ...))
        case _:
            fits = _is_one(value, hint)
    return fits


def _fit_each(values: Collection[Any], hints: tuple[Any, ...]) -> bool:
    if hints[-1] is ...:
        return all(_fits(value, hints[0]) for value in values)
    return len(values) == len(hints) and all(map(_fits, values, hints))


def _is_one(value: Any, hint: Any) -> bool:
    """Whether a value is of a class; numpy's numbers are numbers too, and True is none."""
    if hint is int:
        return not isinstance(value, bool) and hasattr(value, "__index__") and _is_index(value)
    if hint is float:
        return isinstance(value, Real) and not isinstance(value, bool)
    if not isinstance(hint, type) or hint is Any or _is_tensor(hint):
        return True
    return isinstance(value, hint)


def _is_index(value: Any) -> bool:
    try:
        operator.index(value)
    except TypeError:  # a tensor of floats, say
        return False
    return True


def _is_tensor(hint: type) -> bool:
    return hint.__name__ == "Tensor" or hint.__module__.startswith("jaxtyping")


def _words(hint: Any) -> str:
    """What a type is called in a message."""
    inner = get_args(hint)
    match get_origin(hint):
        case None:
            words = _WORDS.get(hint) or _with_article(getattr(hint, "__name__", str(hint)))
        case origin if origin in (Union, UnionType):
            words = " or ".join(dict.fromkeys(map(_words, inner)))
        case origin if origin is Literal:
            words = " or ".join(map(repr, inner))
        case origin if origin is Callable:
            words = "a function"
        case origin if origin is Mapping:
            words = f"a dict of {_plural(inner[0])}" + ("" if inner[1] is Any else f" to {_plural(inner[1])}")
        case origin if origin is tuple and inner[-1] is not ...:
            words = f"a tuple of {len(inner)} {_plural(inner[0])}"
        case origin:
            words = f"a {'tuple' if origin is tuple else 'list'} of {_plural(inner[0])}"
    return words


def _with_article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def _plural(hint: Any) -> str:
    return f"{_words(hint).removeprefix('a ').removeprefix('an ')}s"
