"""What the documentation is held to while it is built; `make check` builds it."""

from __future__ import annotations

import runpy

import pytest
from mkdocs.exceptions import PluginError

from tests.conftest import ROOT

on_post_page = runpy.run_path(str(ROOT / "docs" / "generate.py"))["on_post_page"]


@pytest.mark.parametrize(
    "loads",
    [
        '<script src="https://cdn.example.org/maths.js"></script>',
        "<link rel='stylesheet' href='//cdn.example.org/a.css'>",
        "<img alt=x src=http://cdn.example.org/a.png>",
    ],
)
def test_a_page_that_loads_something_from_elsewhere_stops_the_build(loads: str) -> None:
    with pytest.raises(PluginError, match=r"//cdn\.example\.org/[a-z]+\.[a-z]+; let it be a file"):
        on_post_page(f"<p>{loads}</p>")


def test_a_page_may_load_its_own_files_and_link_anywhere() -> None:
    page = '<script src="assets/a.js"></script><img src="../a.png"><a href="https://example.org">there</a>'
    assert on_post_page(page) == page
