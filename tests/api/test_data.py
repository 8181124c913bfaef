"""Names of data sets as a user types them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genzoo.api.data import open_data, split_root
from genzoo.datasets import Factors, Split
from genzoo.errors import InvalidInput, PluginError
from genzoo.registry import load_target, registry
from genzoo.spec import Column, DatasetSpec


@pytest.mark.parametrize(
    ("text", "name", "root"),
    [
        ("mnist", "mnist", None),
        ("folder:./pictures", "folder", Path("pictures")),
        ("folder:pictures", "folder", Path("pictures")),
        ("folder:C:\\pictures", "folder", Path("C:\\pictures")),
        ("folder:~", "folder", Path.home()),
        ("genzoo:mnist", "genzoo:mnist", None),
        ("genzoo:mnist:/data", "genzoo:mnist", Path("/data")),
        ("foldr:./pictures", "foldr", Path("pictures")),
    ],
)
def test_a_name_and_a_folder_in_one(text: str, name: str, root: Path | None) -> None:
    assert split_root(text) == (name, root)


@pytest.mark.parametrize("text", ["folder:", "genzoo:mnist:"])
def test_a_colon_without_a_folder_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=f"write {text}PATH"):
        split_root(text)


@pytest.mark.parametrize("name", registry().names(DatasetSpec))
def test_every_record_names_what_is_there(name: str) -> None:
    record = registry().find(DatasetSpec, name)
    assert callable(load_target(record.target, name))
    if record.pictures:
        assert registry().find(DatasetSpec, record.pictures).shape == record.shape


@pytest.mark.parametrize(
    ("splits", "held_out"), [(("train", "test"), "test"), (("train",), "train"), (("valid", "train"), "valid")]
)
def test_models_are_measured_on_test_or_the_first_split(splits: tuple[str, ...], held_out: str) -> None:
    record = registry().find(DatasetSpec, "mnist")
    assert replace(record, splits=splits).held_out == held_out


def test_data_of_another_shape_names_the_sets_that_fit() -> None:
    with pytest.raises(
        InvalidInput, match=r"cifar10 has .*\(3, 32, 32\), not \(1, 28, 28\); those of .*mnist.* have it"
    ):
        open_data("cifar10", "test", shape=(1, 28, 28))
    with pytest.raises(InvalidInput, match="folder:PATH makes your own pictures so"):
        open_data("cifar10", "test", shape=(3, 99, 98))


def two(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """Two examples, of classes 1 and 2, of the factor a."""
    return Split(
        source=torch.zeros(2, *shape), shape=shape, columns={"label": torch.tensor([1, 2])}, factors=Factors({"a": 2})
    )


def bare(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    return Split(source=torch.zeros(2, *shape), shape=shape)


@pytest.mark.parametrize(
    ("target", "told", "message"),
    [
        (
            "bare",
            {"columns": {"label": Column.of(["a", "b", "c"])}},
            "has no column label, and its record declares one",
        ),
        (
            "two",
            {"columns": {"label": Column.of(["a", "b"])}, "factors": ("a",)},
            "its column label has values from 1 to 2, not in 0 … 1",
        ),
        ("bare", {"factors": ("a",)}, "has the factors none, and its record declares a"),
        ("two", {"factors": ("a", "b")}, "has the factors a, and its record declares a, b"),
    ],
)
def test_a_split_that_is_not_what_its_record_declares_is_its_plugins_fault(
    target: str, told: dict[str, Any], message: str
) -> None:
    known: dict[str, Any] = {"name": "odd", "summary": "", "shape": (1,), "values": "real"}
    with pytest.raises(PluginError, match=f"odd's split test.{{1,2}}{message}"):
        open_data(DatasetSpec(**known, target=f"{__name__}:{target}", **told), "test")
    right = DatasetSpec(
        **known, target=f"{__name__}:two", columns={"label": Column.of(["a", "b", "c"])}, factors=("a",)
    )
    assert len(open_data(right, "test")) == 2


def test_pictures_of_any_size_are_never_looked_for_in_the_default_root() -> None:
    with pytest.raises(InvalidInput, match=r"say where they lie with folder:PATH or --data-root DIR"):
        open_data("folder", "train", shape=(1, 8, 8))


@given(st.text(alphabet="abc/. \\\n-", min_size=1))
def test_any_path_behind_a_known_name_is_that_path(path: str) -> None:
    assert split_root(f"folder:{path}") == ("folder", Path(path))
