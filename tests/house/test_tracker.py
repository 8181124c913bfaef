"""A third-party plugin of one file that brings a tracker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import genzoo
from genzoo.cli import run
from genzoo.errors import GenzooWarning, NotFound, PluginError
from tests.conftest import make_distribution

PLUGIN = '''
"""Terms as lines of CSV."""
from genzoo import TrackerSpec, hookimpl

GENZOO_API = 2


@hookimpl
def genzoo_records():
    yield TrackerSpec(name="csv", target="genzoo_csv:Csv", summary="terms as lines of CSV")
    yield TrackerSpec(name="late", target="genzoo_csv:Late", summary="fails at the second epoch")
    yield TrackerSpec(name="never", target="genzoo_csv:Never", summary="cannot start")
    yield TrackerSpec(name="lacking", target="genzoo_csv:Csv", summary="", module="no_such_module", install="no-such")


class Csv:
    def __init__(self, name, folder):
        folder.mkdir(parents=True)
        self.file = (folder / f"{name}.csv").open("w")

    def log(self, values, step):
        print(step, *values.values(), sep=",", file=self.file)

    def finish(self):
        self.file.close()


class Late(Csv):
    def log(self, values, step):
        super().log(values, step)
        if step > 2:
            raise OSError("it is full")


class Never:
    def __init__(self, name, folder):
        raise OSError("nobody is logged in")
'''
RECIPE = """
name = "ae-dense-points"
[model]
family = "ae"
architecture = "dense"
latent_dim = 1
hidden = [4]
[objective]
name = "mse"
[data]
name = "toy2d-ring"
[training]
epochs = 3
batch_size = 5000
"""


@pytest.fixture
def folder(beside: Path) -> Path:
    make_distribution(beside, "genzoo-csv", PLUGIN)
    (beside / "points.toml").write_text(RECIPE)
    return beside


def train(folder: Path, track: str, **options: Any) -> Path:
    genzoo.train(folder / "points.toml", output=folder / "run", track=track, progress=False, device="cpu", **options)
    return folder / "run" / "tracking" / track / "ae-dense-points.csv"


def logged(folder: Path) -> list[list[float]]:
    entries = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
    return [[entry["step"], entry["loss"]] for entry in entries]


def rows(path: Path) -> list[list[float]]:
    return [[float(word) for word in line.split(",")] for line in path.read_text().splitlines()]


@pytest.mark.filterwarnings("ignore:only .* steps")
def test_a_plugins_tracker_is_told_the_terms_of_each_epoch(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = train(folder, "csv")
    assert len(logged(folder)) == 3
    assert rows(written) == logged(folder)
    assert rows(train(folder, "csv", force=True)) == logged(folder)  # a new run forgets what the old one wrote
    assert run(["show", "csv"]) == 0
    assert "terms as lines of CSV" in capsys.readouterr().out


def test_a_tracker_that_fails_does_not_end_the_run(folder: Path) -> None:
    with pytest.warns(GenzooWarning, match=r"the tracker late failed; nothing more is told to it: OSError: it is full"):
        written = train(folder, "late")
    assert rows(written) == logged(folder)[: len(rows(written))]
    assert len(logged(folder)) == 3
    assert genzoo.load(folder / "run").name == "ae-dense-points"


def test_a_tracker_that_cannot_be_used_is_told_before_the_first_step(folder: Path) -> None:
    with pytest.raises(NotFound, match=r"no tracker is called 'cvs'; did you mean csv\?"):
        train(folder, "cvs")
    with pytest.raises(genzoo.GenzooError, match=r"needs no_such_module, .* try: pip install 'no-such'"):
        train(folder, "lacking")
    with pytest.raises(PluginError, match="the tracker never cannot start: OSError: nobody is logged in"):
        train(folder, "never")
    assert not (folder / "run" / "state").exists()
