"""The page's JavaScript, tested by Node's own runner, and what its files promise."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import genzoo.explore
from tests.conftest import ROOT

SUITES = sorted((ROOT / "tests" / "web").glob("*.test.mjs"))
WEB = Path(genzoo.explore.__file__).parent / "web"


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.name)
def test_the_javascript_keeps_its_tests(suite: Path, node: str) -> None:
    result = subprocess.run([node, "--test", str(suite)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_web_part_is_small_and_asks_nothing_of_anyone_else() -> None:
    files = [path for path in WEB.iterdir() if path.suffix in {".html", ".css", ".js"}]
    assert sum(path.stat().st_size for path in files) < 60_000
    for path in files:
        assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+[/\"']", path.read_text()), path.name
