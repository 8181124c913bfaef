"""Fixtures: a hub on the loopback, for this process and for those it starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.server import Hub, serve


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A fresh hub, which is *the* hub; with an empty cache, and nobody logged in."""
    from huggingface_hub import constants

    home = tmp_path / "hf-home"
    with serve() as running:
        for key, value in {"HF_ENDPOINT": running.endpoint, "HF_HOME": str(home)}.items():
            monkeypatch.setenv(key, value)  # of the processes it starts: this one has read them
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr(constants, "ENDPOINT", running.endpoint)
        url = f"{running.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # which it does not speak
        yield running
