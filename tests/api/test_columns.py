"""Networks that predict several columns of the data: from a recipe to numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import genzoo
from genzoo.errors import InvalidInput
from genzoo.models.features import FeatureNetwork

RECIPE = """
name = "features-conv-emoji"

[model]
family = "features"
architecture = "conv"
predicts = ["label", "group"]
latent_dim = 8
patch = 8
depth = 1
width = 4
hidden = 8

[objective]
name = "cross-entropy"

[data]
name = "emoji"

[training]
epochs = 1
batch_size = 1000
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a network that has learned a little of the style and the group of emoji."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "recipe.toml").write_text(RECIPE)
    genzoo.train(folder / "recipe.toml", output=folder / "run", progress=False)
    return folder / "run"


def test_a_record_has_what_its_network_predicts(trained: Path) -> None:
    record, columns = genzoo.show(trained), genzoo.open_data("emoji", "test").columns
    assert {name: column.space.size for name, column in record.predicts.items()} == {"label": 5, "group": 9}
    assert record.predicts["label"].names == ("noto", "twemoji", "flat", "3d", "black")
    assert record.metrics["accuracy"].detail.keys() == {"label", "group"} <= columns.keys()
    model = genzoo.load(trained, device="cpu")
    assert isinstance(model, FeatureNetwork)
    assert list(model.predicts.items()) == list(record.predicts.items())
    assert model.by_column(model.classify(torch.rand(2, 3, 64, 64))).keys() == record.predicts.keys()
    assert genzoo.verify(trained, device="cpu").keys() == record.metrics.keys()


def test_what_a_network_predicts_is_shown(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from genzoo.cli import run

    assert run(["show", str(trained)]) == 0
    assert "predicts  group, label\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("overrides", "match"),
    [
        ({"model.predicts": ["label", "groups"]}, "model.predicts: emoji has no column 'groups'; did you mean group"),
        ({"model.predicts": "label"}, r"model.predicts must be a list of columns, e\.g\. \['label'\]"),
        ({"model.predicts": ["label", "source"]}, "predicts one of several values; source is a picture of shape"),
        ({"model.classes": 5}, "classes is 5, and what is predicted has 14 values: leave classes out"),
        ({"data.name": "mnist"}, "mnist has no column 'group'"),
    ],
)
def test_what_cannot_be_predicted_of_data(overrides: dict[str, Any], match: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    with pytest.raises(InvalidInput, match=match):
        genzoo.train(tmp_path / "recipe.toml", overrides=overrides, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()
