"""Codes that are maps, with a page: it draws samples, ways between codes and pictures of one's own; a map has no
sliders."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import genzoo
from genzoo.explore.description import describe
from genzoo.explore.export import export_decoder
from genzoo.explore.gallery import write_gallery
from genzoo.explore.studio import Studio
from genzoo.randomness import Noise
from tests.browser import Open
from tests.house.conftest import House
from tests.house.test_operation import DECODE


@pytest.fixture(scope="module")
def model(shared_house: House) -> genzoo.Model:
    shared_house.install("genzoo_bars", "genzoo_codebook", "genzoo_maps")
    training, objective = {"epochs": 30}, "spatial-elbo"
    trained: genzoo.Model = shared_house.trained("spatial-strided", data="bars", objective=objective, training=training)
    return trained


def test_codes_that_are_maps_have_a_page(shared_house: House, model: genzoo.Model, tmp_path: Path, node: str) -> None:
    shared_house.hold(model, "spatial-elbo")
    studio = Studio(model)
    told = json.loads(studio.description(model.name))
    assert (told["code"], told["latents"]) == ([3, 2, 2], [])
    assert told["panels"] == ["upload", "interpolate", "samples"]
    z = Noise(seed=5, n=2).normal(3, 2, 2)
    assert studio.noise(model.name, "5", "2") == z.numpy().tobytes()
    assert len(studio.decode(model.name, z.numpy().tobytes())) == 2 * 64

    site, run = tmp_path / "site", shared_house.folder / "run"
    write_gallery([str(run)], site)
    (site / "package.json").write_text('{"type": "module"}')
    code = json.dumps(z[0].flatten().tolist())
    command = [node, "--input-type=module", "-e", DECODE, str(site), model.name, code]
    drawn = torch.tensor(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    torch.testing.assert_close(drawn, genzoo.load(run).decode(z[:1]).flatten(), atol=0.02, rtol=0)


def test_the_page_of_a_map_opens(model: genzoo.Model, open_page: Open) -> None:
    exploration = genzoo.explore(model)
    page = open_page(exploration.url)
    assert [button.text_content() for button in page.query_selector_all("#views button")] == ["Interpolate", "Samples"]
    assert page.query_selector_all("#sliders input") == []
    before = page.evaluate("document.getElementById('picture').toDataURL()")
    page.click("#random")
    page.wait_for_selector("html[data-busy='0']")
    assert page.evaluate("document.getElementById('picture').toDataURL()") != before
    assert page.text_content("#status") == ""
    exploration.close()


def test_ways_between_maps(model: genzoo.Model) -> None:
    z = torch.randn(2, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    for mode in ("linear", "spherical"):
        way = model.interpolate(z[:1], z[1:], 3, mode=mode)
        torch.testing.assert_close(way[0, [0, -1]], model.decode(z), atol=1e-5, rtol=0)
    with pytest.raises(genzoo.GenzooError, match="has no flat code, and so no latents"):
        model.traverse(z, latent=0)


def told_a_label(*, optional: bool) -> genzoo.Model:
    label = replace(genzoo.Column.of(["a", "b"]), optional=optional)
    return genzoo.create("vae-dense", input_shape=(1, 8, 8), latent_dim=2, given={"label": label}, seed=0).eval()


@pytest.mark.parametrize("optional", [True, False])
def test_what_is_told_more_than_a_code_has_a_page(optional: bool) -> None:
    model = told_a_label(optional=optional)
    told = describe(model, None)
    assert told["panels"] == ["sliders", "map", "upload", "traverse", "interpolate", "samples"]
    assert (told["given"][0]["name"], told["given"][0]["default"]) == ("label", [2 if optional else 0])
    assert [base["given"] for base in told["bases"][:3]] == [[0], [1], [0]]
    assert export_decoder(model)
