"""`plugins check` of wheels made to do harm: each is refused before its code runs, or ended in time. Real zips, and
real processes where the code of a wheel runs."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import genzoo
from genzoo.cli import plugins, run, wheels
from tests.conftest import make_distribution

Capture = pytest.CaptureFixture[str]

PLUGIN = """
import genzoo
GENZOO_API = 2
@genzoo.hookimpl
def genzoo_records():
    return []
"""
LICENSED = "License: MIT\n"
INFO = "genzoo_wheeled-1.0.dist-info"


def wheel_of(tmp_path: Path, files: dict[str, str | bytes], code: str = PLUGIN, name: str = "a.whl") -> Path:
    """A wheel of a plugin that is sound, with these files beside, or in the place of, its own."""
    inside = tmp_path / "inside"
    inside.mkdir()
    make_distribution(inside, "genzoo-wheeled", code, metadata=LICENSED)
    whole = {str(path.relative_to(inside)): path.read_bytes() for path in inside.rglob("*") if path.is_file()}
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for place, data in {**whole, **files}.items():
            wheel.writestr(place, data)
    return path


RAN = "import pathlib; pathlib.Path({!r}).touch()\n"


def named(name: str) -> dict[str, str | bytes]:
    return {f"{INFO}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{LICENSED}"}


REFUSED: dict[str, tuple[Callable[[str], dict[str, str | bytes]], str]] = {
    "its own path": (named, "is no distribution's name"),
    "its own file": (lambda _: named("a.whl"), "is no distribution's name"),
    "an option": (lambda _: named("--help"), "is no distribution's name"),
    "a terminal": (lambda _: named("a\x1b[2J"), "is no distribution's name"),
    "genzoo": (lambda _: named("GenZoo"), "calls itself GenZoo, which is genzoo's own name"),
    "not UTF-8": (lambda _: {f"{INFO}/METADATA": b"Name: \xff\n"}, "its metadata cannot be read"),
    "entry points": (lambda _: {f"{INFO}/entry_points.txt": b"\xff"}, "its metadata cannot be read"),
    "no module": (lambda _: {f"{INFO}/entry_points.txt": "[genzoo.plugins]\na = ...:x\n"}, "which is no module"),
    "no value": (lambda _: {f"{INFO}/entry_points.txt": "[genzoo.plugins]\na =\n"}, "which is no module"),
    "sitecustomize": (lambda ran: {"sitecustomize.py": RAN.format(ran)}, "'sitecustomize.py', which runs whenever"),
    "a package": (lambda ran: {"usercustomize/__init__.py": RAN.format(ran)}, "'usercustomize', which runs whenever"),
    "a path file": (lambda ran: {"x.pth": RAN.format(ran)}, "'x.pth', which runs whenever Python starts"),
    "beside": (lambda ran: {"a-1.data/purelib/x.pth": RAN.format(ran)}, "'x.pth', which runs whenever Python starts"),
    "genzoo's code": (lambda ran: {"genzoo/__init__.py": RAN.format(ran)}, "'genzoo', which is a module of genzoo"),
    "a plugin": (lambda ran: {"genzoo_conv.py": RAN.format(ran)}, "'genzoo_conv.py', which is a module of genzoo"),
    "Python's code": (lambda ran: {"json/__init__.py": RAN.format(ran)}, "'json', which is a module of Python"),
    "click's code": (lambda ran: {"click.py": RAN.format(ran)}, "'click.py', which is a module of click"),
    "outside": (lambda ran: {f"../{Path(ran).name}": ""}, "which would lie outside"),
    "root": (lambda ran: {ran: ""}, "which would lie outside"),
    "drive": (lambda _: {"C:\\x": ""}, "which would lie outside"),
    "many": (lambda _: {f"x/{number}": "" for number in range(50)}, "files, more than the 50 allowed"),
    "bytes": (
        lambda _: {f"x/{number}": bytes(1 << 24) for number in range(2)},
        "bytes, more than the 33,000,000 allowed",
    ),
    "metadata": (lambda _: {f"{INFO}/METADATA": bytes(5 << 20)}, "5,242,880 bytes in"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_wheel_is_refused_before_its_code_runs(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wheels, "MAX_FILES", 50)
    monkeypatch.setattr(wheels, "MAX_BYTES", 33_000_000)
    ran = tmp_path / "ran"
    made, message = REFUSED[what]
    wheel = wheel_of(tmp_path, made(str(tmp_path / "a.whl") if what == "its own path" else str(ran)))
    monkeypatch.chdir(tmp_path)
    started = time.perf_counter()
    assert run(["plugins", "check", str(wheel)]) == 2
    assert message in capfd.readouterr().err
    assert time.perf_counter() - started < 20
    assert not ran.exists()


def test_a_list_of_files_that_claims_to_be_long_is_not_read(tmp_path: Path, capsys: Capture) -> None:
    wheel = wheel_of(tmp_path, {})
    data = bytearray(wheel.read_bytes())
    at = data.rindex(b"PK\x05\x06")
    struct.pack_into("<I", data, at + 12, 1 << 30)
    with wheel.open("wb") as file:
        file.seek(1 << 30)  # a file with a hole, which takes no place
        file.write(data)
    assert run(["plugins", "check", str(wheel)]) == 2
    assert "its list of files has 1,073,741,824 bytes" in capsys.readouterr().err


def test_a_file_that_unpacks_to_more_than_it_says_is_not_unpacked(tmp_path: Path, capsys: Capture) -> None:
    """The list of files says one byte of ten million."""
    wheel = wheel_of(tmp_path, {"genzoo_wheeled_data/bomb": bytes(10_000_000)})
    data = bytearray(wheel.read_bytes())
    at = data.rindex(b"genzoo_wheeled_data/bomb") - 46
    struct.pack_into("<I", data, at + 24, 1)
    wheel.write_bytes(data)
    assert run(["plugins", "check", str(wheel)]) == 2
    assert "is no wheel" in capsys.readouterr().err


def test_what_is_no_file_is_not_waited_for(tmp_path: Path, capsys: Capture) -> None:
    os.mkfifo(fifo := tmp_path / "fifo.whl")
    (folder := tmp_path / "folder.whl").mkdir()
    for path in (fifo, folder):
        assert run(["plugins", "check", str(path)]) == 2
        assert "is not a regular file" in capsys.readouterr().err


def test_a_sound_wheel_is_checked_alone_and_says_that_its_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither the folder one is in nor a variable adds code to the check; the check of a check starts nothing else."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text("print('HOOK')")
    (hooks / "json.py").write_text("print('HOOK')")
    monkeypatch.setenv("PYTHONPATH", str(hooks))
    monkeypatch.chdir(hooks)
    wheel = wheel_of(tmp_path, {"genzoo_wheeled_extra.py": "x = 1"}, f"import genzoo_wheeled_extra, sys{PLUGIN}")
    assert run(["plugins", "check", str(wheel)]) == 0
    output = capfd.readouterr()
    assert output.err == f"genzoo: this runs the code of {wheel}, as installing and importing it would\n"
    assert output.out == "genzoo-wheeled: 5 of 5 checks hold\n"


LINGERING = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({place!r}, "w").write(str(child.pid))
"""


@pytest.mark.parametrize("ending", ["time.sleep(600)", "os._exit(0)"])
def test_a_check_ends_in_time_with_all_that_it_started(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(plugins, "CHECK_SECONDS", 5)
    place = tmp_path / "pid"
    wheel = wheel_of(tmp_path, {}, f"{LINGERING.format(place=str(place))}\n{ending}\n{PLUGIN}")
    started = time.perf_counter()
    assert run(["plugins", "check", str(wheel)]) == 1
    assert time.perf_counter() - started < 30
    told = "the check took longer than 5 seconds" if "sleep" in ending else "ends the process: exit code 0"
    assert told in capsys.readouterr().err
    assert place.exists(), "slow machine: the code was not reached"
    assert gone(int(place.read_text()))


def gone(process: int) -> bool:
    """Whether a process ends within a second."""
    for _ in range(100):
        status = Path(f"/proc/{process}/stat")
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False


def test_ctrl_c_ends_the_check_and_what_it_started(tmp_path: Path) -> None:
    place = tmp_path / "pid"
    wheel = wheel_of(tmp_path, {}, f"{LINGERING.format(place=str(place))}\ntime.sleep(600)\n{PLUGIN}")
    command = [sys.executable, "-m", "genzoo", "plugins", "check", str(wheel)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(genzoo.__file__).parent.parent) as check:
        deadline = time.monotonic() + 60
        while not (place.exists() and place.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        check.send_signal(signal.SIGINT)
        assert check.wait(20) == 130
    assert gone(int(place.read_text()))
