"""What `train` shows while it runs: on a terminal, elsewhere, and where it is to show nothing."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from PIL import Image

import genzoo
from genzoo.api import progress
from genzoo.api.progress import display
from genzoo.training import Progress

Capture = pytest.CaptureFixture[str]
COLUMNS = 80
TERMS = {"discriminator_loss": 1.4, "d_real": 0.5, "d_fake": 0.5, "r1": 0.1, "generator_loss": 0.7}
QUICK = {"training.epochs": 2, "training.batch_size": 4, "model.hidden": [8]}


def reached(step: int, *, left: float = 83.0) -> Progress:
    told = {"epoch": 1 + step // 10, "epochs": 2, "step": step, "steps": 20, "epoch_ended": step % 10 == 0}
    return Progress(terms=TERMS, rate=1234.0, seconds_left=left, **told)  # type: ignore[arg-type]  # of their types


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, use: Callable[[], None]) -> str:
    """What `use` writes to stderr where that is a terminal."""
    ours, theirs = os.openpty()
    written = bytearray()

    def read() -> None:
        with suppress(OSError):  # which is how Linux says that it is closed
            while data := os.read(ours, 4096):
                written.extend(data)

    reader = Thread(target=read)
    reader.start()
    with os.fdopen(theirs, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        patch.setenv("COLUMNS", str(COLUMNS))
        patch.setenv("TERM", "xterm")
        use()
    reader.join()
    os.close(ours)
    return written.decode()


def test_the_bar_shows_the_time_left_whatever_the_terms_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def use() -> None:
        with display(shown=True) as (note, report):
            report(reached(5))
            note("a line [with brackets]")

    written = on_a_terminal(monkeypatch, use)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)
    frames = [frame for frame in re.split(r"[\r\n]+", plain) if frame.startswith("epoch")]
    assert frames
    for frame in frames:
        assert "1:23 left" in frame
        assert "discriminator_loss 1.4" in frame
        assert len(frame) <= COLUMNS  # a line that wraps is not taken back
    assert plain.count("a line [with brackets]") == 1


def test_elsewhere_there_is_a_line_for_each_epoch(capsys: Capture) -> None:
    with display(shown=True) as (note, report):
        note("begins")
        for step in range(1, 21):
            report(reached(step, left=3723))
    first, *lines = capsys.readouterr().err.splitlines()
    assert first == "begins"
    assert len(lines) == 2
    assert all(line.endswith("1,234 images/s  1:02:03 left") for line in lines)


def test_a_long_epoch_has_a_line_each_minute(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    with display(shown=True) as (_, report):
        report(reached(5))
    assert capsys.readouterr().err.startswith("epoch 1/2")


@pytest.mark.parametrize("closed", [True, False])
def test_what_stderr_cannot_take_does_not_stop_a_run(closed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stderr", stream)
    if closed:
        stream.close()
    with display(shown=True) as (note, _):
        note("β-VAE: 1×28×28")
    if not closed:
        assert stream.buffer.getvalue().strip() == "?-VAE: 1×28×28".encode("cp1252")


@pytest.mark.parametrize("rank", ["0", "1"])
def test_of_several_processes_the_main_one_shows_it(
    rank: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with display(shown=True) as (note, _):
        note("begins")
    assert capsys.readouterr().err == ("begins\n" if rank == "0" else "")


def test_training_from_python_shows_how_far_it_is(tmp_path: Path, capsys: Capture) -> None:
    told: list[Any] = []
    for index in range(8):
        Image.new("L", (28, 28), 30 * index).save(tmp_path / f"{index}.png")
    options: dict[str, Any] = {"data": f"folder:{tmp_path}", "overrides": QUICK, "device": "cpu"}
    options |= {"note": told.append, "report": told.append}
    genzoo.train("ae-dense-mnist", output=tmp_path / "shown", **options)
    output = capsys.readouterr()
    assert not output.out
    lines = output.err.splitlines()
    assert " 8 examples of 1×28×28, 4 steps on cpu" in lines[0]
    assert lines[0] == told[0]
    assert [line.split("  ")[0] for line in lines if line.startswith("epoch")] == ["epoch 1/2", "epoch 2/2"]
    assert any(isinstance(one, Progress) for one in told)

    before = len(told)
    genzoo.train("ae-dense-mnist", output=tmp_path / "silent", progress=False, **options)
    assert capsys.readouterr() == ("", "")
    assert len(told) > before
