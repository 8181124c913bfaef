"""A gallery of what can be a page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import genzoo
from genzoo.errors import GenzooWarning, InvalidInput, NotFound
from genzoo.explore.gallery import write_gallery

NAME = "gan-dense-toy1d"  # the quickest, and without data


def copy_of(name: str, folder: Path, called: str) -> str:
    """A checkpoint under another name."""
    shutil.copytree(genzoo.show(name).folder, folder)
    record = json.loads((folder / "genzoo.json").read_text())
    (folder / "genzoo.json").write_text(json.dumps(record | {"name": called}))
    return str(folder)


def test_a_model_that_cannot_be_a_page_is_left_out(tmp_path: Path) -> None:
    damaged = Path(copy_of(NAME, tmp_path / "damaged", "damaged"))
    (damaged / "model.safetensors").write_bytes(b"x")
    with pytest.warns(GenzooWarning) as told:
        index = write_gallery([str(damaged), NAME, "features-lenet-mnist"], tmp_path / "site")
    assert [path.stem for path in sorted((tmp_path / "site").glob("*.html"))] == [NAME, "index"]
    assert f'href="{NAME}.html"' in index.read_text()
    first, second = (str(warning.message) for warning in told)
    assert "left out of the gallery" in first
    assert "damaged" in first
    assert "features-lenet-mnist" in second
    assert "cannot decode" in second


def test_a_gallery_of_nothing_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nothing is left .*cannot decode"):
        write_gallery(["features-lenet-mnist"], tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_a_mistyped_name_is_told_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=NAME):
        write_gallery([NAME, f"{NAME}x"], tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_a_model_called_index_does_not_replace_the_index(tmp_path: Path) -> None:
    source = copy_of(NAME, tmp_path / "copy", "index")
    index = write_gallery([source], tmp_path / "site")
    assert index.name == "index.html"
    assert 'href="index-page.html"' in index.read_text()
    assert "<h1" in (tmp_path / "site" / "index-page.html").read_text()
    assert (tmp_path / "site" / "models" / "index.safetensors").exists()
