"""SECURITY.md names tests: they are there."""

from __future__ import annotations

import re

from tests.conftest import ROOT


def test_every_test_that_is_named_is_there() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    named = set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)) | {
        ("", name) for name in re.findall(r"`(test_\w+)`", text)
    }
    code = {path.relative_to(ROOT).as_posix(): path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(named) > 15
    for file, test in named:
        where = code[file] if file else "\n".join(code.values())
        assert not test or f"def {test}(" in where, f"{file}::{test}"
