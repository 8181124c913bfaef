"""What SECURITY.md promises of a load, watched from outside: audit events and memory, in a process of its own."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import genzoo
from genzoo.hub.files import encode_weights
from tests.hub.folders import change, untrained, write_checkpoint

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
MB = 1 << 20
GB = 1 << 30
LOAD = """
import json, os, resource, sys
import genzoo
from genzoo.errors import GenzooError

def load(folder):
    try:
        genzoo.load(folder, device="cpu")
    except (GenzooError, MemoryError) as error:
        return type(error).__name__
    return "loaded"

load(sys.argv[1])  # what any load imports and allocates is there from now on
"""
AUDIT = """
QUIET = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
WATCHED = ("compile", "ctypes", "exec", "import", "marshal", "os", "pickle", "pty", "shutil", "socket", "subprocess")
seen = []

def hook(event, arguments):
    if event == "open" and not isinstance(arguments[0], int):  # a descriptor is open already
        seen.append(["write" if arguments[2] & ~QUIET else "read", os.path.basename(arguments[0])])
    elif event.partition(".")[0] in WATCHED:
        seen.append([event, repr(arguments)])

def spy(folder):
    open(os.devnull, "w").close(), exec("1"), __import__("colorsys")

sys.addaudithook(hook)
found = {}
for folder in sys.argv[2:]:
    seen.clear()
    outcome = spy(folder) if folder == "spy" else load(folder)
    found[os.path.basename(folder)] = {"outcome": outcome, "seen": [*seen]}
print(json.dumps(found))
"""
MEMORY = """
def status(key):
    return int(next(line for line in open("/proc/self/status") if line.startswith(key)).split()[1]) << 10

found = {}
for room, folder in zip(map(int, sys.argv[2::2]), sys.argv[3::2]):
    before = status("VmHWM")
    resource.setrlimit(resource.RLIMIT_DATA, (status("VmData") + room, resource.RLIM_INFINITY))
    outcome = load(folder)
    found[os.path.basename(folder)] = {"outcome": outcome, "grown": status("VmHWM") - before}
print(json.dumps(found))
"""


def watch(code: str, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-c", LOAD + code, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


NAMED = "antigravity"  # a module that nobody imports by chance
UNREAD = {
    "recipe": {"objective": {"name": f"{NAMED}:fly"}, "data": {"name": f"{NAMED}.py"}},
    "trained": {"device": f"__import__('{NAMED}')", "torch": f"!!python/name:{NAMED}"},
    "metrics": {f"../{NAMED}": {"value": 1.0, "unit": NAMED, "tolerance": 0.0, "protocol": {"data": f"file:{NAMED}"}}},
    "license": f"file:///{NAMED}",
    "dataset": f"{NAMED}:fly",
    "distribution": NAMED,
}
HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "unread": (UNREAD, "loaded"),
    "family": ({"family": f"{NAMED}:fly"}, "NotFound"),
    "architecture": ({"architecture": f"{NAMED}.fly"}, "NotFound"),
    "config": ({"config": {"input_shape": [1, 4, 4], "latent_dim": 2, "activation": f"{NAMED}:fly"}}, "InvalidInput"),
    "key": ({"auto_map": f"{NAMED}.fly"}, "MalformedWeights"),
    "name": ({"name": f"../{NAMED}"}, "MalformedWeights"),
    "tensor": ({}, "StateMismatch"),
}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process did while it loaded each of HOSTILE, and what its hook sees of a spy."""
    root = tmp_path_factory.mktemp("audited")
    folders = [untrained(root / key, 8) for key in ("sound", *HOSTILE)]
    for folder in folders[1:]:
        change(folder, **HOSTILE[folder.name][0])
    model = genzoo.load(root / "sound", device="cpu")
    write_checkpoint(root / "tensor", encode_weights({f"../{NAMED}:fly": torch.zeros(1)}), model)
    before = sorted(root.rglob("*"))
    found = watch(AUDIT, *folders, "spy")
    assert sorted(root.rglob("*")) == before
    return found


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_load_runs_imports_and_writes_nothing(audited: dict[str, Any], kind: str) -> None:
    assert audited[kind]["outcome"] == HOSTILE[kind][1]
    assert {event for event, _ in audited[kind]["seen"]} == {"read"}
    assert {what for _, what in audited[kind]["seen"]} <= {"genzoo.json", "model.safetensors"}


def test_the_audit_sees_what_a_load_must_not_do(audited: dict[str, Any]) -> None:
    assert {"write", "compile", "exec", "import"} <= {event for event, _ in audited["spy"]["seen"]}


def sparse(folder: Path) -> None:
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(4 * GB)


def sparse_and_recorded(folder: Path) -> None:
    sparse(folder)
    change(folder, size_bytes=4 * GB)


def lie(folder: Path, length: int, header: bytes) -> None:
    """Weights with this header, and a record made for them."""
    data = (struct.pack("<Q", length) + header).ljust(200)
    (folder / "model.safetensors").write_bytes(data)
    change(folder, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def large_tensor(folder: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [GB], "data_offsets": [0, 4 * GB]}}).encode()
    lie(folder, len(header), header)


def large_header(folder: Path) -> None:
    lie(folder, 1 << 61, b"{}")


def large_record(folder: Path) -> None:
    with (folder / "genzoo.json").open("r+b") as file:
        file.truncate(4 * GB)


def large_architecture(folder: Path) -> None:
    config = json.loads((folder / "genzoo.json").read_text())["config"]
    change(folder, config=config | {"hidden": [16384, 16384]})


LARGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "sparse": (sparse, "DamagedFile"),
    "sparse-and-recorded": (sparse_and_recorded, "StateMismatch"),
    "tensor": (large_tensor, "MalformedWeights"),
    "header": (large_header, "MalformedWeights"),
    "record": (large_record, "MalformedWeights"),
    "architecture": (large_architecture, "StateMismatch"),
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Outcome and memory of loading each of LARGE with 32 MB to spare, and then a sound file of 35 MB: "size"."""
    root = tmp_path_factory.mktemp("measured")
    sound, whole = untrained(root / "sound", 8), untrained(root / "whole", 2048, 2048)
    rooms: list[object] = []
    for kind, (enlarge, _) in LARGE.items():
        enlarge(untrained(root / kind, 8))
        rooms += [32 * MB, root / kind]
    size = (whole / "model.safetensors").stat().st_size
    return {**watch(MEMORY, sound, *rooms, 2 * size + 32 * MB, whole), "size": size}


@on_linux
@pytest.mark.parametrize("kind", LARGE)
def test_what_is_too_large_is_refused_before_it_is_read(measured: dict[str, Any], kind: str) -> None:
    assert measured[kind]["outcome"] == LARGE[kind][1]
    assert measured[kind]["grown"] <= 8 * MB


@on_linux
def test_a_load_allocates_its_file_and_its_architecture(measured: dict[str, Any]) -> None:
    assert measured["whole"]["outcome"] == "loaded"
    assert measured["whole"]["grown"] <= 2 * measured["size"] + 8 * MB  # the file, and as much in tensors
