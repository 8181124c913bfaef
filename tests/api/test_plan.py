"""What a recipe is refused for before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

import genzoo
from genzoo.errors import InvalidInput


def test_a_gradient_penalty_of_each_example_wants_a_critic_that_keeps_them_apart(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"normalises over the batch.*--set model\.critic_norm=layer"):
        genzoo.train("gan-dcgan-fashion-wgangp", overrides={"model.critic_norm": "batch"}, output=tmp_path / "run")


def test_as_many_classes_as_the_data_has(tmp_path: Path, data_root: Path) -> None:
    few = {"model.classes": 5}
    with pytest.raises(InvalidInput, match=r"model\.classes is 5, and the data has 10"):
        genzoo.train("features-lenet-mnist", overrides=few, output=tmp_path / "run", data_root=data_root)
    assert not (tmp_path / "run").exists()


def test_a_launcher_that_tells_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "abc")
    with pytest.raises(InvalidInput, match="WORLD_SIZE must be a number"):
        genzoo.train("ae-dense-mnist", output=tmp_path / "run")
