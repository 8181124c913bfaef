"""The public surface is what `__all__` says, sorted, and every name of it is there and documented."""

from __future__ import annotations

from importlib import import_module

import pytest

import genzoo
from genzoo import errors


def test_all_is_sorted() -> None:
    assert sorted(genzoo.__all__) == genzoo.__all__


def test_a_submodule_does_not_replace_the_function_of_its_name() -> None:
    import_module("genzoo.explore.server")
    assert callable(genzoo.explore)


@pytest.mark.parametrize("name", genzoo.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    value = getattr(genzoo, name)
    assert name == "hookimpl" or value.__doc__, name


def test_an_unknown_name_is_an_attribute_error() -> None:
    """And a type error: mypy is strict about a comment that ignores nothing."""
    with pytest.raises(AttributeError, match="nonsense"):
        genzoo.nonsense  # type: ignore[attr-defined]  # noqa: B018  # the access is the test


def test_the_error_tree_in_the_docstring_is_the_code() -> None:
    for name in errors.__all__:
        error = getattr(errors, name)
        if not issubclass(error, errors.GenzooError):
            continue
        line = next(line for line in (errors.__doc__ or "").splitlines() if name in line.split())
        assert str(error.exit_code) in line.split(), f"{name} exits with {error.exit_code}: {line}"
