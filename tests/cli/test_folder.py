"""A user's own pictures on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import genzoo
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


@pytest.fixture
def animals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 24 pictures in colour: cats and dogs, of which metadata tell the colours."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "animals"
    lines = ["file_name,text"]
    for index in range(24):
        path = folder / ("cats" if index % 2 else "dogs") / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 40), ("red", "green", "blue")[index % 3]).save(path)
        lines.append(f"{path.relative_to(folder)},A {('red', 'green', 'blue')[index % 3]} one.")
    (folder / "metadata.csv").write_text("\n".join(lines))
    return folder


def test_a_model_is_told_the_classes_of_a_folder(animals: Path, capsys: Capture) -> None:
    changes = ["model.hidden=[8]", "training.epochs=2", "model.given=['label','text']", "training.drop_given=0.5"]
    changes.append("evaluation.importance_draws=2")
    options = [word for change in changes for word in ("--set", change)]
    assert run(["train", "--like", "vae-dense-mnist", "--data", "folder:animals", "-o", "runs/a", *options]) == 0
    told = capsys.readouterr().err
    held = len(genzoo.open_data("folder", "test", root=animals, shape=(3, 8, 8)))
    assert told.startswith(f"vae-dense-animals: {24 - held} examples of 3×40×30, 2 steps on ")
    assert "chosen for 22 pictures in colour: model.input_shape=[3,40,30] model.likelihood=logistic" in told
    assert f"{held} others there are held out, as its split test" in told
    record = genzoo.show(Path("runs/a"))
    assert record.given["label"].names == ("cats", "dogs")
    assert record.given["text"].names == ("a", "blue", "green", "one", "red")
    assert record.metrics["negative_elbo"].protocol["split"] == "test"
    assert record.metrics["negative_elbo"].protocol["n"] == held
    assert run(["sample", "runs/a", "--given", "label=cats,text=a red one.", "-n", "4", "-o", "a.png"]) == 0
    assert run(["reconstruct", "runs/a", "--data", "folder:animals", "-n", "2", "-o", "b.png"]) == 0
    assert run(["verify", "runs/a", "--data-root", "animals"]) == 0
    assert run(["sample", "runs/a", "--given", "label=birds"]) == 2
    assert "an integer below 2, or a name: cats, dogs; got 'birds'" in capsys.readouterr().err


def test_a_folder_that_is_a_file_is_one_line(digits: Path, capsys: Capture) -> None:
    assert run(["train", "--like", "ae-conv-mnist", "--data", "folder:digits/0.png"]) == 3
    assert "digits/0.png is not a folder" in capsys.readouterr().err


def test_why_there_are_no_labels_is_told(digits: Path, capsys: Capture) -> None:
    for kind, name in (("cats", "0.png"), ("dogs", "1.png")):
        (digits / kind).mkdir()
        (digits / name).rename(digits / kind / name)
    assert run(["train", "--like", "vae-conv-mnist-label", "--data", "folder:digits"]) == 2
    beside, missing = capsys.readouterr().err.splitlines()
    assert "1 picture in digits lies beside the folders cats, dogs: 2.png; so no picture has a label" in beside
    assert "folder has no column 'label' (its columns: none); what makes columns of yours: genzoo show" in missing
