"""The wheel carries the whole zoo: what a user gets from `pip install genzoo`, without the clone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import genzoo
from tests.conftest import pip_install


def test_the_wheel_holds_packages_plugins_recipes_and_weights_and_nothing_else(wheel: Path) -> None:
    sizes = {entry.filename: entry.file_size for entry in zipfile.ZipFile(wheel).infolist()}
    names = list(sizes)
    assert {name.split("/")[0].split("-")[0] for name in names} == {
        "genzoo",
        "genzoo_conv",
        "genzoo_dcgan",
        "genzoo_dense",
        "genzoo_emoji",
        "genzoo_faces",
        "genzoo_flow",
        "genzoo_lenet",
        "genzoo_priors",
    }
    for name in genzoo.list_models():
        for file in ("model.safetensors", "genzoo.json"):
            assert sum(entry.endswith(f"/weights/{name}/{file}") for entry in names) == 1
    assert sum(size for name, size in sizes.items() if "/weights/" in name) <= 95_000_000
    assert {"genzoo/py.typed", "genzoo/explore/web/engine.js", "genzoo/explore/web/gan1d.html"} <= {*names}


def test_the_wheel_holds_the_licence_of_all_that_others_drew(wheel: Path) -> None:
    """Beside the pictures, and where an installer looks for licences."""
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        assert "License-Expression: Apache-2.0 AND CC-BY-4.0 AND CC0-1.0 AND MIT" in files.read(metadata).decode()
        for plugin, file, says in (
            ("genzoo_faces", "open-peeps-CC0-1.0.txt", "CC0 1.0 Universal"),
            ("genzoo_faces", "NOTICE.txt", "Pablo Stanley"),
            ("genzoo_emoji", "noto-Apache-2.0.txt", "Apache License"),
            ("genzoo_emoji", "twemoji-CC-BY-4.0.txt", "Attribution 4.0 International"),
            ("genzoo_emoji", "fluent-MIT.txt", "Copyright (c) Microsoft Corporation"),
            ("genzoo_emoji", "NOTICE.txt", "Twitter, Inc and other contributors"),
        ):
            places = [name for name in names if name.endswith(f"{plugin}/licenses/{file}")]
            assert [name.split("/")[0].split("-")[0] for name in sorted(places)] == ["genzoo", plugin]
            assert all(says in files.read(name).decode() for name in places)
    assert wheel.stat().st_size <= 95_000_000


def test_the_wheel_alone_lists_and_samples(wheel: Path, tmp_path: Path) -> None:
    pip_install(tmp_path, wheel)
    code = (
        "import genzoo, json; m = genzoo.load('vae-conv-mnist');"
        "print(json.dumps([genzoo.__file__, genzoo.list_models(), list(m.sample(2, seed=0).shape)]))"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=tmp_path, check=True, capture_output=True, text=True
    )
    file, names, shape = json.loads(result.stdout)
    assert Path(file).is_relative_to(tmp_path)
    assert names == genzoo.list_models()
    assert shape == [2, 1, 28, 28]
