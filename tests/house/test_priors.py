"""Priors fitted to the codes of a model that was just trained, whose folder has no name that anyone else knows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import genzoo
from genzoo.cli import run
from genzoo.errors import OutputExists
from genzoo.metrics.likelihood import importance_bound, negative_elbo
from genzoo.testing import check
from tests.house.conftest import House
from tests.house.test_classes import lie_as_told

FEW = {"model.components": 4}
AT_ONCE = {
    "objective.name": "em",
    "optimizer.clip": 0.0,
    "optimizer.learning_rate": 1e-3,
    "training.epochs": 1,
    "training.schedule": "constant",
}
FEW_STEPS = {"training.epochs": 100, "training.batch_size": 64, "optimizer.learning_rate": 0.3}


@pytest.fixture
def first(house: House) -> Path:
    """The folder of an autoencoder of bars."""
    house.install("genzoo_bars")
    training = {"epochs": 40}
    house.trained("ae-dense", data="bars", objective="bce", latent_dim=4, hidden=(32,), training=training)
    return house.folder / "run"


def fitted(first: Path, name: str = "prior", **options: Any) -> Any:
    output = first.parent / name
    genzoo.fit_prior(first, output=output, device="cpu", progress=False, **{"overrides": FEW, **options})
    return genzoo.load(output, device="cpu")


def test_an_autoencoder_samples_by_a_prior_that_is_told_the_class(first: Path) -> None:
    model = fitted(first, given=["label"])
    check(model)
    assert model.parts["first_stage"].sha256 == genzoo.show(first).sha256
    assert set(model.state_dict()) == {"network.log_weights", "network.means", "network.scales"}
    told = torch.arange(2).repeat_interleave(16)
    assert lie_as_told(model.sample(32, seed=0, label=told)) > 0.85
    untold = model.sample(64, seed=0)
    horizontal = untold.mean(3).var(2).mean(1) > untold.mean(2).var(2).mean(1)
    assert 0.2 < horizontal.float().mean() < 0.8
    assert model.checkpoint.recipe["model"]["parts"] == {"first_stage": "ae-dense-bars"}  # and no path
    with pytest.raises(genzoo.InvalidInput, match="did you mean vertical"):
        model.sample(1, label="verticle")


def test_a_fit_is_the_same_again_and_goes_on_where_it_was(first: Path) -> None:
    model = fitted(first)
    folder = first.parent / "prior"
    sha256 = model.sha256
    assert fitted(first, "other").sha256 == sha256
    assert fitted(first, "seeded", overrides={**FEW, "training.seed": 1}).sha256 != sha256
    (folder / "model.safetensors").unlink()
    (folder / "genzoo.json").unlink()
    log = (folder / "log.jsonl").read_bytes()
    assert fitted(first, resume=True).sha256 == sha256
    assert (folder / "log.jsonl").read_bytes() == log
    shutil.rmtree(first)  # the folder of the fit brings it along
    assert genzoo.train(folder, output=first.parent / "anew", device="cpu", progress=False).sha256 == sha256
    with pytest.raises(OutputExists, match="--resume goes on with a run"):
        genzoo.train(folder, output=folder, device="cpu", progress=False)
    shutil.copytree(genzoo.show("ae-dense-mnist-2d").folder, first)
    with pytest.raises(
        genzoo.InvalidInput, match=r"stands on another first_stage than the one in .*, which was trained"
    ):
        fitted(first, resume=True)
    record = json.loads((folder / "genzoo.json").read_text())
    record["parts"]["first_stage"]["sha256"] = "1" * 64  # as of one that was trained again since
    (folder / "genzoo.json").write_text(json.dumps(record))
    with pytest.raises(
        genzoo.GenzooError, match=r"stands on ae-dense-bars with the sha256 1111.* and the one here has"
    ):
        genzoo.load(folder)


def test_a_fitted_prior_takes_the_place_of_the_normal_one_in_a_vae(house: House) -> None:
    house.install("genzoo_bars")
    training = {"epochs": 60}
    house.trained("vae-dense", data="bars", objective="elbo", latent_dim=2, hidden=(32,), training=training)
    first = house.folder / "run"
    vae: Any = genzoo.load(first, device="cpu")
    model = fitted(first, overrides={**FEW, "evaluation.importance_draws": 20})
    check(model)
    before, after = vae.checkpoint.metrics, model.checkpoint.metrics
    bound = after["negative_log_likelihood"]
    assert bound.protocol["prior"] == "gmm, fitted"
    assert "prior" not in before["negative_elbo"].protocol
    assert after["negative_elbo"].protocol["kl"] == "of the same draw"
    assert bound.value < after["negative_elbo"].value
    assert after["negative_elbo"].value < before["negative_elbo"].value
    with torch.no_grad():  # with the weights of N(0, I) the bounds are those of the VAE
        model.network.means.zero_()
        model.network.scales.copy_(torch.tensor([1.0, 0.0, 1.0]).expand(4, -1))
        batch = genzoo.Batch(x=genzoo.open_data("bars", "test").first(32))
        mine, wanted = (importance_bound(one, batch, k=5, seed=0) for one in (model, vae))
        assert torch.allclose(mine, wanted, atol=1e-4)
        drawn, exact = (negative_elbo(one, batch, seed=0).mean() for one in (model, vae))
    assert abs(drawn - exact) < 2  # the KL of the draw, and in closed form


def test_what_cannot_be_fitted_is_refused(first: Path, house: House, capsys: pytest.CaptureFixture[str]) -> None:
    for options, message in (
        ({"overrides": {"model.components": 200}}, r"128 codes are too few for 200 components"),
        ({"given": ["caption"]}, "is told one class alone, such as a label, and not caption"),
        ({"given": ["lable"]}, "has no column 'lable'; did you mean label"),
        ({"prior": "gm"}, r"no prior is called 'gm'; did you mean gmm"),
        ({"overrides": {"training.epochs": 2}}, "em is fitted at once, to one pass over the data"),
        ({"overrides": {"optimizer.learning_rate": 0.1}}, "optimizer.learning_rate is for what learns by gradient"),
        ({"overrides": {"objective.iteration": 2}}, "did you mean iterations"),
        ({"overrides": {"model.parts": {"first_stage": "./run"}}}, "must be the name of a checkpoint"),
        ({"overrides": {"model.parts": {"first_stage": "else"}}}, "first_stage is else, and .* holds ae-dense-bars"),
        ({"overrides": {"data.name": "mnist"}}, r"has examples of shape \(1, 8, 8\) .* take the data that the first"),
    ):
        with pytest.raises(genzoo.InvalidInput, match=message):
            fitted(first, "refused", force=True, **options)
    assert run(["fit", "gan-dense-toy1d", "-o", str(first.parent / "refused"), "--force"]) != 0
    assert "encodes to a vector of real numbers" in capsys.readouterr().err
    assert run(["fit", str(first), "-o", str(first.parent / "cli"), "--set", "model.components=2"]) == 0
    told = capsys.readouterr()
    assert told.out == f"{first.parent / 'cli'}\n"
    assert "genzoo sample" in told.err


def test_a_prior_of_another_plugin_learns_by_gradient(first: Path, house: House) -> None:
    house.install("genzoo_spread")
    model = fitted(first, prior="spread", overrides=FEW_STEPS)
    check(model)
    codes = model.encode(genzoo.open_data("bars", "train").first(128))
    assert ((model.network.mean - codes.mean(0)) / codes.std(0)).abs().max() < 0.05
    assert torch.allclose(model.network.log_scale.exp(), codes.std(0), rtol=0.1)
    with pytest.raises(genzoo.InvalidInput, match=r"spread cannot be fitted at once: write objective.name = 'maximum"):
        fitted(first, "other", prior="spread", overrides=AT_ONCE)
