"""Where a name's weights are looked for, and that what is found first is the recorded file or an error."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import genzoo
from genzoo.catalog import find_checkpoint
from genzoo.errors import DamagedFile, GenzooWarning, InvalidInput, NotFound, OutputExists
from genzoo.hub.pull import pull
from tests.hub.faults import flip

NAME = "gan-dense-toy1d"


@pytest.fixture(autouse=True)
def no_directories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENZOO_HUB", raising=False)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The second directory of $GENZOO_HUB, with NAME."""
    (tmp_path / "empty").mkdir()
    pull(find_checkpoint(NAME), tmp_path / "mirror" / NAME)
    monkeypatch.setenv("GENZOO_HUB", os.pathsep.join(map(str, [tmp_path / "empty", tmp_path / "mirror"])))
    return tmp_path / "mirror"


def test_each_source_says_so(mirror: Path) -> None:
    model = genzoo.load(NAME, device="cpu")
    assert (model.source, model.commit, model.sha256) == ("directory", "", genzoo.show(NAME).sha256)
    assert model.checkpoint is not None
    assert model.checkpoint.folder == mirror / NAME
    assert genzoo.load(mirror / NAME, device="cpu").source == "folder"
    shutil.rmtree(mirror / NAME)
    assert genzoo.load(NAME, device="cpu").source == "bundled"
    assert genzoo.create("vae-dense", input_shape=(2,), latent_dim=1).source == ""


def test_a_copy_that_is_not_the_recorded_one_is_an_error_and_no_fallback(mirror: Path) -> None:
    weights = mirror / NAME / "model.safetensors"
    weights.write_bytes(flip(weights.read_bytes()))
    with pytest.raises(DamagedFile, match=f"try: genzoo pull {NAME} --to {mirror}"):
        genzoo.load(NAME)
    shutil.rmtree(mirror / NAME)
    shutil.copytree(genzoo.show("ae-dense-mnist").folder, mirror / NAME)  # sound, and another
    with pytest.raises(DamagedFile, match="its record says"):
        genzoo.load(NAME)
    weights.unlink()
    with pytest.raises(NotFound, match=f"does not exist; try: genzoo pull {NAME} --to {mirror}"):
        genzoo.load(NAME)


def test_a_directory_that_is_not_there_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENZOO_HUB", f"{tmp_path / 'gone'}{os.pathsep}")
    with pytest.warns(GenzooWarning, match="GENZOO_HUB names .*gone, which is no folder"):
        assert genzoo.load(NAME, device="cpu").source == "bundled"
    assert genzoo.load(NAME, device="cpu").source == "bundled"
    monkeypatch.setenv("GENZOO_HUB", "~nobody-here/hub")
    with pytest.raises(InvalidInput, match="is no path"):
        genzoo.load(NAME)


def test_what_is_pulled_is_a_checkpoint_folder_like_the_first(mirror: Path) -> None:
    assert genzoo.show(mirror / NAME) == replace(genzoo.show(NAME), folder=mirror / NAME)
    for file in ("model.safetensors", "genzoo.json"):
        assert (mirror / NAME / file).read_bytes() == (genzoo.show(NAME).folder / file).read_bytes()


def test_a_pull_heals_a_damaged_copy_and_leaves_a_good_one(mirror: Path) -> None:
    weights = mirror / NAME / "model.safetensors"
    before = weights.stat().st_mtime_ns
    pull(find_checkpoint(NAME), mirror / NAME)
    assert weights.stat().st_mtime_ns == before
    for data in (flip(weights.read_bytes()), b""):
        weights.write_bytes(data)
        assert pull(find_checkpoint(NAME), mirror / NAME) == mirror / NAME
        assert genzoo.load(NAME, device="cpu").source == "directory"


def test_a_pull_replaces_nothing_else(mirror: Path, tmp_path: Path) -> None:
    record = mirror / NAME / "genzoo.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"sha256": "0" * 64}))
    (tmp_path / "other" / NAME).mkdir(parents=True)
    (tmp_path / "other" / NAME / "recipe.json").write_text("{}")  # a run that is not finished
    for directory in (mirror, tmp_path / "other"):
        before = sorted((path, path.read_bytes()) for path in (directory / NAME).iterdir())
        with pytest.raises(OutputExists, match=f"{NAME} holds something else than {NAME}; remove it, or give"):
            pull(find_checkpoint(NAME), directory / NAME)
        assert sorted((path, path.read_bytes()) for path in (directory / NAME).iterdir()) == before
