"""What README, CONTRIBUTING and the guides print is what works: a page is followed from top to bottom.

A block with a title is a file, and is written. Others are done: Python is run, recipes are planned, and each line of
the shell is what it says, in an empty folder, beside nothing but what the page has installed.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from genzoo.cli import run
from genzoo.registry import registry
from genzoo.training import Recipe
from tests.conftest import ROOT, pip_install

GUIDES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
ON_THE_HUB = "docs/publish-a-checkpoint.md"  # tests/hub has the hub for it
FENCE = re.compile(r"^( *)```(\w*)(?: title=\"([^\"]+)\")?\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
KNOWN = {"python", "sh", "toml", "text"}  # text is no code


class Block(NamedTuple):
    """A block of code: its language, the file it is where it has a title, and its text."""

    language: str
    file: str
    text: str


def blocks(page: str) -> list[Block]:
    return [Block(*groups[1:]) for groups in FENCE.findall((ROOT / page).read_text())]


class Reader:
    """Someone who does what a page says, in `folder`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch, self.names = folder, monkeypatch, dict[str, Any]()
        self.installed = 0
        monkeypatch.chdir(folder)

    def read(self, page: str) -> None:
        for block in blocks(page):
            self.follow(block)

    def follow(self, block: Block) -> None:
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.text)
        elif block.language == "python":
            exec(compile(block.text, "a page", "exec"), self.names)  # noqa: S102  # our own pages
        elif block.language == "toml":
            self.plan(block.text)
        elif block.language == "sh":
            for line in block.text.splitlines():
                self.type(shlex.split(line, comments=True))

    def plan(self, text: str) -> None:
        from genzoo.api.plan import Plan

        assert Plan.of(Recipe.parse(tomllib.loads(text), "a page")).losses

    def type(self, words: list[str]) -> None:
        match words:
            case ["genzoo", *arguments]:
                assert run(arguments) == 0, words
            case ["cd", folder]:
                self.monkeypatch.chdir(folder)
            case ["export", setting]:
                self.monkeypatch.setenv(*setting.split("="))
            case ["pip", "install", *options, project] if options in ([], ["-e"]):
                self.install(Path(project.removesuffix("[test]")))
            case ["pip", "wheel", *arguments]:  # from the build backend that is here
                self.tool("pip", "wheel", "--no-build-isolation", *arguments)
            case ["pytest", *arguments]:
                self.tool("pytest", *arguments)
            case ["mkdir" | "cp" | "rm", *_]:
                subprocess.run(words, check=True)
            case _:
                pytest.fail(f"a page says {words}, which nobody has learnt to follow here")

    def tool(self, *module: str) -> None:
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-m", *module], check=True, env=env)

    def install(self, project: Path = Path()) -> None:
        """As pip does, but into a folder of its own each time, and without what is there already."""
        self.installed += 1
        site = self.folder / f"site-{self.installed}"
        pip_install(site, project.resolve())
        self.monkeypatch.syspath_prepend(site)
        forget()


def forget() -> None:
    """The registry, and the modules of plugins that a page has installed."""
    registry.cache_clear()
    for name, module in list(sys.modules.items()):
        if re.search(r"site-\d+/", str(getattr(module, "__file__", ""))):
            del sys.modules[name]


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    with monkeypatch.context() as patch:
        yield Reader(tmp_path, patch)
    forget()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *(page for page in GUIDES if page != ON_THE_HUB)])
def test_a_page_can_be_followed(page: str, reader: Reader) -> None:
    reader.read(page)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", *GUIDES])
def test_nothing_is_printed_that_is_not_run(page: str) -> None:
    assert {block.language for block in blocks(page)} <= KNOWN


def test_pictures_are_there() -> None:
    for page in ("README.md", *GUIDES):
        for path in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / page).read_text()):
            assert (ROOT / page).parent.joinpath(path).read_bytes().startswith(b"\x89PNG"), path
