"""Strangers' families: each example is installed as a distribution of its own, and runs its own tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CLI, ROOT, pip_install
from tests.hub.faults import flip
from tests.test_readme import Reader, reader

__all__ = ["reader"]

EXAMPLES = [ROOT / "examples" / name for name in ("genzoo-flow", "genzoo-flowmatching")]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("examples")
    pip_install(target, *EXAMPLES)
    return target


def test_they_keep_the_laws_and_their_own_promises(installed: Path) -> None:
    tests = [str(example / "tests") for example in EXAMPLES]
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--import-mode=importlib", *tests]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")])}
    env["HF_HUB_OFFLINE"] = "1"
    result = subprocess.run(command, cwd=installed, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "genzoo is offline" not in result.stdout, "the weights of every checkpoint are on this machine"


def test_they_use_public_names_alone() -> None:
    for file in (file for example in EXAMPLES for file in example.rglob("*.py")):
        lines = [line.strip() for line in file.read_text().splitlines()]
        private = [line for line in lines if line.startswith(("from genzoo.", "import genzoo."))]
        assert set(private) <= {"from genzoo.testing import plugin_suite"}, f"{file}: {private}"


def test_a_flow_is_trained_measured_and_drawn(genzoo_cli: CLI, installed: Path, tmp_path: Path) -> None:
    quick = ("--set", "training.epochs=1", "--set", "model.transforms=2", "--set", "training.batch_size=1000")
    trained = genzoo_cli("train", "flow-coupling-toy2d-ring", *quick, "-o", "run", beside=installed)
    assert (trained.returncode, trained.stdout) == (0, "./run\n"), trained.stderr
    assert "negative_log_likelihood" in genzoo_cli("show", "./run", beside=installed).stdout
    assert genzoo_cli("verify", "./run", beside=installed).returncode == 0
    assert genzoo_cli("sample", "./run", "-o", "ring.png", beside=installed).returncode == 0
    assert (tmp_path / "ring.png").read_bytes().startswith(b"\x89PNG")


def test_the_readme_of_the_flow_can_be_followed_and_a_changed_byte_is_refused(
    reader: Reader, genzoo_cli: CLI, installed: Path, tmp_path: Path
) -> None:
    reader.monkeypatch.chdir(shutil.copytree(EXAMPLES[0], reader.folder / "flow"))
    reader.read_page("examples/genzoo-flow/README.md")
    name = "flow-coupling-toy2d-ring"
    assert Path("ring.png").read_bytes().startswith(b"\x89PNG")
    weights = Path("copy", name, "model.safetensors").resolve()
    weights.write_bytes(flip(weights.read_bytes()))
    refused = genzoo_cli("sample", name, "-o", "no.png", beside=installed, GENZOO_HUB=str(weights.parent.parent))
    assert refused.returncode == 5
    assert "its record says" in refused.stderr
    assert not (tmp_path / "no.png").exists()
