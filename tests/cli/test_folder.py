"""A user's own pictures on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from genzoo.cli import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pictures in the working folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "digits"
    folder.mkdir()
    for index in range(3):
        Image.new("L", (30, 40), 60 * index).save(folder / f"{index}.png")
    return folder


def test_a_folder_is_named_in_one_argument(digits: Path, tmp_path: Path) -> None:
    assert run(["reconstruct", "ae-dense-mnist", "--data", "folder:digits", "-n", "3", "-o", "a.png"]) == 0
    arguments = ["--data", "folder", "--data-root", "digits", "-n", "3", "-o", "b.png"]
    assert run(["reconstruct", "ae-dense-mnist", *arguments]) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.size == (92, 62)


def test_a_broken_file_is_one_line_and_no_end(digits: Path, capsys: Capture) -> None:
    (digits / "bad.jpg").write_bytes(b"no picture")
    assert run(["reconstruct", "ae-dense-mnist", "--data", "folder:digits", "-o", "a.png"]) == 0
    told = "genzoo: 1 of 4 files in digits cannot be read as images: bad.jpg; they are left out\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        ("folder:nowhere", 3, "nowhere is not a folder; give that of your images, as folder:PATH"),
        ("folder:empty", 3, "empty holds no images"),
        ("folder:", 2, "write folder:PATH"),
        ("foldr:./digits", 3, "did you mean folder"),
        ("folder:broken", 2, "1 of 1 files in broken cannot be read as images: a.png"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_line(
    data: str, code: int, message: str, digits: Path, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").write_bytes(b"")
    assert run(["reconstruct", "ae-dense-mnist", "--data", data]) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_folder_is_given_once(digits: Path, capsys: Capture) -> None:
    assert run(["reconstruct", "ae-dense-mnist", "--data", "folder:digits", "--data-root", "digits"]) == 2
    assert "in digits and in digits; give one of the two" in capsys.readouterr().err
