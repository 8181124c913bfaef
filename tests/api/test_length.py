"""How long a run is: steps, minutes, and what is said of both before it starts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

import genzoo
from genzoo.api import length
from genzoo.errors import InvalidInput
from genzoo.text import about
from genzoo.training.clock import Pace

TOY = """
name = "gan-dense-toy"
[model]
family = "gan"
architecture = "dense"
latent_dim = 2
hidden = [8]
[objective]
name = "non-saturating"
[data]
name = "toy1d"
[training]
steps = 40
batch_size = 64
"""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    path = tmp_path / "toy.toml"
    path.write_text(TOY)
    return path


def train(recipe: Path, output: Path, **options: Any) -> Any:
    return genzoo.train(recipe, output=output, device="cpu", progress=False, **options)


def test_a_run_that_is_timed_has_the_bits_of_one_that_is_not(toy: Path, tmp_path: Path) -> None:
    told: list[str] = []
    before = torch.get_rng_state()
    timed = train(toy, tmp_path / "timed", note=told.append)
    assert torch.equal(torch.get_rng_state(), before)
    assert re.search(r", 40 steps on cpu, about \d+ (seconds|minutes)$", told[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(length, "SHARE_TIMED", 1000)
        plain = train(toy, tmp_path / "plain", note=told.append)
    assert told[-1].startswith("saved")
    assert not any("about" in line for line in told[1:])
    for key, value in plain.state_dict().items():
        assert torch.equal(value, timed.state_dict()[key]), key


def test_minutes_become_steps_and_more_minutes_more_steps(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(length, "pace", lambda *args, **options: Pace(step=0.5))
    folder, told = tmp_path / "run", list[str]()
    first = train(toy, folder, minutes=0.1, note=told.append)
    assert "12 steps on cpu, about 10 seconds" in told[0]
    assert told[1].endswith("for 500 or more: --minutes 4.2")
    assert (first.checkpoint.recipe["training"]["steps"], first.checkpoint.recipe["training"]["epochs"]) == (12, 0)
    longer = genzoo.train(folder, resume=True, minutes=0.05, device="cpu", progress=False, note=told.append)
    assert "going on after step 12 of 18" in told
    assert longer.checkpoint is not None
    assert longer.checkpoint.folder == folder
    assert longer.checkpoint.recipe["training"]["steps"] == 18
    again = train(folder, tmp_path / "again")
    for key, value in longer.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key


@pytest.mark.parametrize("minutes", [0, -1.0, float("nan"), float("inf")])
def test_minutes_must_be_above_0(minutes: float, toy: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="minutes must be a number above 0"):
        train(toy, tmp_path / "run", minutes=minutes)
    assert not (tmp_path / "run").exists()


def test_minutes_and_steps_exclude_each_other(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="both say how long to train: give one of the two"):
        train(toy, tmp_path / "run", minutes=1, overrides={"training.steps": 3})


def test_an_unfinished_run_goes_on_by_its_folder(toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def stop(progress: object) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        train(toy, folder, report=stop)
    toy.unlink()
    with pytest.raises(genzoo.errors.NotFound, match=f"is not finished; go on with it: genzoo train {folder} --resume"):
        genzoo.load(folder)
    told: list[str] = []
    model = genzoo.train(folder, resume=True, device="cpu", progress=False, note=told.append)
    assert model.checkpoint is not None
    assert json.loads((folder / "recipe.json").read_text())["training"]["steps"] == 40


def test_times_are_told_in_words() -> None:
    words = {
        0: "10 seconds",
        44: "40 seconds",
        90: "2 minutes",
        5399: "90 minutes",
        5400: "2 hours",
        1e7: "2,778 hours",
    }
    assert {seconds: about(seconds).removeprefix("about ") for seconds in words} == words
