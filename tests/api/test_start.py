"""A run that begins from the weights of a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import genzoo
from genzoo.api.recipes import find_recipe
from genzoo.cli import run
from genzoo.errors import InvalidInput, NotFound

POINTS = "gan-dense-toy1d"
SMALL_STEPS = {"training.epochs": 1, "training.batch_size": 10_000, "optimizer.learning_rate": 1e-8}


def test_a_run_begins_from_a_checkpoint(tmp_path: Path) -> None:
    overrides = {**SMALL_STEPS, "training.start": POINTS, "training.ema": 0.0}
    trained = genzoo.train(POINTS, overrides=overrides, output=tmp_path / "run")
    first = genzoo.load(POINTS, device=trained.device).state_dict()
    assert trained.checkpoint is not None
    assert trained.checkpoint.trained["start"] == genzoo.show(POINTS).sha256
    for key, tensor in trained.state_dict().items():
        assert (tensor - first[key]).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("start", "error", "match"),
    [
        ("ae-dense-mnist-5d", InvalidInput, "other networks \\(latent_dim\\)"),
        ("vae-conv-mnist", InvalidInput, "other networks"),
        ("./ae-dense-mnist-2d", InvalidInput, "not a path"),
        ("ae-dense-mnist-2", NotFound, "did you mean ae-dense-mnist-2d"),
    ],
)
def test_what_a_run_cannot_begin_from(tmp_path: Path, start: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        genzoo.train("ae-dense-mnist-2d", overrides={"training.start": start}, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


QUICK = {"training.steps": 5, "training.batch_size": 64, "training.schedule": "constant", "model.hidden": [8]}


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run."""
    folder = tmp_path_factory.mktemp("runs") / "mine"
    genzoo.train(POINTS, overrides={**QUICK, "name": "gan-mine"}, output=folder, device="cpu", progress=False)
    return folder


def tuned(output: Path, mine: Path | None, **options: Any) -> genzoo.Model:
    return genzoo.train(start=mine, output=output, device="cpu", progress=False, **options)


def test_a_run_begins_from_a_run_on_other_data(mine: Path, tmp_path: Path) -> None:
    model = tuned(tmp_path / "run", mine, data="toy1d-bumps", overrides={"optimizer.learning_rate": 1e-8})
    sha256 = genzoo.show(mine).sha256
    assert model.checkpoint is not None
    assert model.checkpoint.name == "gan-dense-toy1d-bumps"
    assert model.checkpoint.recipe["training"]["start"] == f"gan-mine@{sha256}"
    assert model.checkpoint.trained["start"] == sha256
    assert str(mine) not in (tmp_path / "run" / "genzoo.json").read_text()
    first = genzoo.load(mine, device="cpu").state_dict()
    assert max((tensor - first[key]).abs().max().item() for key, tensor in model.state_dict().items()) < 1e-5


def test_a_run_that_began_from_a_run_is_trained_again_and_goes_on(mine: Path, tmp_path: Path) -> None:
    whole = tuned(tmp_path / "whole", mine, overrides={"training.steps": 9})
    tuned(tmp_path / "run", mine)
    with pytest.raises(NotFound, match=r"no checkpoint is called 'gan-mine'.*--start FOLDER"):
        genzoo.train(tmp_path / "run", output=tmp_path / "again", device="cpu")
    longer = {"training.steps": 9}
    again = genzoo.train(
        tmp_path / "run", start=mine, overrides=longer, output=tmp_path / "again", device="cpu", progress=False
    )
    on = genzoo.train(tmp_path / "run", resume=True, overrides=longer, device="cpu", progress=False)
    for key, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key
        assert torch.equal(value, on.state_dict()[key]), key


def test_a_start_with_other_weights_or_networks_is_refused(mine: Path, tmp_path: Path) -> None:
    recipe = {"training.start": f"gan-dense-toy1d@{'0' * 64}"}
    with pytest.raises(InvalidInput, match=f"has other weights than the run began with, whose sha256 is {'0' * 64}"):
        genzoo.train(POINTS, overrides=recipe, output=tmp_path / "run")
    with pytest.raises(InvalidInput, match=r"gan-mine has other networks \(hidden\)"):
        genzoo.train(POINTS, start=mine, output=tmp_path / "run")
    with pytest.raises(InvalidInput, match="recipe must be given, or start"):
        genzoo.train()
    assert not (tmp_path / "run").exists()


def test_start_on_the_command_line(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").symlink_to(mine)
    assert run(["train", "--start", "./mine", "--data", "toy1d-bumps", "--device", "cpu"]) == 0
    assert capsys.readouterr().out == "runs/gan-dense-toy1d-bumps\n"
    assert find_recipe("runs/gan-dense-toy1d-bumps")[0].training.start.startswith("gan-mine@")
    assert run(["train", "--start", "./nothing", "--data", "toy1d"]) == 3
    assert "nothing is not a folder" in capsys.readouterr().err


POINTS_IN_A_RING = """
name = "vae-dense-ring"
[model]
family = "vae"
architecture = "dense"
latent_dim = 1
hidden = [4]
likelihood = "gaussian"
[objective]
name = "elbo"
[data]
name = "toy2d-ring"
[optimizer]
learning_rate = 1e-8
[training]
steps = 1
"""


def test_the_scale_of_the_data_is_the_first_value_and_stays_in_a_resumed_run(tmp_path: Path) -> None:
    recipe = tmp_path / "ring.toml"
    recipe.write_text(POINTS_IN_A_RING)
    first = genzoo.train(recipe, output=tmp_path / "run", device="cpu", progress=False)
    x = genzoo.open_data("toy2d-ring", "train").first(4000)
    spread = (x - x.mean(0)).square().mean().sqrt().item()
    assert first.state_dict()["log_scale"].exp().item() == pytest.approx(spread, rel=0.1)
    longer = {"training.steps": 2}
    on = genzoo.train(tmp_path / "run", resume=True, overrides=longer, device="cpu", progress=False)
    whole = genzoo.train(recipe, overrides=longer, output=tmp_path / "whole", device="cpu", progress=False)
    for key, value in whole.state_dict().items():
        assert torch.equal(value, on.state_dict()[key]), key
