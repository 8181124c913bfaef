"""An operation of the page's engine that a plugin brings: in the files of the models that use it, and in no others."""

from __future__ import annotations

import json
import re
import subprocess
from base64 import b64encode
from hashlib import sha256

import pytest
import torch

import genzoo
from genzoo.explore.gallery import write_gallery, write_single
from tests.house.conftest import House

DECODE = """
const [folder, name, z] = process.argv.slice(1);
const { readFileSync } = await import("node:fs");
const { parse } = await import(`${folder}/web/engine.js`);
const model = parse(new Uint8Array(readFileSync(`${folder}/models/${name}.safetensors`)).buffer);
console.log(JSON.stringify(Array.from(model.decode(JSON.parse(z)))));
"""


def test_the_engine_runs_an_operation_that_a_plugin_brings(house: House, node: str) -> None:
    house.install("genzoo_bars", "genzoo_siren")
    model = house.trained("ae-siren", data="bars", objective="bce", latent_dim=3, training={"epochs": 20})
    house.hold(model, "bce")
    site = house.folder / "site"
    write_gallery([str(house.folder / "run"), "gan-dense-toy1d"], site)
    (site / "package.json").write_text('{"type": "module"}')
    z = [0.5, -1.0, 2.0]
    command = [node, "--input-type=module", "-e", DECODE, str(site), model.name, json.dumps(z)]
    drawn = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    torch.testing.assert_close(torch.tensor(drawn), model.decode(torch.tensor([z])).flatten(), atol=0.02, rtol=0)


def test_a_page_of_one_file_allows_the_script_by_its_hash_alone(house: House) -> None:
    house.install("genzoo_bars", "genzoo_siren")
    house.trained("ae-siren", data="bars", objective="bce", latent_dim=3)
    page = house.folder / "page.html"
    write_single(str(house.folder / "run"), page)
    html = page.read_text()
    (script,) = re.findall(r'<script type="module">(.*?)</script>', html, re.DOTALL)
    assert "Math.sin(x.data[i])" in script
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in html
    assert "connect-src 'none'" in html
    write_single("gan-dense-toy1d", page, force=True)
    assert "Math.sin(x.data[i])" not in page.read_text()  # which does not use it


def test_a_script_cannot_leave_its_place(house: House) -> None:
    for script in ("", "</script><script>alert(1)</script>", "() => '<!--'"):
        with pytest.raises(genzoo.InvalidInput, match="script must be a JavaScript function"):
            genzoo.OperationSpec(name="x", target="a:b", summary="", operation="aten.sin.default", script=script)
    with pytest.raises(genzoo.InvalidInput, match=r"must be as 'aten\.sin\.default'"):
        genzoo.OperationSpec(name="x", target="a:b", summary="", operation="sin", script="() => () => {}")
