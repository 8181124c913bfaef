"""genzoo edit, through `run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import genzoo
from genzoo.cli import run
from genzoo.pictures import png, strip

NAME = "vae-conv-mnist-label"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def model() -> Any:
    return genzoo.load(NAME, device="cpu")


@pytest.fixture
def digits(model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> torch.Tensor:
    """A 3 and a 7, in the files 3.png and 7.png."""
    monkeypatch.chdir(tmp_path)
    levels = (255 * model.sample(2, seed=0, label=[3, 7])).round().to(torch.uint8)
    for name, level in zip(("3.png", "7.png"), levels, strict=True):
        Image.fromarray(level[0].numpy()).save(name)
    return levels.float() / 255


def test_each_picture_has_a_row_of_its_edits(model: Any, digits: torch.Tensor, capsys: Capture) -> None:
    assert run(["edit", NAME, "3.png", "7.png", "--given", "label=0..2", "-o", "e.png", "--device", "cpu"]) == 0
    edits = [model.edit(digits, original={"label": [3, 7]}, label=label) for label in range(3)]
    assert Path("e.png").read_bytes() == png(strip(torch.stack([digits, *edits], dim=1)))
    told = capsys.readouterr().err
    assert "genzoo: 3.png shows label=3 (features-lenet-mnist saw it; --original COLUMN=VALUE says otherwise)" in told
    assert "genzoo: 7.png shows label=7" in told


def test_what_a_picture_shows_may_be_said(model: Any, digits: torch.Tensor, capsys: Capture) -> None:
    arguments = ["edit", NAME, "3.png", "7.png", "--original", "label=3,9", "--given", "label=1"]
    assert run([*arguments, "-o", "e.png", "--device", "cpu"]) == 0
    edited = model.edit(digits, original={"label": [3, 9]}, label=1)
    assert Path("e.png").read_bytes() == png(strip(torch.stack([digits, edited], dim=1)))
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([NAME, "3.png"], "say what is to change, --given COLUMN=VALUE; it is told label"),
        ([NAME, "--given", "label=1"], "give image files, or --data NAME"),
        ([NAME, "3.png", "--given", "label=1,2", "--steps"], "--steps takes one value of each column"),
        ([NAME, "3.png", "--given", "label=1", "--original", "label=1,2"], "--original label: 2 values for 1 example"),
        ([NAME, "3.png", "--given", "label=1", "--original", "lable=1"], "no 'lable'; did you mean label?"),
        ([NAME, "3.png", "--given", "label=1", "--original", "label"], "--original 'label' must be COLUMN=VALUE"),
        ([NAME, "3.png", "--given", "label=10"], "label takes an integer below 10"),
        (["vae-conv-mnist", "3.png", "--given", "label=1"], "vae-conv-mnist (vae) cannot edit; it can encode"),
        (["gan-dcgan-mnist-label", "3.png", "--given", "label=1"], "cannot edit; it can decode"),
    ],
)
def test_what_cannot_be_edited_is_refused_without_a_traceback(
    digits: torch.Tensor, arguments: list[str], message: str, capsys: Capture
) -> None:
    assert run(["edit", *arguments, "-o", "e.png"]) == 2
    assert message in capsys.readouterr().err
    assert not Path("e.png").exists()
