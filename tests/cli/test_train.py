"""``genzoo train``: recipes on other data, changed recipes, trackers, and where a run may not be."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import genzoo
from genzoo.api.recipes import find_recipe, like
from genzoo.cli import run
from genzoo.errors import InvalidInput, NotFound
from genzoo.training import Recipe
from genzoo.training.recipe import parse_override

Capture = pytest.CaptureFixture[str]

QUICK = [
    word for text in ("training.epochs=2", "training.batch_size=4", "model.hidden=[8]") for word in ("--set", text)
]


@pytest.fixture(autouse=True)
def in_a_folder_with_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "Ma Photos"
    folder.mkdir()
    for index in range(8):
        Image.new("L", (20, 30), 30 * index).save(folder / f"{index}.png")


def test_a_recipe_is_used_on_other_data(capsys: Capture) -> None:
    assert run(["train", "--like", "ae-dense-mnist", "--data", "folder:./Ma Photos", *QUICK]) == 0
    output = capsys.readouterr()
    assert output.out == "runs/ae-dense-ma-photos\n"
    assert output.err.startswith("ae-dense-ma-photos: 8 examples of 1×28×28, 4 steps on ")
    assert "now measuring it, which --resume does if it is stopped" in output.err
    assert "only 4 steps, in which a model learns little; for 500 or more: --set training.epochs=250\n" in output.err
    told = output.err.partition("next:\n")[2].splitlines()
    assert run([*shlex.split(told[0])[1:], "-o", "them.png"]) == 0
    push = "  genzoo push runs/ae-dense-ma-photos ORG/NAME --license Apache-2.0"
    assert [line.split()[1] for line in told] == ["reconstruct", "explore", "train", "push"]
    assert told[-1] == push
    assert run([*push.split()[1:], "--dry-run"]) == 0
    record = genzoo.show(Path("runs/ae-dense-ma-photos"))
    original = genzoo.show("ae-dense-mnist").recipe
    assert record.license == "unstated"
    assert record.recipe["data"] == {"name": "folder"}
    assert record.recipe["model"] == {**original["model"], "hidden": [8], "input_shape": [1, 28, 28]}
    assert Recipe.parse(record.recipe, "mine").optimizer == Recipe.parse(original, "shipped").optimizer
    before = find_recipe("ae-dense-mnist")[0].training
    assert record.recipe["training"] == {**asdict(before), "epochs": 2, "batch_size": 4}
    assert run(shlex.split(told[2])[1:]) == 0
    assert "going on after step 4 of 8; the cosine schedule is from here on that of 8 steps" in capsys.readouterr().err
    assert genzoo.show(Path("runs/ae-dense-ma-photos")).trained["changed"] == ["step 4: training.epochs 2 → 4"]
    written = "".join(path.read_text() for path in Path("runs/ae-dense-ma-photos").glob("*.json*"))
    assert "Photos" not in written  # where it lies is nobody's business
    with Image.open("runs/ae-dense-ma-photos/curves.png") as curves:
        assert curves.size == (400, 260)


LIKE = {
    "a data set": ("vae-conv-mnist", "fashion-mnist", "vae-conv-fashion-mnist", None),
    "a variant": ("ae-dense-mnist-2d", "mnist", "ae-dense-mnist", None),
    "with its place": ("ae-dense-mnist", "mnist:/data", "ae-dense-mnist", "/data"),
    "a folder": ("gan-dcgan-mnist", "folder:./Fäces_2/", "gan-dcgan-faces-2", "./Fäces_2/"),
    "a folder above": ("gan-dcgan-mnist", "folder:./a/..", "gan-dcgan-ma-photos", "./a/.."),
    "no latin letter": ("gan-dcgan-mnist", "folder:/写真", "gan-dcgan-folder", "/写真"),
    "a long name": ("gan-dcgan-mnist", f"folder:/{'x' * 99}", f"gan-dcgan-{'x' * 54}", f"/{'x' * 99}"),
}


@pytest.mark.parametrize(("name", "data", "called", "root"), LIKE.values(), ids=LIKE)
def test_what_is_trained_like_another(
    name: str, data: str, called: str, root: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("Ma Photos")
    recipe, place = like(find_recipe(name)[0], data)
    assert (recipe.name, place) == (called, root and Path(root))
    assert recipe.data == {"name": data.partition(":")[0]}
    assert recipe.model.get("input_shape") == ((1, 28, 28) if data.startswith("folder") else None)


def test_other_data_does_not_begin_from_the_weights_of_the_first() -> None:
    recipe = find_recipe("vae-dense-mnist-iwae")[0]
    assert recipe.training.start == "vae-dense-mnist-iwae5"
    assert like(recipe, "fashion-mnist-dynamic")[0].training == replace(recipe.training, start="")


def test_a_data_set_may_be_said_with_its_distribution() -> None:
    recipe, root = like(find_recipe("ae-dense-mnist")[0], "genzoo:fashion-mnist")
    assert (recipe.name, recipe.data["name"], root) == ("ae-dense-fashion-mnist", "genzoo:fashion-mnist", None)
    with pytest.raises(NotFound, match="did you mean fashion-mnist"):
        like(recipe, "fashoin-mnist")


OVERRIDES: dict[str, tuple[str, Any]] = {
    "training.epochs=5": ("training.epochs", 5),
    "optimizer.learning_rate = 1e-4": ("optimizer.learning_rate", 1e-4),
    "model.hidden=[8, 4]": ("model.hidden", [8, 4]),
    "training.compile=true": ("training.compile", True),
    "model.likelihood=gaussian": ("model.likelihood", "gaussian"),
    'model.likelihood="gaussian"': ("model.likelihood", "gaussian"),
    "data.name=genzoo:mnist": ("data.name", "genzoo:mnist"),
    "name=a=b": ("name", None),
    "training.epochs": ("", None),
    "=5": ("", None),
    "training.epochs=[5": ("", None),
    "training.epochs=": ("", None),
    "training.epochs=5\nx=6": ("", None),
}


@pytest.mark.parametrize(("text", "parsed"), OVERRIDES.items())
def test_values_are_set_as_toml_has_them(text: str, parsed: tuple[str, Any]) -> None:
    if parsed[1] is None:
        with pytest.raises(InvalidInput, match=r"--set"):
            parse_override(text)
    else:
        assert parse_override(text) == parsed


def test_what_is_set_is_checked_as_in_a_recipe() -> None:
    recipe = find_recipe("gan-dcgan-mnist")[0]
    changed = recipe.changed({"optimizer.generator.beta1": 0.1, "name": "mine"})
    assert (changed.name, changed.optimizer_of("generator").beta1) == ("mine", 0.1)
    assert changed.optimizer_of("discriminator") == recipe.optimizer_of("discriminator")
    for key, message in {
        "trainig.epochs": "did you mean training",
        "training.epoch": "did you mean epochs",
        "training.epochs": "must be a whole number .* got 'five'",
        "name.x": "name is no section",
    }.items():
        with pytest.raises(InvalidInput, match=message):
            recipe.changed({key: "five"})


MISTAKES: dict[str, tuple[list[str], int, str]] = {
    "nothing": ([], 2, "give RECIPE, or --like NAME --data DATASET"),
    "both": (["x", "--like", "ae-dense-mnist", "--data", "mnist"], 2, "one of the two"),
    "like without data": (["--like", "ae-dense-mnist"], 2, "--data folder:./pictures"),
    "data without like": (["ae-dense-mnist", "--data", "mnist"], 2, "--like ae-dense-mnist"),
    "unknown data": (["--like", "ae-dense-mnist", "--data", "mnits"], 3, "did you mean mnist"),
    "no such folder": (["--like", "ae-dense-mnist", "--data", "folder:./x"], 3, "x is not a folder"),
    "two places": (
        ["--like", "ae-dense-mnist", "--data", "folder:a", "--data-root", "b"], 2, "in a and in b; give one"
    ),
    "grey levels": (
        ["--like", "vae-conv-mnist", "--data", "folder:Ma Photos", "--set", "model.likelihood=bernoulli"], 2,
        "--set model.likelihood=gaussian",
    ),
    "another number of channels": (
        ["ae-dense-mnist", "--set", "model.input_shape=[3,28,28]"], 2, "shape (1, 28, 28), not (3, 28, 28)"
    ),
    "a tracker": (["ae-dense-mnist", "--track", "wandbb"], 3, "no tracker is called 'wandbb'; did you mean wandb?"),
    "below a file": (
        ["--like", "ae-dense-mnist", "--data", "folder:./not-there", "-o", "Ma Photos/0.png/run"], 2,
        "Ma Photos/0.png is not a folder; -o DIR goes elsewhere",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "code", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_before_anything_is_written(
    arguments: list[str], code: int, message: str, capsys: Capture
) -> None:
    assert run(["train", *arguments]) == code
    output = capsys.readouterr()
    assert message in output.err
    assert output.out == ""
    assert [path.name for path in Path().iterdir()] == ["Ma Photos"]


@pytest.mark.parametrize(("name", "install"), [("tensorboard", "genzoo[tensorboard]"), ("wandb", "wandb")])
def test_what_a_tracker_needs_and_is_not_there_is_named(
    name: str, install: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # how Python marks what cannot be imported
    assert run(["train", "ae-dense-mnist", "--track", name]) == 6
    assert (
        f"--track {name} needs {name}, which is not installed; try: pip install '{install}'" in capsys.readouterr().err
    )


def test_tensorboard_has_the_terms_of_each_epoch(tmp_path: Path) -> None:
    words = ["--like", "ae-dense-mnist", "--data", "folder:Ma Photos", "-o", "run", "--track", "tensorboard"]
    assert run(["train", *words, *QUICK]) == 0
    code = (
        "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator as Reader\n"
        "reader = Reader('run/tracking/tensorboard'); reader.Reload()\n"
        "print([(event.step, event.value) for event in reader.Scalars('loss')])"
    )
    events = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path)
    logged = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    found = json.loads(events.stdout.replace("(", "[").replace(")", "]"))
    assert found == [[entry["step"], pytest.approx(entry["loss"])] for entry in logged]


def test_the_command_that_goes_on_is_the_one_that_was_stopped(tmp_path: Path) -> None:
    words = ["--like", "ae-dense-mnist", "--data", "folder:Ma Photos", "--set", "model.hidden=[8]"]
    words += ["--set", "training.epochs=100000", "--set", "training.batch_size=8", "--device", "cpu"]
    command = [sys.executable, "-m", "genzoo", "train", *words, "--force"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        assert any(line.startswith("epoch") for line in process.stderr)  # it is training
        os.killpg(process.pid, signal.SIGTERM)  # those who read pictures for it too, as a cluster does
        again = shlex.split(process.stderr.read().rpartition("go on with: ")[2])
        assert process.wait(timeout=60) == 130
    assert again[:2] == ["genzoo", "train"]
    assert sorted(again[2:]) == sorted([*words, "--resume"])
