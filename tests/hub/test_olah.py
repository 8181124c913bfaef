"""Downloads from olah, a hub that others wrote: what we take from ours, we take from theirs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import genzoo
from tests.conftest import CLI, ROOT

OLAH = "olah==0.5.4"
NAME = "gan-dense-toy1d"
CONFIG = """
[basic]
host = "127.0.0.1"
port = {port}
mirrors-path = ["{folder}/mirrors"]
repos-path = "{folder}/repos"
[accessibility]
offline = true
"""


@pytest.fixture(scope="session")
def olah_cli() -> Path:
    """olah in a virtual environment of its own, made once in the clone; it wants other packages than we do.

    The test is skipped where it cannot be installed, and fails with GENZOO_REQUIRE_OLAH=1.
    """
    venv = str(ROOT / ".olah-venv")
    program = Path(venv) / "bin" / "olah-cli"
    if not program.exists():
        install = [f"{venv}/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", OLAH]
        for command in ([sys.executable, "-m", "venv", venv], install):
            result = subprocess.run(command, check=False, capture_output=True, text=True)
            if result.returncode:
                refuse(f"{OLAH} cannot be installed: {result.stderr.strip()[-300:]}")
    return program


def refuse(reason: str) -> None:
    pytest.fail(reason) if os.environ.get("GENZOO_REQUIRE_OLAH") == "1" else pytest.skip(reason)


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, str]:
    """A folder of git repositories as olah mirrors them, with NAME as me/toy; and its commit."""
    folder = tmp_path / "olah" / "mirrors" / "models" / "me" / "toy"
    shutil.copytree(genzoo.show(NAME).folder, folder)
    git = ["git", "-C", str(folder), "-c", "user.name=me", "-c", "user.email=me@example.org"]
    for arguments in (["init", "--quiet", "-b", "main"], ["add", "."], ["commit", "--quiet", "-m", "First"]):
        subprocess.run([*git, *arguments], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return tmp_path / "olah", head.stdout.strip()


@pytest.fixture
def endpoint(olah_cli: Path, repository: tuple[Path, str]) -> Iterator[str]:
    folder, _ = repository
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "olah.toml"
    config.write_text(CONFIG.format(port=port, folder=folder))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([olah_cli, "-c", config], cwd=folder, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None
        try:
            urllib.request.urlopen(url).close()  # noqa: S310  # our own loopback
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("olah does not answer")


def test_a_checkpoint_on_olah_is_pinned_pulled_and_loaded(
    endpoint: str, repository: tuple[Path, str], tmp_path: Path, genzoo_cli: CLI
) -> None:
    env = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": "", "HF_HUB_OFFLINE": ""}
    pinned = f"hf:me/toy@{repository[1]}"
    found = genzoo_cli("pin", "hf:me/toy", **env)
    assert found.stdout == f"{pinned}\n", found.stderr
    pulled = genzoo_cli("pull", pinned, "--to", "here", **env)
    assert pulled.stdout == f"here/{NAME}\n", pulled.stderr
    assert genzoo.load(tmp_path / "here" / NAME, device="cpu").sha256 == genzoo.show(NAME).sha256
    nothing = genzoo_cli("pull", "hf:me/nothing@main", **env)
    assert nothing.returncode == 3
    assert "has no such repository, or a private one" in nothing.stderr
