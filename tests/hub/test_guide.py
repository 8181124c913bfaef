"""The guide to publishing a checkpoint, followed on the loopback hub."""

from __future__ import annotations

import pytest

from tests.test_readme import ON_THE_HUB, Reader, reader

__all__ = ["reader"]

pytest.importorskip("tests.hub.conftest")


def test_the_guide_can_be_followed(
    reader: Reader, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    request.getfixturevalue("hub")
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_loopback_hub")
    reader.read(ON_THE_HUB)
