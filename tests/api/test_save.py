"""Models saved as checkpoints: those that the caller trained, and copies of those that were loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import genzoo
from genzoo.api.publish import Draft
from genzoo.cli import run
from genzoo.errors import InvalidInput, NotFound, OutputExists
from genzoo.explore.studio import Studio

PICTURES = torch.arange(40 * 16).remainder(251).view(40, 1, 4, 4) / 255


def model() -> Any:
    return genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=2, hidden=[4], likelihood="gaussian", seed=0)


def trained_by_hand() -> Any:
    """By the loop that a reader of the docs writes."""
    own = model()
    optimizer = torch.optim.Adam(own.parameters())
    posterior = own.posterior(PICTURES)
    loss = (own.likelihood(posterior.rsample()).mean - PICTURES).square().mean()
    loss.backward()
    optimizer.step()
    own.name = "mine"
    return own


def test_a_model_trained_by_hand_is_a_checkpoint_of_which_nothing_is_made_up(tmp_path: Path) -> None:
    own = trained_by_hand()
    folder = own.save(tmp_path / "mine", license="MIT")
    record = genzoo.show(folder)
    assert own.training
    assert own.checkpoint is None
    assert (record.name, record.dataset, record.license) == ("mine", "unknown", "MIT")
    assert (dict(record.recipe), dict(record.metrics), record.trained["by"]) == ({}, {}, "hand")
    loaded = genzoo.load(folder, device="cpu")
    assert torch.equal(loaded.encode(PICTURES), own.encode(PICTURES))
    assert torch.equal(loaded.sample(3, seed=0), own.sample(3, seed=0))
    assert genzoo.evaluate(folder, data=PICTURES, device="cpu")["reconstruction_mse"].protocol["n"] == 40
    with pytest.raises(
        NotFound, match=r"what the model was trained on is not recorded; name a data set.*--data DATASET"
    ):
        genzoo.evaluate(folder)
    with pytest.raises(NotFound, match="saved without a recipe"):
        genzoo.train(folder)
    card = Draft.of(folder, "me/mine").card()
    assert "trained on data that is not recorded" in card
    assert "How it was trained is not recorded." in card
    with pytest.warns(UserWarning, match="is without data: what the model was trained on is not recorded"):
        Studio(loaded)


def test_the_command_line_takes_a_model_trained_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    trained_by_hand().save("mine")
    assert run(["show", "./mine"]) == 0
    assert run(["sample", "./mine", "-n", "4"]) == 0
    assert run(["verify", "./mine"]) == 0
    assert run(["export", "./mine", "-o", "mine.pt2"]) == 0
    assert run(["push", "./mine", "me/mine", "--dry-run", "--license", "MIT"]) == 0
    capsys.readouterr()
    assert run(["evaluate", "./mine"]) == 3
    assert "--data DATASET" in capsys.readouterr().err
    assert run(["evaluate", "./mine", "--data", "toy1d"]) == 2
    assert "toy1d has examples of shape (1,), not (1, 4, 4)" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["gan-dcgan-mnist-label", "gan-dense-toy1d"])
def test_a_copy_of_a_checkpoint_keeps_its_record(name: str, tmp_path: Path) -> None:
    there = genzoo.show(name)
    copied = genzoo.show(genzoo.load(name, device="cpu").save(tmp_path / "copy", license="MIT"))
    assert (copied.sha256, copied.metrics, copied.trained) == (there.sha256, there.metrics, there.trained)
    assert (copied.license, copied.recipe["license"]) == ("MIT", "MIT")


def test_a_checkpoint_that_was_trained_on_says_what_it_began_with_and_no_more(tmp_path: Path) -> None:
    own = genzoo.load("gan-dense-toy1d", device="cpu")
    with torch.no_grad():
        next(own.parameters()).add_(1)
    record = genzoo.show(own.save(tmp_path / "mine"))
    assert (dict(record.metrics), record.dataset, record.license) == ({}, "unknown", "unstated")
    assert record.trained["start"] == genzoo.show("gan-dense-toy1d").sha256


def test_a_folder_that_holds_something_else_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.json").write_text("{}")
    (tmp_path / "file").write_text("")
    for force in (False, True):
        for name, message in (("notes", r"other files \(a.txt\)"), ("run", "holds a run"), ("file", "not a folder")):
            with pytest.raises(InvalidInput, match=message):
                model().save(tmp_path / name, force=force)
    assert [path.name for path in (tmp_path / "notes").iterdir()] == ["a.txt"]
    model().save(tmp_path / "mine")
    with pytest.raises(OutputExists, match="holds a checkpoint already; force=True replaces it"):
        trained_by_hand().save(tmp_path / "mine")
    trained_by_hand().save(tmp_path / "mine", force=True)
    assert genzoo.show(tmp_path / "mine").name == "mine"


def without_a_layer(own: Any) -> None:
    own.decoder = torch.nn.Linear(2, 16)


UNSAVED: Mapping[str, tuple[Callable[[Any], object], str]] = {
    "another dtype": (lambda own: own.double(), r"float64.* not float32.*; model.float\(\) before"),
    "other layers": (without_a_layer, "could not be loaded back: .* does not fit its architecture"),
    "NaN": (lambda own: next(own.parameters()).data.fill_(float("nan")), "NaN or infinity"),
    "no name": (lambda own: setattr(own, "name", "no name"), "name"),
    "made otherwise": (lambda own: setattr(own, "layout", {}), "was not made by genzoo.create or genzoo.load"),
}


@pytest.mark.parametrize("case", UNSAVED)
def test_what_could_not_be_loaded_back_is_not_saved(case: str, tmp_path: Path) -> None:
    change, message = UNSAVED[case]
    own = model()
    change(own)
    with pytest.raises(InvalidInput, match=message):
        own.save(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()
