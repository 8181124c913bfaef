"""Text of others: on a terminal it controls, hides and forges nothing; in Markdown it is words. Every command that
prints is held to it, with a record, a plugin and a hub that say the worst they can."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from safetensors.torch import save

import genzoo
from genzoo.cli import run
from genzoo.cli.catalog import print_table
from genzoo.cli.output import echo_path
from genzoo.discovery import Plugin
from genzoo.errors import GenzooWarning, InvalidInput
from genzoo.hub.card import BEGIN, END, card
from genzoo.registry import Registry, registry
from genzoo.spec import Checkpoint, Number
from genzoo.text import code, fenced, markdown, one_line, printable
from tests.conftest import make_distribution
from tests.hub.folders import change, untrained
from tests.hub.server import Hub, front_matter

Capture = pytest.CaptureFixture[str]

HIDDEN = "\u200b\u200d\u2060\ufeff\u00ad\U000e0041\u3164"
TERMINAL = f"\x1b]0;owned\x07\x1b[2J\r\x08\x9b1A\u202egnp.exe\u2066{HIDDEN}\x7f\ud800"
FORGED = "\nFORGED\ngenzoo: FORGED\r\nFORGED\u2028FORGED\x85FORGED"
MARKUP = (
    f"# FORGED\n# FORGED\n<script>x()</script> [a](javascript:x) ![b](http://evil/b.png) <img src=x onerror=x> **b** "
    f"`c` |d| &lt;{BEGIN}\n{END} https://evil.example www.evil.example $$x$$ [link=https://evil]e[/link] [/bold] "
    ":skull:\n---\ntags: FORGED\n---\n```\n~~~\n"
)
IN_A_RECORD = f"{MARKUP}\nFORGED\n\tFORGED\u2028{HIDDEN}"
"""What a record may hold: it is refused for more."""
BAD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]")


def harmless(output: str) -> str:
    """The output of a command, after a look at it."""
    assert not (found := BAD.search(output)), f"{found[0]!r} in {output[:500]!r}"
    assert not [line for line in output.splitlines() if line.startswith(("FORGED", "genzoo: FORGED"))], output[:500]
    return output


@given(st.text(st.characters()))
def test_no_text_controls_a_terminal(text: str) -> None:
    line = one_line(text + TERMINAL + FORGED)
    harmless(line)
    assert "\n" not in line
    assert "\t" not in line
    assert not BAD.search(printable(text + TERMINAL))
    plain = re.sub(r"[^ -~äöü→]", "", text)
    assert one_line(plain) == printable(plain) == plain


@given(st.recursive(st.text() | st.floats(allow_nan=False), lambda inner: st.dictionaries(st.text(), inner)))
def test_json_stays_the_same_json(value: Any) -> None:
    assert json.loads(printable(json.dumps(value, indent=1))) == value


FRAMES: dict[str, Callable[[str], str]] = {
    "in a paragraph": lambda text: f"before {markdown(text)} after",
    "in a cell": lambda text: f"| a | b |\n| --- | --- |\n| before {markdown(text)} | after |",
    "in a code span": lambda text: f"before {code(text)} after",
    "in a code block": lambda text: f"before\n\n{fenced(text, 'toml')}\n\nafter",
}
PIECES = [*"ab #*_`~|<>[]()!&\\-=+.:/$@\"'{}1\n\t", BEGIN, END, "<b>", "---", "```", "http://", "www."]
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@pytest.mark.parametrize("frame", FRAMES)
@given(pieces=st.lists(st.sampled_from(PIECES)))
def test_no_text_is_markup(frame: str, pieces: list[str]) -> None:
    """It is parsed as harmless words in its place are."""
    text = "".join(pieces)
    kinds, found = (kinds_of(FRAMES[frame](words)) for words in ("words", f"w{text}w"))
    assert found == kinds


def kinds_of(text: str) -> list[str]:
    """The tokens of Markdown, without what they say; words in a row are one."""
    kinds: list[str] = []
    for token in PARSER.parse(text):
        for each in token.children or [token]:
            if each.type not in ("text", "text_special", "entity") or kinds[-1:] != ["text"]:
                kinds.append("text" if each.type in ("text_special", "entity") else each.type)
    return kinds


def test_words_are_shown_as_they_are() -> None:
    text = r"a|b <script> *x* _y_ \ `q` & &amp; [z](u) $$m$$ # h 1. https://a"
    assert unescape(re.sub("<[^>]*>", "", PARSER.renderInline(f"w {markdown(text)}"))) == f"w {text}"


def evil_record(**values: Any) -> Checkpoint:
    entry = Number(value=1.0, unit=IN_A_RECORD, tolerance=0.0, protocol={IN_A_RECORD: IN_A_RECORD})
    given: dict[str, Any] = {
        "name": "ae-evil",
        **dict.fromkeys(("family", "architecture", "dataset", "license", "distribution"), IN_A_RECORD),
        "config": {"input_shape": [2], "latent_dim": 1, IN_A_RECORD: IN_A_RECORD},
        "parameters": 1,
        "sha256": "0" * 64,
        "size_bytes": 1,
        "recipe": {IN_A_RECORD: {IN_A_RECORD: [IN_A_RECORD]}},
        "metrics": {"fid": entry, IN_A_RECORD: replace(entry, floor=1.0, detail={IN_A_RECORD: [1.0]})},
        "trained": dict.fromkeys(("genzoo", "torch", "device", "seconds", IN_A_RECORD), IN_A_RECORD),
        "labels": {"0": IN_A_RECORD},
    }
    return Checkpoint(**given | values)


def test_a_card_is_the_same_document_whatever_a_record_says() -> None:
    def written(record: Checkpoint, before: str = "") -> str:
        return card(record, ("sample", "encode"), reference="hf:me/m", preview=True, before=before)

    words = dict.fromkeys(("family", "architecture", "dataset", "license"), "words")
    entry = Number(value=1.0, unit="words", tolerance=0.0, protocol={"split": "words"})
    trained = dict.fromkeys(("genzoo", "torch", "device"), "words")
    tame = evil_record(**words, metrics={"fid": entry, "x": replace(entry, floor=1.0)}, trained=trained)
    evil = written(evil_record())
    body, plain = (text.partition("\n---\n\n")[2] for text in (evil, written(tame)))
    assert body.startswith("# ae-evil\n")
    assert kinds_of(body) == kinds_of(plain)
    harmless(body)
    assert front_matter(evil).keys() == front_matter(written(tame)).keys()
    assert (body.count(BEGIN), body.count(END)) == (1, 1)
    mine = f"## Mine\n\nkept, with {END} in it\n"
    again = written(evil_record(), evil.replace(f"{BEGIN}\n", f"{BEGIN}\n{mine}"))
    for _ in range(3):
        assert f"{BEGIN}\n{mine}{END}\n" in again
        again = written(evil_record(), again)


@pytest.mark.parametrize("marker", [BEGIN, END, f"{BEGIN}\n", f"{END}\n{BEGIN}\n"])
def test_a_card_of_many_markers_takes_no_time(marker: str) -> None:
    before, started = marker * 16_000, time.perf_counter()
    text = card(evil_record(), ("sample",), reference="hf:me/m", preview=False, before=before)
    assert time.perf_counter() - started < 3
    assert len(text) < 3 * len(before)


EVIL_PLUGIN = """
import genzoo
GENZOO_API = 2
@genzoo.hookimpl
def genzoo_records():
    return [genzoo.Command(name="evil", target="nowhere:x", summary={summary!r})]
"""
POINTS = """[genzoo.plugins]
evil\x1b[2J\u202e = genzoo_evil
lost = genzoo_lost\x1b[2J
"""


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a checkpoint of evil words, installed as a plugin's as well."""
    monkeypatch.syspath_prepend(tmp_path)
    make_distribution(tmp_path, "genzoo-evil", EVIL_PLUGIN.format(summary=IN_A_RECORD), version=f"1.0{TERMINAL[:9]}")
    info = next(tmp_path.glob("*.dist-info"))
    info.joinpath("entry_points.txt").write_text(POINTS, encoding="utf-8")
    folder = untrained(tmp_path, 2)
    record = json.loads(evil_record().to_json())
    kept = json.loads((folder / "genzoo.json").read_text())
    for key in ("family", "architecture", "config", "sha256", "size_bytes", "parameters", "name"):
        record[key] = kept[key]
    (folder / "genzoo.json").write_text(json.dumps(record))
    registry.cache_clear()
    yield folder
    registry.cache_clear()


COMMANDS = [
    ["show", "FOLDER"],
    ["show", "FOLDER", "--json"],
    ["compare", "FOLDER", "vae-conv-mnist"],
    ["compare", "FOLDER", "--json"],
    ["evaluate", "FOLDER"],
    ["verify", "FOLDER"],
    ["sample", "FOLDER", "-o", "x.png"],
    ["reconstruct", "FOLDER", "-o", "x.png"],
    ["train", f"nothing{TERMINAL}{FORGED}"],
    ["push", "FOLDER", "me/m", "--dry-run", "--yes"],
    ["plugins"],
    ["plugins", "--json"],
    ["plugins", "check", "genzoo-evil"],
    ["list", "ae-*"],
    ["list", f"{TERMINAL[:-1]}*"],
    ["show", f"x{TERMINAL[:-1]}{FORGED}"],
    ["--help"],
    ["evil"],
    [f"evil{TERMINAL[:-1]}{FORGED}"],
    ["pull", f"a{TERMINAL[:-1]}", f"b{FORGED}"],
]


@pytest.mark.parametrize(
    "arguments", COMMANDS, ids=lambda arguments: " ".join(arguments)[:30].encode("ascii", "replace")
)
def test_no_command_prints_text_of_others_raw(
    arguments: list[str], evil: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    run([str(evil) if word == "FOLDER" else word for word in arguments])
    output = capsys.readouterr()
    assert output.out + output.err
    harmless(output.out)
    assert "fault of genzoo" not in harmless(output.err)


def test_a_table_has_neither_markup_nor_control(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "2000")
    print_table(("a", "b"), [(TERMINAL[:-1], IN_A_RECORD), ("[bold]x[/bold] :skull:", "[/nothing]")], ())
    output = harmless(capsys.readouterr().out)
    assert "[bold]x[/bold] :skull:" in output
    assert "[/nothing]" in output


def test_what_a_hub_says_is_harmless(hub: Hub, tmp_path: Path, capsys: Capture) -> None:
    hub.add("me/evil", {"genzoo.json": json.dumps({"format": f"{TERMINAL}{FORGED}"}).encode()})
    assert run(["pull", "hf:me/evil", "hf:me/other"]) == 5
    assert "hf:me/evil: " in harmless(capsys.readouterr().err)


@pytest.mark.parametrize("name", [f"w{TERMINAL[:-1]}", "w\ngenzoo: FORGED", "w\u202e"])
def test_names_of_tensors_are_harmless(name: str, tmp_path: Path, capsys: Capture) -> None:
    folder = untrained(tmp_path, 2)
    weights = save({name: torch.zeros(1)})
    (folder / "model.safetensors").write_bytes(weights)
    change(folder, sha256=hashlib.sha256(weights).hexdigest(), size_bytes=len(weights))
    assert run(["sample", str(folder), "-o", str(tmp_path / "x.png")]) == 5
    assert "w" in harmless(capsys.readouterr().err)


def test_a_picture_with_an_evil_name_is_named_harmlessly(tmp_path: Path, capsys: Capture) -> None:
    picture = tmp_path / f"{TERMINAL[3:-1].replace('/', '')}{FORGED}.png"
    picture.write_bytes(b"no picture")
    assert run(["reconstruct", "ae-dense-mnist", str(picture), "-o", str(tmp_path / "x.png")]) == 2
    harmless(capsys.readouterr().err)


def test_errors_and_warnings_are_harmless_as_strings() -> None:
    error = InvalidInput(f"a{TERMINAL}\nb")
    assert not BAD.search(str(error))
    assert error.message == f"a{TERMINAL}\nb"
    with pytest.warns(GenzooWarning) as told:
        warnings.warn(f"a{TERMINAL}{FORGED}", GenzooWarning, stacklevel=1)
    harmless(str(told[0].message))
    assert "\n" not in str(told[0].message)


def test_a_notebook_shows_words(evil: Path) -> None:
    html = genzoo.show(evil)._repr_html_()
    assert "<script" not in html
    harmless(html)


def test_a_path_is_exact_when_piped_and_harmless_on_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"a\x1b[2J\xff\nb")
    main, follower = pty.openpty()
    if child := os.fork():
        os.close(follower)
        shown = os.read(main, 4096).decode()
        assert os.waitpid(child, 0)[1] == 0
        assert not BAD.search(shown.replace("\r\n", ""))
        assert shown.count("\n") == 1
    else:
        with open(follower, "w", encoding="utf-8") as sys.stdout:
            echo_path(path)
        os._exit(0)


def test_a_piped_path_can_be_opened(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / os.fsdecode(b"a\x1b[2J\xff\nb")
    echo_path(path)
    assert capfdbinary.readouterr().out == os.fsencode(path) + b"\n"


def test_an_evil_checkpoint_of_a_plugin_is_listed_harmlessly(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Registry([Plugin(name="evil", distribution="genzoo-evil", version="1", records=[evil_record()])])
    monkeypatch.setattr("genzoo.catalog.registry", lambda: found)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert run(["list"]) == 0
    assert "ae-evil" in harmless(re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out))  # rich's own
    assert run(["show", "ae-evil"]) == 0
    harmless(capsys.readouterr().out)
