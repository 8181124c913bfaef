"""What README, CONTRIBUTING and the guides print is what works: a page is followed from top to bottom.

A block with a title is a file, and is written. Others are done: Python is run, recipes are planned, and each line of
the shell is what it says, in an empty folder, beside nothing but what the page has installed. README's section Train
is followed with the first pictures of MNIST, for one epoch each.
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
from PIL import Image

import genzoo
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
    return blocks_of((ROOT / page).read_text())


def blocks_of(text: str) -> list[Block]:
    return [Block(*groups[1:]) for groups in FENCE.findall(text)]


def split_readme() -> tuple[str, str]:
    """README's section on training, which needs data, and the rest."""
    before, title, after = (ROOT / "README.md").read_text().partition("\n## Train\n")
    training, end, rest = after.partition("\n## ")
    assert title
    assert end
    return training, before + end + rest


class Reader:
    """Someone who does what a page says, in `folder`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch, self.names = folder, monkeypatch, dict[str, Any]()
        self.installed = 0
        monkeypatch.chdir(folder)

    def read_page(self, page: str) -> None:
        self.read((ROOT / page).read_text())

    def read(self, text: str) -> None:
        found = blocks_of(text)
        assert found, "there is nothing to follow"
        for block in found:
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
            case ["torchrun", *arguments]:
                self.tool("torch.distributed.run", *arguments)
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


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", *(page for page in GUIDES if page != ON_THE_HUB)])
def test_a_page_can_be_followed(page: str, reader: Reader) -> None:
    reader.read_page(page)


def test_readme_can_be_followed(reader: Reader) -> None:
    reader.read(split_readme()[1])


PARTS = re.split(r"^### ", split_readme()[0], flags=re.MULTILINE)


@pytest.mark.parametrize("part", range(len(PARTS)), ids=[part.partition("\n")[0] or "Train" for part in PARTS])
def test_readme_trains_with_data_to_the_end(
    part: int, reader: Reader, data_root: Path, few_digits: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each part alone, with the recipe of the first; what is published of it is shown."""
    monkeypatch.setenv("GENZOO_DATA", str(few_digits))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in ("faces", "other"):
        pictures(data_root, tmp_path / name, count=64)
    (recipe,) = (block for block in blocks_of(PARTS[0]) if block.file == "my.toml")
    reader.follow(shortened(recipe))
    assert [block.language for block in blocks_of(PARTS[part]) if block.language not in ("sh", "toml")] == []
    for block in blocks_of(PARTS[part]):
        reader.follow(shortened(block))
    for run_folder in Path("runs").iterdir():
        assert genzoo.show(run_folder).metrics
    if part == 0:
        (push,) = (
            line for line in split_readme()[1].splitlines() if line.startswith("genzoo push") and "--dry" in line
        )
        reader.type(shlex.split(push, comments=True))


def shortened(block: Block) -> Block:
    """One epoch or step, whatever the recipe or the command says: of a command that trains like another too."""
    text = re.sub(r"\b(epochs|steps)( ?= ?)\d+", r"\g<1>\g<2>1", block.text)
    text = re.sub(r"--minutes \d+", "--minutes 0.001", text)
    text = re.sub(r"^genzoo train --like .*$", r"\g<0> --set training.epochs=1", text, flags=re.MULTILINE)
    return block._replace(text=text)


def pictures(root: Path, folder: Path, *, count: int) -> None:
    """The first digits of MNIST as pictures in colour."""
    folder.mkdir()
    with (root / "MNIST" / "raw" / "train-images-idx3-ubyte").open("rb") as file:
        file.seek(16)
        for index in range(count):
            digit = Image.frombytes("L", (28, 28), file.read(784))
            Image.merge("RGB", (digit, digit.rotate(90), digit.rotate(180))).save(folder / f"{index:02}.png")


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", *GUIDES])
def test_nothing_is_printed_that_is_not_run(page: str) -> None:
    assert {block.language for block in blocks(page)} <= KNOWN


def test_pictures_are_there() -> None:
    for page in ("README.md", *GUIDES):
        for path in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / page).read_text()):
            assert (ROOT / page).parent.joinpath(path).read_bytes().startswith(b"\x89PNG"), path
