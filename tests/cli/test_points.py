"""Models of points on the command line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from PIL import Image

import genzoo
from genzoo.cli import run
from genzoo.hub.files import encode_weights

Capture = pytest.CaptureFixture[str]


def trained(folder: Path, family: str, data: str) -> str:
    """A run folder, as a name, of a model of points, hardly trained."""
    objective = {"gan": "non-saturating", "ae": "mse"}[family]
    recipe = folder / f"{family}-{data}.toml"
    recipe.write_text(
        f'name = "{family}-dense-{data}"\n[model]\nfamily = "{family}"\narchitecture = "dense"\nlatent_dim = 1\n'
        f'hidden = [8]\n[objective]\nname = "{objective}"\n[data]\nname = "{data}"\n'
        "[training]\nepochs = 1\nbatch_size = 10000\n"
    )
    genzoo.train(recipe, output=folder / f"{family}-{data}")
    return str(folder / f"{family}-{data}")


@pytest.mark.parametrize("data", ["toy1d", "toy2d-moons"])
def test_samples_of_points_are_a_plot_and_the_same_twice(data: str, tmp_path: Path) -> None:
    name = trained(tmp_path, "gan", data)
    for output in ("a.png", "b.png"):
        assert run(["sample", name, "-n", "500", "-o", str(tmp_path / output)]) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as plot:
        assert plot.size == (500, 500)
        assert len(set(plot.get_flattened_data())) > 2


def test_points_cannot_be_reconstructed_into_a_picture(tmp_path: Path, capsys: Capture) -> None:
    name = trained(tmp_path, "ae", "toy2d-ring")
    assert run(["reconstruct", name, "--data", "toy2d-ring"]) == 2
    assert "models data of shape (2,), not pictures; in Python: genzoo.load(" in capsys.readouterr().err


def test_what_is_neither_picture_nor_point_has_its_call_named(tmp_path: Path, capsys: Capture) -> None:
    model = genzoo.create("gan-dense", input_shape=(7,), latent_dim=2, hidden=[4], values="real", seed=0)
    weights = encode_weights(model.state_dict())
    record = genzoo.Checkpoint(
        name="gan-dense-seven",
        family="gan",
        architecture="dense",
        config=model.spec.config,
        dataset="mine",
        license="MIT",
        parameters=1,
        sha256=hashlib.sha256(weights).hexdigest(),
        size_bytes=len(weights),
    )
    (tmp_path / "genzoo.json").write_text(record.to_json())
    (tmp_path / "model.safetensors").write_bytes(weights)
    assert run(["sample", f"{tmp_path}/"]) == 2
    assert ".sample(64, seed=0)" in capsys.readouterr().err


def test_show_explains_a_toy(capsys: Capture) -> None:
    assert run(["show", "toy1d"]) == 0
    assert "the log-density is known" in capsys.readouterr().out
