"""Fixtures: the real data, a stranger's plugin really installed, a real hub, the command line in its own process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from genzoo.hub import sources
from genzoo.registry import registry
from tests.hub.server import Hub, serve

ROOT = Path(__file__).parent.parent

pytest_plugins = ["tests.browser"]  # one, for a process has one playwright

hypothesis.settings.register_profile("genzoo", deadline=None, max_examples=100, database=None)
hypothesis.settings.load_profile("genzoo")  # machines are noisy: no deadline for one example

Result = subprocess.CompletedProcess[str]

LONGEST = {"test_examples.py", "test_processes.py", "test_new.py", "test_readme.py", "test_laws.py", "test_loop.py"}
"""The files that take longest: several workers begin with them, so that none is left with one at the end. xdist would
sort files by their number of tests (pyproject.toml has --no-loadscope-reorder), and one of these has four."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path: what is laid out in it is installed."""
    monkeypatch.syspath_prepend(tmp_path)
    registry.cache_clear()
    yield tmp_path
    registry.cache_clear()


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder with MNIST; the test is skipped without it, and fails with GENZOO_REQUIRE_DATA=1."""
    from genzoo.datasets import default_root  # and torch, which the process that starts the workers does without

    root = default_root().resolve()
    if not any((root / "MNIST" / "raw").glob("*-ubyte*")):  # a failed download leaves the folder
        message = f"MNIST is not in {root}: point GENZOO_DATA at torchvision's data folder"
        pytest.fail(message) if os.environ.get("GENZOO_REQUIRE_DATA") else pytest.skip(message)
    return root


@pytest.fixture(scope="session")
def few_digits(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose MNIST is the first 1,280 and 300 digits and their labels."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "MNIST" / "raw").mkdir(parents=True)
    for name, axes in {"images-idx3": 3, "labels-idx1": 1}.items():
        for split, count in {"train": 1280, "t10k": 300}.items():
            path = Path("MNIST") / "raw" / f"{split}-{name}-ubyte"
            with (data_root / path).open("rb") as file:
                header = file.read(4 + 4 * axes)
                values = file.read(count * (784 if axes == 3 else 1))
            (folder / path).write_bytes(header[:4] + count.to_bytes(4, "big") + header[8:] + values)
    return folder


@pytest.fixture(scope="session")
def node() -> str:
    """Node, which runs the page's JavaScript; the test is skipped without it, and fails with GENZOO_REQUIRE_NODE=1."""
    if found := shutil.which("node"):
        return found
    message = "node is not installed, which runs the page's JavaScript: https://nodejs.org"
    raise AssertionError(message) if os.environ.get("GENZOO_REQUIRE_NODE") else pytest.skip.Exception(message)


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the distribution of examples/genzoo-tiny."""
    target = tmp_path_factory.mktemp("stranger")
    pip_install(target, ROOT / "examples" / "genzoo-tiny")
    return target


@pytest.fixture
def here(stranger: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """That folder, with the distribution found in this process."""
    monkeypatch.syspath_prepend(stranger)
    registry.cache_clear()
    yield stranger
    registry.cache_clear()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this clone."""
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


def build_wheel(project: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    return max(folder.glob("*.whl"), key=lambda path: path.stat().st_mtime_ns)


def pip_install(target: Path, *what: Path) -> None:
    """Install projects or wheels into a folder, and nothing that they depend on."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    command += ["--disable-pip-version-check", "--no-warn-conflicts", "--target", str(target)]
    subprocess.run([*command, *map(str, what)], check=True)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A fresh hub on the loopback, which is *the* hub here and in the processes started from here; with an empty cache,
    short timeouts, and nobody logged in."""
    from huggingface_hub import constants

    home = tmp_path / "hf-home"
    with serve() as running:
        environment = {"HF_ENDPOINT": running.endpoint, "HF_HOME": str(home), "HF_HUB_ETAG_TIMEOUT": "5"}
        for key, value in environment.items():  # which this process has read
            monkeypatch.setenv(key, value)
        for key in ("HF_TOKEN", "HF_HUB_OFFLINE", "GENZOO_HUB"):
            monkeypatch.delenv(key, raising=False)
        point_at(running.endpoint, monkeypatch)
        settings: dict[str, object] = {"HF_HUB_CACHE": str(home / "hub"), "HF_TOKEN_PATH": str(home / "token")}
        settings |= {"HF_HUB_OFFLINE": False, "HF_HUB_ETAG_TIMEOUT": 1, "HF_HUB_DOWNLOAD_TIMEOUT": 0.5}
        settings |= {"HF_HUB_DISABLE_XET": True}  # which it does not speak
        settings |= {"AGENT_HARNESSES_PATH": str(home / "agents")}  # which the client asks every hub for, and keeps
        for key, setting in settings.items():
            monkeypatch.setattr(constants, key, setting)
        sources._announced.cache_clear()
        yield running


def point_at(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT does in a fresh process."""
    from huggingface_hub import constants

    url = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url)


CLI = Callable[..., Result]


@pytest.fixture
def genzoo_cli(tmp_path: Path) -> CLI:
    """Run ``python -m genzoo`` in an empty folder, beside the distributions of `beside`."""

    def run(*arguments: str | Path, beside: Path | None = None, **environment: str) -> Result:
        env = {**os.environ, **environment}
        if beside is not None:
            env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(beside), os.environ.get("PYTHONPATH")]))
        command = [sys.executable, "-m", "genzoo", *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=env, text=True, capture_output=True, check=False, timeout=300)

    return run


def make_distribution(folder: Path, name: str, code: str, version: str = "1.0", metadata: str = "") -> Path:
    """A distribution `name` with one plugin module of this code, laid out in `folder` as pip lays it out."""
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}")
    (info / "entry_points.txt").write_text(f"[genzoo.plugins]\n{module} = {module}\n")
    return folder
