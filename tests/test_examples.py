"""A third-party family: the example is installed as a distribution of its own, and runs its own tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from genzoo.cli import run
from genzoo.registry import registry
from tests.conftest import CLI, ROOT, pip_install
from tests.hub.faults import flip
from tests.test_readme import Reader, reader

__all__ = ["reader"]

EXAMPLE = ROOT / "examples" / "genzoo-coupling"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("example")
    pip_install(target, EXAMPLE)
    return target


def test_it_keeps_the_laws_and_its_own_promises(installed: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--import-mode=importlib"]
    command.append(str(EXAMPLE / "tests"))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")])}
    env["HF_HUB_OFFLINE"] = "1"
    result = subprocess.run(command, cwd=installed, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "genzoo is offline" not in result.stdout, "the weights of every checkpoint are on this machine"


def test_it_uses_public_names_alone() -> None:
    for file in EXAMPLE.rglob("*.py"):
        lines = [line.strip() for line in file.read_text().splitlines()]
        private = [line for line in lines if line.startswith(("from genzoo.", "import genzoo."))]
        assert set(private) <= {"from genzoo.testing import plugin_suite"}, f"{file}: {private}"


@pytest.fixture
def beside_it(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example is found in this process."""
    with monkeypatch.context() as patch:
        patch.syspath_prepend(installed)
        registry.cache_clear()
        yield
    registry.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "genzoo_coupling"]:
        del sys.modules[name]  # another copy of it may be installed later


@pytest.mark.usefixtures("beside_it")
def test_a_flow_is_trained_measured_and_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    quick = ("--set", "training.epochs=1", "--set", "model.transforms=2", "--set", "training.batch_size=1000")
    assert run(["train", "coupling-spline-toy2d-ring", *quick, "-o", "run"]) == 0
    assert capsys.readouterr().out == "./run\n"
    assert run(["show", "./run"]) == 0
    assert "negative_log_likelihood" in capsys.readouterr().out
    assert run(["verify", "./run"]) == 0
    assert run(["sample", "./run", "-o", "ring.png"]) == 0
    assert (tmp_path / "ring.png").read_bytes().startswith(b"\x89PNG")


def test_the_readme_of_the_flow_can_be_followed_and_a_changed_byte_is_refused(
    reader: Reader, genzoo_cli: CLI, installed: Path, tmp_path: Path
) -> None:
    reader.monkeypatch.chdir(shutil.copytree(EXAMPLE, reader.folder / "coupling"))
    reader.read_page("examples/genzoo-coupling/README.md")
    name = "coupling-spline-toy2d-ring"
    assert Path("ring.png").read_bytes().startswith(b"\x89PNG")
    weights = Path("copy", name, "model.safetensors").resolve()
    weights.write_bytes(flip(weights.read_bytes()))
    refused = genzoo_cli("sample", name, "-o", "no.png", beside=installed, GENZOO_HUB=str(weights.parent.parent))
    assert refused.returncode == 5
    assert "its record says" in refused.stderr
    assert not (tmp_path / "no.png").exists()
