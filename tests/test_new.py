"""`genzoo new`, as a stranger uses it: from genzoo's wheel to a plugin that is built, checked, installed and tested."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from genzoo.cli import run
from genzoo.scaffold import FAMILIES
from tests.conftest import Result, build_wheel, pip_install

Python = Callable[..., Result]
DEMOS = {family: f"genzoo-demo-{family}" for family in FAMILIES}


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Python:
    """The interpreter of a venv that has genzoo's wheel, and by a .pth file what that depends on; it runs in a folder
    of its own."""
    home = tmp_path_factory.mktemp("home")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home / "venv")], check=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(home / "venv")}))
    (site / "dependencies.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
    pip_install(site, wheel)
    interpreter = Path(sysconfig.get_path("scripts", "venv", {"base": str(home / "venv")})) / "python"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def call(*arguments: str | Path) -> Result:
        command = [str(interpreter), *map(str, arguments)]
        result = subprocess.run(command, cwd=home, env=environment, text=True, capture_output=True, check=False)
        assert result.returncode == 0, f"{arguments}: {result.stdout[-4000:]}{result.stderr[-4000:]}"
        return result

    for family, name in DEMOS.items():
        assert call("-m", "genzoo", "new", name, "--family", family).stdout == f"{name}\n"
    wheels = [build_wheel(home / name, home / "dist") for name in DEMOS.values()]
    checked = call("-m", "genzoo", "plugins", "check", wheels[-1])
    assert re.fullmatch(r"genzoo-demo-custom: (\d+) of \1 checks hold\n", checked.stdout)
    assert "genzoo-demo" not in call("-m", "genzoo", "plugins").stdout, "it is checked before it is installed"
    pip_install(site, *wheels)
    return call


def test_new_plugins_are_listed_and_offer_one_of_each(python: Python) -> None:
    rows = {row["distribution"]: row for row in json.loads(python("-m", "genzoo", "plugins", "--json").stdout)}
    for family, name in DEMOS.items():
        row = rows[name]
        assert (row["status"], row["api"], row["version"], row["reason"]) == ("ok", 2, "0.1.0", "")
        assert Path(row["path"]).parent.name == name.replace("-", "_")
        assert row["offers"]["recipe"] == ["demo-custom-spiral" if family == "custom" else f"{family}-{name[7:]}-moons"]
    kinds = {"architecture", "command", "dataset", "family", "metric", "objective", "recipe"}
    assert set(rows["genzoo-demo-custom"]["offers"]) == kinds
    assert Path(rows["genzoo"]["path"]).is_relative_to(Path(rows["genzoo-demo-vae"]["path"]).parent.parent)


def test_new_plugins_keep_every_law(python: Python) -> None:
    names = [DEMOS["gan"], DEMOS["custom"]]  # those of vae, which ae has too, are held by the page CONTRIBUTING.md
    tested = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *names)
    assert "passed" in tested.stdout
    assert "skipped" not in tested.stdout


TYPED = """
import shlex
from genzoo.cli import run
for line in {lines}:
    assert run(shlex.split(line)[1:]) == 0, line
"""


def test_a_plugins_own_family_is_trained_measured_sampled_and_commanded(python: Python) -> None:
    trained = "genzoo train demo-custom-spiral --set training.epochs=2 -o run"
    sampled = "genzoo sample ./run -n 4 -o a.png"
    scored = "genzoo demo-custom ./run 0.5 -0.5"
    printed = python("-c", TYPED.format(lines=[trained, sampled, scored])).stdout.splitlines()
    assert printed[:2] == ["./run", "a.png"]
    assert -20 < float(printed[2]) < 2
    shown = json.loads(python("-m", "genzoo", "show", "./run", "--json").stdout)
    entry = shown["metrics"]["demo_custom_nll"]
    assert 1 < entry["value"] < 2.8  # of an N(0, I) it is 2.9
    assert entry["protocol"] == {"split": "test", "n": 5000, "estimator": "exact"}


DRAWN = """
import genzoo, json
data = genzoo.open_data("toy2d-moons", "test")
for family in ("vae", "gan"):
    genzoo.train(f"{family}-demo-{family}-moons", output=family, device="cpu")
    x = genzoo.load(f"./{family}", device="cpu").sample(2000, seed=0)
    print(json.dumps([data.log_prob(x).mean().item(), *(x.std(0) / data.first(2000).std(0)).tolist()]))
"""


@pytest.fixture(scope="module")
def drawn(python: Python) -> dict[str, list[float]]:
    """Of 2,000 samples, by the family of the template: log p under the data, and widths beside the data's."""
    lines = python("-c", DRAWN).stdout.splitlines()
    return dict(zip(("vae", "gan"), map(json.loads, lines), strict=True))


@pytest.mark.parametrize("family", ["vae", "gan"])
def test_the_first_picture_is_of_two_moons(family: str, drawn: dict[str, list[float]]) -> None:
    """The recipe as it is written: points lie where the data do (whose log p is -1.02), and are as wide."""
    log_prob, *widths = drawn[family]
    assert log_prob > -3
    assert all(0.7 < width < 1.1 for width in widths), widths


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("demo", "try: genzoo new genzoo-demo"),
        ("genzoo-Demo", "try: genzoo new genzoo-demo"),
        ("genzoo_my.demo", "try: genzoo new genzoo-my-demo"),
        ("genzoo-", "at most 40 letters\n"),
        ("genzoo", "at most 40 letters\n"),
        ("genzoo-../x", "must be genzoo- and words"),
        ("genzoo-" + "a" * 60, "at most 40 letters"),
        ("genzoo-conv", "a name of genzoo's architecture"),
        ("genzoo-gan", "a name of genzoo's family"),
        ("genzoo-map", "a command of genzoo"),
    ],
)
def test_a_name_that_cannot_be_is_refused(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["new", name]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "genzoo-mine").mkdir()
    assert run(["new", "genzoo-mine"]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    assert not list((tmp_path / "genzoo-mine").iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["genzoo-mine"]


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_left_of_the_template(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["new", "genzoo-mine", "--family", family]) == 0
    for path in (tmp_path / "genzoo-mine").rglob("*"):
        told = str(path.relative_to(tmp_path)) + (path.read_text() if path.is_file() else "")
        assert not [word for word in ("yours", "RECIPE", "DEPENDENCIES", "LOOK") if word in told], path
    records = (tmp_path / "genzoo-mine/src/genzoo_mine/__init__.py").read_text()
    assert {name.split("-")[0] for name in re.findall('name="([^"]*)"', records)} == {"mine"}, "nobody else's names"
    assert (tmp_path / "genzoo-mine/.github/workflows/ci.yml").is_file()
    assert (tmp_path / "genzoo-mine/.gitignore").is_file()
