"""The public surface is what `__all__` says, sorted, and every name of it is there and documented."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import genzoo
from genzoo import errors


def test_all_is_sorted_and_lazy_names_agree() -> None:
    assert sorted(genzoo.__all__) == genzoo.__all__
    assert set(genzoo.__all__) == {"__version__", *genzoo._HOME}


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(genzoo.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(genzoo._HOME)


@pytest.mark.parametrize("name", [name for name in genzoo.__all__ if name != "__version__"])
def test_every_public_name_is_documented(name: str) -> None:
    value = getattr(genzoo, name)
    assert name == "hookimpl" or value.__doc__, name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        genzoo.nonsense  # noqa: B018  # the access is the test


def test_the_error_tree_in_the_docstring_is_the_code() -> None:
    for name in errors.__all__:
        error = getattr(errors, name)
        if not issubclass(error, errors.GenzooError):
            continue
        line = next(line for line in (errors.__doc__ or "").splitlines() if name in line.split())
        assert str(error.exit_code) in line.split(), f"{name} exits with {error.exit_code}: {line}"
