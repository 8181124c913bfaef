"""A format of files that a plugin brings: written, compared with the model, and refused, as ours are."""

from __future__ import annotations

import json

import numpy as np
import pytest

import genzoo
from genzoo.cli import run
from genzoo.errors import VerificationFailed
from tests.house.conftest import House


def test_a_plugin_writes_files_of_its_own_format(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    house.install("genzoo_archive")
    path = house.folder / "decoder.npz"
    assert run(["export", "ae-dense-mnist", "-o", str(path)]) == 0
    out, err = capfd.readouterr()
    assert str(path) in out
    assert f"layers = numpy.load({str(path)!r})  # z: float32 (n, " in err
    with np.load(path) as file:
        told = json.loads(str(file["genzoo"]))
    assert (told["name"], told["verb"]) == ("ae-dense-mnist", "decode")
    assert told["sha256"] == genzoo.show("ae-dense-mnist").sha256


def test_a_verb_that_the_format_cannot_hold_is_refused(house: House) -> None:
    house.install("genzoo_archive")
    with pytest.raises(genzoo.InvalidInput, match=r"a \.npz holds linear maps"):
        genzoo.export("vae-conv-mnist", house.folder / "decoder.npz")
    model = genzoo.create("ae-dense", input_shape=(3,), latent_dim=2, hidden=(4,), values="real")
    with pytest.raises(VerificationFailed, match="gives other values than the model"):
        genzoo.export(model, house.folder / "decoder.npz")  # whose output is no sigmoid
    assert not (house.folder / "decoder.npz").exists()


def test_formats_are_known_by_their_endings(house: House) -> None:
    model = genzoo.create("ae-dense", input_shape=(3,), latent_dim=2, hidden=(4,))
    with pytest.raises(genzoo.InvalidInput, match=r"no format '\.npz': give a name that ends in \.onnx or \.pt2"):
        genzoo.export(model, house.folder / "decoder.npz")
    with pytest.raises(genzoo.InvalidInput, match="suffix must be"):
        genzoo.ExporterSpec(name="x", target="a:b", summary="", suffix="npz", usage="")
    with pytest.raises(genzoo.InvalidInput, match="usage cannot be filled in: KeyError"):
        genzoo.ExporterSpec(name="x", target="a:b", summary="", suffix=".npz", usage="{what}")
