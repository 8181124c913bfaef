"""What does not belong together is refused where a Split is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset

from genzoo.api.data import open_data
from genzoo.datasets import Factors, Split
from genzoo.errors import InvalidInput, PluginError
from genzoo.spec import DatasetSpec
from tests.datasets.test_vision import write_idx

PICTURES = torch.zeros(6, 1, 4, 4)
LABELS = torch.zeros(6, dtype=torch.int64)


class Streamed(Dataset[Any]):
    def __init__(self, example: Any) -> None:
        self.example = example

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        return self.example


class Drawn:
    def __len__(self) -> int:
        return 6

    def __getitem__(self, indices: Tensor) -> Tensor:
        return torch.zeros(len(indices), 1, 4, 5)


class Endless(Dataset[Tensor]):
    pass


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"columns": {"label": LABELS[:5]}}, "6 examples do not match 5 labels"),
        ({"columns": {"label": LABELS[:, None]}}, r"whole numbers, one for each example; got torch.int64 \(6, 1\)"),
        ({"columns": {"label": LABELS.float()}}, r"whole numbers, one for each example; got torch.float32 \(6,\)"),
        ({"columns": {"label": [0] * 6}}, "whole numbers, one for each example; got list"),
        ({"factors": Factors({"a": 2, "b": 2})}, "6 examples do not match 4 combinations of factors"),
        ({"shape": (1, 4, 5)}, r"examples of shape \(1, 4, 4\) do not match the declared shape \(1, 4, 5\)"),
        ({"source": PICTURES[:, 0]}, r"examples of shape \(4, 4\) do not match the declared shape \(1, 4, 4\)"),
        ({"source": Streamed(torch.zeros(3, 4, 4))}, r"examples of shape \(3, 4, 4\) do not match"),
        ({"source": Drawn()}, r"examples of shape \(1, 4, 5\) do not match"),
        ({"source": Streamed((torch.zeros(1, 4, 4), 7))}, "examples are tensors; Streamed gives tuple"),
        ({"source": Endless()}, "a source of known length; Endless has none"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Split(**{"source": PICTURES, "shape": (1, 4, 4), **parts})


def test_labels_of_another_split_are_refused_with_the_files_named(tmp_path: Path) -> None:
    for stem in ("train", "t10k"):
        write_idx(tmp_path / "MNIST" / "raw", stem)
    labels = tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    labels.write_bytes(b"\0\0\x08\x01\0\0\0\x02\1\2")
    with pytest.raises(
        InvalidInput, match=r"the files of MNIST in .* \(5 examples do not match 2 labels\); remove .*MNIST"
    ):
        open_data("mnist", "train", root=tmp_path)


def odd(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    return Split(source=PICTURES, shape=(1, 4, 4))


def test_a_data_set_that_gives_another_shape_is_its_plugins_fault() -> None:
    record = DatasetSpec(name="odd", summary="", shape=(1, 8, 8), values="unit", target=f"{__name__}:odd")
    with pytest.raises(PluginError, match=r"odd's split test has examples of shape \(1, 4, 4\), not \(1, 8, 8\)"):
        open_data(record, "test")
