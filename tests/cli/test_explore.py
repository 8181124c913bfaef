"""explore and gallery on the command line."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from genzoo.cli import run

Capture = pytest.CaptureFixture[str]
NAME = "gan-dense-toy1d"  # the quickest, and without data


def test_explore_prints_its_address_and_ends_with_one_line(tmp_path: Path) -> None:
    # A shell's background jobs ignore Ctrl-C, and so would what they start.
    listening = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code = f"{listening}from genzoo.cli import main; sys.argv[1:] = ['explore', '{NAME}', '--no-browser']; main()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with urlopen(url, timeout=30) as answer:  # noqa: S310
            assert b"<h1" in answer.read()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert err.split("\n") == ["genzoo: serving the page; Ctrl-C stops", "", "genzoo: stopped", ""]  # behind ^C


def test_gallery_writes_plain_files_that_name_no_other_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["gallery", NAME, "-o", "site"]) == 0
    assert capsys.readouterr().out == "site/index.html\n"
    linked = re.findall(r'(?:src|href)="([^"]*)"', (tmp_path / "site" / "index.html").read_text())
    for link in (link for link in linked if not link.startswith("data:")):
        assert (tmp_path / "site" / link).is_file()
    assert run(["gallery", NAME, "-o", "site"]) == 2
    assert "--force" in capsys.readouterr().err


def test_usage_is_told(capsys: Capture) -> None:
    assert run(["gallery", NAME, "--single", NAME]) == 2
    capsys.readouterr()
    assert run(["explore", "features-lenet-mnist", "--no-browser"]) == 2
    assert capsys.readouterr().err.startswith("genzoo: ")
    assert run(["explore", "vae-cov-mnist"]) == 3
