"""The guide to publishing a checkpoint, followed on the loopback hub."""

from __future__ import annotations

import pytest

from tests.test_readme import ON_THE_HUB, Reader, reader

__all__ = ["reader"]

server = pytest.importorskip("tests.hub.server")


def test_the_guide_can_be_followed(
    reader: Reader, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = request.getfixturevalue("hub")
    hub.users[server.TOKEN] = ("your-name",)
    monkeypatch.setenv("HF_TOKEN", server.TOKEN)
    reader.read(ON_THE_HUB)
