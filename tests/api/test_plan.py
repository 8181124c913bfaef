"""What a recipe is refused for before anything is trained."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import pytest
from PIL import Image

import genzoo
from genzoo.errors import GenzooWarning, InvalidInput


def test_a_gradient_penalty_of_each_example_wants_a_critic_that_keeps_them_apart(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"normalises over the batch.*--set model\.critic_norm=layer"):
        genzoo.train("gan-dcgan-fashion-wgangp", overrides={"model.critic_norm": "batch"}, output=tmp_path / "run")


@pytest.mark.parametrize("name", ["gan-dense-toy1d", "gan-dcgan-fashion-wgangp"])
def test_a_gradient_of_a_gradient_is_not_compiled(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"torch\.compile cannot; set training\.compile = false"):
        genzoo.train(name, overrides={"training.compile": True}, output=tmp_path / "run")


@pytest.mark.parametrize(
    ("overrides", "match"),
    [
        ({"objective.annealing_steps": 8}, r"annealing_steps = 8 .* the 4 steps .* at 0\.5 .* --set .*_steps=2"),
        ({"training.warmup_steps": 16}, r"warmup_steps = 16 is more than the 4 steps of the run, which ends at 0\.25"),
        ({"objective.annealing_steps": 4, "training.warmup_steps": 4}, ""),
    ],
)
def test_what_rises_over_more_steps_than_a_run_has_is_warned_of(
    overrides: dict[str, int], match: str, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(8):
        Image.new("L", (28, 28), 30 * index).save(folder / f"{index}.png")
    small = {"training.epochs": 2, "training.batch_size": 4, "training.warmup_steps": 0, "model.hidden": [4]}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", GenzooWarning)
        genzoo.train(
            "vae-dense-mnist",
            data=f"folder:{folder}",
            overrides={**small, "model.likelihood": "gaussian", "objective.annealing_steps": 0, **overrides},
            output=tmp_path / "run",
        )
    told = [str(warning.message) for warning in caught if "more than" in str(warning.message)]
    assert len(told) == bool(match)
    assert re.search(match, "".join(told))
    log = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])
    rise = overrides.get("objective.annealing_steps", 0)
    assert log.get("beta") == (pytest.approx(3.5 / rise) if rise else None)  # of steps 3 and 4


def test_as_many_classes_as_the_data_has(tmp_path: Path, data_root: Path) -> None:
    few = {"model.classes": 5}
    with pytest.raises(InvalidInput, match=r"model\.classes is 5, and the data has 10"):
        genzoo.train("features-lenet-mnist", overrides=few, output=tmp_path / "run", data_root=data_root)
    assert not (tmp_path / "run").exists()


def test_a_launcher_that_tells_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "abc")
    with pytest.raises(InvalidInput, match="WORLD_SIZE must be a number"):
        genzoo.train("ae-dense-mnist", output=tmp_path / "run")
