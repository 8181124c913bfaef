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


def test_each_page_is_small_and_asks_nothing_of_anyone_else() -> None:
    files = [path for path in WEB.iterdir() if path.suffix in {".html", ".css", ".js"}]
    sizes = {path.name: path.stat().st_size for path in files}
    gan1d, index = (sum(sizes[name] for name in sizes if name.startswith(page)) for page in ("gan1d", "index"))
    assert sum(sizes.values()) - gan1d - index < 60_000  # the page of a model, with its engine
    assert gan1d + sizes["style.css"] < 30_000
    for path in files:
        assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+[/\"']", path.read_text()), path.name
