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

NAME = "vae-conv-faces-attributes"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def model() -> Any:
    return genzoo.load(NAME, device="cpu")


@pytest.fixture
def x(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> torch.Tensor:
    """Two faces, in the files a.png and b.png."""
    monkeypatch.chdir(tmp_path)
    faces = genzoo.open_data("faces", "test", root="nowhere").first(2)
    for name, face in zip(("a.png", "b.png"), faces, strict=True):
        Image.fromarray((255 * face).round().byte().permute(1, 2, 0).numpy()).save(name)
    return faces


def rows(*pictures: torch.Tensor) -> bytes:
    return png(strip(torch.stack(pictures, dim=1)))


def test_each_picture_has_a_row_of_its_edits(model: Any, x: torch.Tensor, capsys: Capture) -> None:
    assert run(["edit", NAME, "a.png", "b.png", "--given", "skin=0..2", "-o", "e.png", "--device", "cpu"]) == 0
    assert Path("e.png").read_bytes() == rows(x, *(genzoo.edit(model, x, skin=skin).x for skin in range(3)))
    told = capsys.readouterr().err
    assert "genzoo: a.png shows " in told
    assert "skin=brown" in told
    assert "(features-conv-faces saw it; --original COLUMN=VALUE says otherwise)" in told
    assert "changed too" not in told


def test_steps_change_one_column_more_each_time_and_say_what_gives_way(
    model: Any, x: torch.Tensor, capsys: Capture
) -> None:
    arguments = ["edit", NAME, "a.png", "b.png", "--given", "glasses=yes,bald=yes", "--steps", "--device", "cpu"]
    assert run([*arguments, "-o", "e.png"]) == 0
    steps = (genzoo.edit(model, x, glasses=True), genzoo.edit(model, x, glasses=True, bald=True))
    assert Path("e.png").read_bytes() == rows(x, *(step.x for step in steps))
    told = capsys.readouterr().err
    assert "a.png: changed too, as what is asked excludes it: long_hair=no" in told
    assert "b.png: changed too, as what is asked excludes it: sunglasses=no, long_hair=no" in told


def test_what_a_picture_shows_may_be_said(model: Any, x: torch.Tensor) -> None:
    arguments = ["edit", NAME, "a.png", "b.png", "--original", "skin=pale,dark", "--given", "mask=yes"]
    assert run([*arguments, "-o", "e.png", "--device", "cpu"]) == 0
    assert Path("e.png").read_bytes() == rows(
        x, genzoo.edit(model, x, original={"skin": ["pale", "dark"]}, mask=True).x
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([NAME, "a.png"], "say what is to change, --given COLUMN=VALUE; it is told bald, beard"),
        ([NAME, "--given", "hat=yes"], "give image files, or --data NAME"),
        ([NAME, "a.png", "--given", "skin=pale,dark", "--steps"], "--steps takes one value of each column"),
        ([NAME, "a.png", "--given", "hat=yes", "--original", "skin=1,2"], "--original skin: 2 values for 1 example"),
        ([NAME, "a.png", "--given", "hat=yes", "--original", "skinn=1"], "no 'skinn'; did you mean skin?"),
        ([NAME, "a.png", "--given", "hat=yes", "--original", "skin"], "--original 'skin' must be COLUMN=VALUE"),
        ([NAME, "a.png", "--given", "skin=10"], "skin takes an integer below 5"),
        ([NAME, "a.png", "--given", "bald=yes,long_hair=yes"], "bald=yes and long_hair=yes exclude each other"),
        (["vae-conv-mnist", "a.png", "--given", "hat=yes"], "vae-conv-mnist (vae) cannot edit; it can encode"),
        (["gan-dcgan-mnist-label", "a.png", "--given", "label=1"], "cannot edit; it can decode"),
    ],
)
def test_what_cannot_be_edited_is_refused_without_a_traceback(
    x: torch.Tensor, arguments: list[str], message: str, capsys: Capture
) -> None:
    assert run(["edit", *arguments, "-o", "e.png"]) == 2
    assert message in capsys.readouterr().err
    assert not Path("e.png").exists()
