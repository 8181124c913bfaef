"""Publishing, as the guide says it and as a plugin does it, on the loopback hub."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

import genzoo
from genzoo.errors import DamagedFile
from tests.conftest import ROOT
from tests.hub.faults import flip
from tests.hub.server import TOKEN, Hub, Repo
from tests.test_readme import ON_THE_HUB, Reader, blocks, reader

__all__ = ["reader"]

NAME = "coupling-spline-toy2d-ring"
COUPLING = Path("examples") / "genzoo-coupling"


@pytest.fixture(autouse=True)
def logged_in(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.users[TOKEN] = ("your-name",)
    monkeypatch.setenv("HF_TOKEN", TOKEN)


def test_the_guide_can_be_followed(reader: Reader) -> None:
    reader.read_page(ON_THE_HUB)


@pytest.fixture
def coupling(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a plugin that ships a record alone, of a family that core does not know; installed."""
    project = shutil.copytree(ROOT / COUPLING, reader.folder / COUPLING.name)
    monkeypatch.chdir(project)
    reader.install()
    return project


def commit_of(folder: Path) -> str:
    """The commit of a git repository of the files in a folder, made by no person and at no time."""
    who = {"NAME": "genzoo", "EMAIL": "", "DATE": "1970-01-01T00:00:00Z"}
    env = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    env |= {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    for arguments in (["init"], ["add", "."], ["commit", "-m", folder.name], ["rev-parse", "HEAD"]):
        done = subprocess.run(["git", *arguments], cwd=folder, env=env, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_weights_of_a_plugin_come_from_the_commit_of_its_record(coupling: Path, hub: Hub) -> None:
    record, repository = genzoo.show(NAME), coupling / "hub" / NAME
    assert not record.weights.exists()
    assert commit_of(repository) == record.commit
    files = {path.name: path.read_bytes() for path in repository.iterdir() if path.is_file()}
    later = files | {"model.safetensors": flip(files["model.safetensors"])}
    hub.repos[record.repo] = published = Repo(private=False, commits={record.commit: files})
    published.commit(later)
    fetched, asked = genzoo.load(NAME), len(hub.requests)
    again = genzoo.load(NAME)
    assert (fetched.source, again.source) == ("hub", "cache")
    assert len(hub.requests) == asked, "what is pinned and cached asks for nothing"
    x = fetched.sample(4, seed=0)
    assert torch.equal(fetched.log_prob(x), again.log_prob(x))
    shutil.rmtree(coupling.parent / "hf-home")
    published.commits[record.commit] = later
    with pytest.raises(DamagedFile, match="is not what its record says"):
        genzoo.load(NAME)


def test_the_record_of_a_plugin_follows_its_weights_to_another_hub(coupling: Path, hub: Hub, reader: Reader) -> None:
    (publishing,) = (block for block in blocks(str(COUPLING / "README.md")) if "genzoo push" in block.text)
    reader.follow(publishing._replace(language="sh"))
    shutil.rmtree(coupling.parent / "hf-home")
    reader.install()
    model = genzoo.load(NAME)
    assert (model.source, model.commit) == ("hub", hub.repos[f"your-name/{NAME}"].refs["main"])
