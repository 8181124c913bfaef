"""Fixtures: a hub on the loopback, for this process and for those it starts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hub.server import Hub, serve


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A fresh hub; huggingface_hub uploads to it without Xet, which it does not speak."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with serve() as running:
        yield running
