"""The page's JavaScript, tested by Node's own runner, and what its files promise."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from genzoo.explore.page import WEB
from tests.conftest import ROOT

SUITES = sorted((ROOT / "tests" / "web").glob("*.test.mjs"))


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.name)
def test_the_javascript_keeps_its_tests(suite: Path, node: str) -> None:
    result = subprocess.run([node, "--test", str(suite)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_pages_are_small_and_ask_nothing_of_anyone_else() -> None:
    files = [path for path in sorted(WEB.iterdir()) if path.suffix in {".html", ".css", ".js"}]
    assert files == sorted(WEB.iterdir())
    assert sum(path.stat().st_size for path in files) < 75_000
    for path in files:
        assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+[/\"']", path.read_text()), path.name
