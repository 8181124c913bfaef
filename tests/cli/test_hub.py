"""pull, pin, cache and --offline, in processes of their own, which read HF_ENDPOINT and the rest as a user's do."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import genzoo
from genzoo.spec import Checkpoint
from tests.conftest import CLI, ROOT, make_distribution
from tests.hub.faults import answer, flip, on, part, silent
from tests.hub.server import TOKEN, Handler, Hub
from tests.test_imports import modules_after

NAME = "gan-dense-toy1d"
SHARED = """
import genzoo
GENZOO_API = 2

@genzoo.hookimpl
def genzoo_records():
    return genzoo.shipped(__file__)
"""


@dataclass
class User:
    """Someone at a command line whose hub is on the loopback, and a checkpoint's pin there."""

    hub: Hub
    pin: str
    cache: Path
    genzoo_cli: CLI

    def run(self, *arguments: str | Path, code: int = 0, **environment: str) -> str:
        """What genzoo prints: on stdout, or for another exit code than 0 on stderr."""
        result = self.genzoo_cli(*arguments, **environment)
        assert result.returncode == code, result.stderr
        assert "Traceback" not in result.stderr
        return (result.stderr if code else result.stdout).rstrip("\n")

    def start(self, *arguments: str, before: Callable[[], None] | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "genzoo", *arguments]
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, preexec_fn=before)  # noqa: PLW1509


@pytest.fixture
def user(hub: Hub, genzoo_cli: CLI) -> User:
    folder = genzoo.show(NAME).folder
    commit = hub.add("me/toy", {path.name: path.read_bytes() for path in folder.iterdir()})
    return User(hub, f"hf:me/toy@{commit}", Path(os.environ["HF_HOME"]) / "hub", genzoo_cli)


def test_pull_then_offline(user: User) -> None:
    folder = user.run("pull", user.pin)
    assert {path.name for path in Path(folder).iterdir()} == {"genzoo.json", "model.safetensors"}
    user.hub.meddle = answer(500)
    assert user.run("--offline", "pull", user.pin) == folder
    listed = user.run("cache", "ls")
    assert listed.startswith(f"{user.pin}  0.0 MB  {folder}")
    assert user.run("--offline", "show", "hf:me/toy", code=4).endswith(f"; in the cache: {user.pin}")
    assert user.pin in user.run("cache", "rm", "hf:me/toy")
    assert user.run("cache", "ls") == ""
    assert f"genzoo pull {user.pin}" in user.run("--offline", "pull", user.pin, code=4)
    assert "fault of its own (500)" in user.run("pull", user.pin, code=4)
    assert "is not in the cache" in user.run("cache", "rm", user.pin, code=3)


def test_pin_prints_the_commit(user: User) -> None:
    assert user.run("pin", "hf:me/toy") == user.pin
    record = json.loads(user.run("pin", user.pin, "--json"))
    assert record == {
        "repo": "me/toy",
        "commit": user.pin.partition("@")[2],
        "sha256": genzoo.show(NAME).sha256,
        "size_bytes": genzoo.show(NAME).size_bytes,
    }
    assert "is on no hub" in user.run("pin", NAME, code=2)


def test_a_record_with_a_pin_needs_no_weights_beside_it(user: User, tmp_path: Path) -> None:
    """A plugin of 2 kB whose weights are on the hub."""
    pinned = replace(genzoo.show(NAME), name="gan-lab-toy", repo="me/toy", commit=user.pin.partition("@")[2])
    folder = tmp_path / "plugin" / "weights" / "gan-lab-toy"
    folder.mkdir(parents=True)
    (folder / "genzoo.json").write_text(pinned.to_json())
    make_distribution(tmp_path / "plugin", "lab-zoo", SHARED)
    path = f"{tmp_path / 'plugin'}{os.pathsep}{ROOT}{os.pathsep}{ROOT / 'plugins'}"
    assert "genzoo pull gan-lab-toy" in user.run("--offline", "pull", "gan-lab-toy", code=4, PYTHONPATH=path)
    snapshot = user.run("pull", "gan-lab-toy", PYTHONPATH=path)
    assert [path.name for path in Path(snapshot).iterdir()] == ["model.safetensors"]
    assert user.run("pin", "gan-lab-toy", PYTHONPATH=path) == user.pin
    assert user.pin in user.run("cache", "ls", PYTHONPATH=path)
    assert user.run("cache", "rm", "gan-lab-toy", PYTHONPATH=path).startswith(user.pin)
    user.run("pull", "gan-lab-toy", "--to", "mirror", PYTHONPATH=path)
    copy = Checkpoint.read(tmp_path / "mirror" / "gan-lab-toy")
    assert copy.pin == user.pin


def test_a_mirror_of_everything_serves_a_machine_without_network(
    user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = user.run("--offline", "pull", "--all", "--to", "mirror").splitlines()
    assert printed == [f"mirror/{name}" for name in genzoo.list_models()]
    assert user.hub.requests == []
    monkeypatch.setenv("GENZOO_HUB", str(tmp_path / "mirror"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert {genzoo.load(name).source for name in genzoo.list_models()} == {"directory"}


def test_pull_goes_on_after_what_cannot_be_had(user: User) -> None:
    result = user.genzoo_cli("pull", "hf:me/nothing", NAME, "--to", "here")
    assert result.returncode == 3
    assert result.stdout == f"here/{NAME}\n"
    assert "genzoo: hf:me/nothing: " in result.stderr
    assert "give names, or --all" in user.run("pull", code=2)


def test_the_users_token_opens_a_private_repository(user: User) -> None:
    user.hub.repos["me/toy"].private = True
    assert "hf auth login" in user.run("pull", user.pin, code=3)
    user.run("pull", user.pin, HF_TOKEN=TOKEN)


def test_two_downloads_at_once_are_one(user: User) -> None:
    def slowly(request: Handler) -> bool:
        time.sleep(2)  # all have asked before the first download ends
        return False

    user.hub.meddle = on("GET", slowly, of="model.safetensors")
    processes = [user.start("pull", user.pin) for _ in range(3)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    assert len({out for out, _ in outputs}) == 1
    gets = [request for request in user.hub.requests if request.startswith("GET") and request.endswith("safetensors")]
    assert len(gets) == 1


def test_a_killed_download_leaves_nothing_half(user: User) -> None:
    user.hub.meddle = on("GET", part(silent), of="model.safetensors")
    with user.start("pull", user.pin) as process:
        while not list(user.cache.glob("models--me--toy/blobs/*.incomplete")):
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    assert not list(user.cache.glob("models--me--toy/snapshots/*/model.safetensors"))
    user.hub.meddle = lambda request: False
    user.run("pull", user.pin)


def at_most(size: int) -> Callable[[], None]:
    """Let a process write no file beyond so many bytes: a full disk that holds for root too."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_full_disk_is_named_and_leaves_nothing_half(user: User) -> None:
    with user.start("pull", user.pin, before=at_most(16_000)) as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert f"cannot write to {user.cache}: File too large; make room, or set HF_HOME" in errors.decode()
    assert not list(user.cache.glob("models--me--toy/blobs/*.incomplete"))
    assert not list(user.cache.glob("models--me--toy/snapshots/*/model.safetensors"))


def test_a_cached_checkpoint_works_where_nothing_can_be_written(user: User) -> None:
    user.run("pull", user.pin)
    user.hub.meddle = answer(500)
    with user.start("verify", user.pin, before=at_most(0)) as process:
        output, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, b"")
    assert output.decode().startswith(f"{user.pin}  ok  ")


def test_a_damaged_cache_is_healed_by_pull(user: User) -> None:
    path = Path(user.run("pull", user.pin)) / "model.safetensors"
    good = path.read_bytes()
    path.write_bytes(flip(good))
    assert "genzoo is offline" in user.run("--offline", "pull", user.pin, code=5)
    user.run("pull", user.pin)
    assert path.read_bytes() == good


def test_what_is_in_the_cache_imports_neither_torch_nor_a_network_client(user: User) -> None:
    user.run("pull", user.pin)
    loaded = modules_after(f"from genzoo.cli import run; assert run(['show', {user.pin!r}]) == 0")
    assert "huggingface_hub" in loaded
    assert not loaded & {"torch", "numpy", "httpx2", "rich"}
