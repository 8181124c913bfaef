"""What README and CONTRIBUTING print is what works: their code blocks are run."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from genzoo.cli import run
from genzoo.training import Recipe
from tests.conftest import ROOT


def blocks(file: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / file).read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", blocks("README.md", "python"))
def test_python_blocks_run(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102  # our own README


@pytest.mark.parametrize("line", [line for block in blocks("README.md", "sh") for line in block.splitlines()])
def test_shell_lines_run(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(line)
    assert program == "genzoo"
    assert run(arguments) == 0


@pytest.mark.parametrize("text", blocks("README.md", "toml"))
def test_recipes_are_recipes(text: str) -> None:
    from genzoo.api.train import Plan

    plan = Plan.of(Recipe.parse(tomllib.loads(text), "README.md"))
    assert plan.losses.keys() == {"model"}


def test_pictures_are_there() -> None:
    for path in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / path).read_bytes().startswith(b"\x89PNG"), path


def test_the_plugin_in_contributing_is_the_example() -> None:
    example = (ROOT / "examples/genzoo-tiny/src/genzoo_tiny/__init__.py").read_text()
    _, block = re.findall(
        r"^   ```python\n(.*?)^   ```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL | re.MULTILINE
    )
    for line in block.splitlines():
        if "roles=" in line or "Field(" in line or "GENZOO_API" in line:
            assert line.strip() in example
