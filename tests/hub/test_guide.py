"""Publishing, as the guide says it and as a plugin does it, on the loopback hub."""

from __future__ import annotations

import shutil

import pytest
import torch

import genzoo
from genzoo.cli import run
from tests.conftest import ROOT
from tests.hub.server import TOKEN, Hub
from tests.test_readme import ON_THE_HUB, Reader, reader

__all__ = ["reader"]

NAME = "flow-coupling-toy2d-ring"
QUICK = {"training.epochs": 1, "training.batch_size": 1000}


@pytest.fixture(autouse=True)
def logged_in(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.users[TOKEN] = ("your-name",)
    monkeypatch.setenv("HF_TOKEN", TOKEN)


def test_the_guide_can_be_followed(reader: Reader) -> None:
    reader.read(ON_THE_HUB)


def test_a_plugin_ships_a_record_and_its_weights_come_from_the_hub(
    hub: Hub, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A family that core does not know: trained, pushed, pinned in its plugin, and loaded by its short name."""
    project = shutil.copytree(ROOT / "examples" / "genzoo-flow", reader.folder / "genzoo-flow")
    monkeypatch.chdir(project)
    reader.install()
    trained = genzoo.train(NAME, overrides=QUICK, output="run")
    assert run(["push", "./run", f"your-name/{NAME}", "--yes"]) == 0
    assert run(["pull", f"hf:your-name/{NAME}", "--to", "src/genzoo_flow/weights"]) == 0
    (project / "src/genzoo_flow/weights" / NAME / "model.safetensors").unlink()
    reader.install()
    shutil.rmtree(reader.folder / "hf-home")
    fetched, asked = genzoo.load(NAME), len(hub.requests)
    again = genzoo.load(NAME)
    assert (fetched.source, again.source) == ("hub", "cache")
    assert len(hub.requests) == asked, "what is pinned and cached asks for nothing"
    x = trained.sample(4, seed=0)
    for model in (fetched, again):
        assert torch.equal(model.log_prob(x), trained.log_prob(x))
