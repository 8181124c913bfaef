"""Plugins that are broken, of another API, or clash: really installed beside genzoo, in processes of their own where
what a process prints or imports is looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import genzoo
from genzoo.api.plan import Plan
from genzoo.api.recipes import find_recipe
from genzoo.cli import run
from genzoo.errors import AmbiguousName, PluginError
from genzoo.registry import registry
from tests.conftest import CLI, make_distribution

ARCHITECTURE = """
from genzoo import Architecture, hookimpl
GENZOO_API = 2
@hookimpl
def genzoo_records():
    return [Architecture(name={name!r}, roles={{"encoder": "nowhere:X", "decoder": "nowhere:Y"}}, summary="")]"""

BROKEN = {
    "genzoo-raises": ("import a_module_that_is_not_there", "broken", "a_module_that_is_not_there"),
    "genzoo-syntax": ("\ndef (", "broken", "genzoo_syntax.py:2)"),
    "genzoo-newer": ("GENZOO_API = 99", "incompatible", "pip install --upgrade genzoo"),
    "genzoo-older": ("GENZOO_API = 0", "incompatible", "pip install --upgrade genzoo-older"),
    "genzoo-first": ("GENZOO_API = 1", "incompatible", "its author changes @verb to @verb(takes=…, gives=…)"),
    "genzoo-silent": ("", "incompatible", "GENZOO_API = 2"),
    "genzoo-hookless": ("GENZOO_API = 2", "broken", "implements no hook"),
    "genzoo-exits": ("raise SystemExit(3)", "broken", "SystemExit"),
    "genzoo-unknown": (
        "from genzoo import hookimpl\nGENZOO_API = 2\n@hookimpl\ndef genzoo_nonsense(): return []",
        "broken",
        "genzoo_nonsense",
    ),
    "genzoo-wrong": (
        "from genzoo import hookimpl\nGENZOO_API = 2\n@hookimpl\ndef genzoo_records(wrong): return []",
        "broken",
        "wrong",
    ),
    "genzoo-fails": (
        "from genzoo import hookimpl\nGENZOO_API = 2\n@hookimpl\ndef genzoo_records(): raise KeyError('gone')",
        "broken",
        "gone",
    ),
    "genzoo-rubbish": (
        "from genzoo import hookimpl\nGENZOO_API = 2\n@hookimpl\ndef genzoo_records(): return [42]",
        "broken",
        "no genzoo record",
    ),
    "genzoo-none": (
        "from genzoo import hookimpl\nGENZOO_API = 2\n@hookimpl\ndef genzoo_records(): return None",
        "broken",
        "genzoo_records gave a NoneType, which is no list of records; try: pip",
    ),
    "genzoo-field": ("import genzoo\ngenzoo.Field(kind='real', doc='')", "broken", "genzoo_field.py:2)"),
    "genzoo-twice": (ARCHITECTURE.format(name="a") + " * 2", "broken", "'a' twice"),
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("broken")
    for name, (code, _, _) in BROKEN.items():
        make_distribution(folder, name, code)
    return folder


def plugins(genzoo_cli: CLI, beside: Path) -> dict[str, dict[str, Any]]:
    result = genzoo_cli("plugins", "--json", beside=beside)
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    return {row["distribution"] if row["distribution"] != "genzoo" else row["name"]: row for row in rows}


def test_every_broken_plugin_is_reported_and_the_others_work(genzoo_cli: CLI, broken: Path) -> None:
    rows = plugins(genzoo_cli, broken)
    for name, (_, status, reason) in BROKEN.items():
        assert rows[name]["status"] == status, rows[name]
        assert reason in rows[name]["reason"], rows[name]
        assert rows[name]["version"] == "1.0"
    assert [rows[name]["status"] for name in ("core", "conv", "dcgan", "dense")] == ["ok"] * 4


def test_list_works_beside_broken_plugins_and_names_them(genzoo_cli: CLI, broken: Path) -> None:
    alone, beside = genzoo_cli("list"), genzoo_cli("list", beside=broken)
    assert (beside.returncode, beside.stdout) == (0, alone.stdout)
    assert "genzoo-raises" in beside.stderr
    assert "genzoo plugins" in beside.stderr


def test_an_unknown_name_mentions_what_could_not_be_loaded(genzoo_cli: CLI, broken: Path) -> None:
    result = genzoo_cli("show", "vae-raises-mnist", beside=broken)
    assert result.returncode == 3
    assert "genzoo-raises (genzoo_raises) is broken" in result.stderr


def test_a_stranger_is_found_listed_trained_and_sampled(
    genzoo_cli: CLI, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plugins(genzoo_cli, here)["genzoo-tiny"]["offers"] == {
        "architecture": ["tiny"],
        "dataset": ["blobs"],
        "recipe": ["vae-tiny-blobs"],
    }
    folder, picture = str(tmp_path / "run"), str(tmp_path / "a.png")
    assert run(["train", "vae-tiny-blobs", "-o", folder]) == 0
    told = capsys.readouterr()
    assert told.out == f"{folder}\n"
    assert "epoch 5/5" in told.err
    assert run(["sample", folder, "-n", "4", "-o", picture]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_two_plugins_with_one_name_are_both_named_and_both_reachable(
    genzoo_cli: CLI, beside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_distribution(beside, "genzoo-mine", ARCHITECTURE.format(name="conv"))
    rows = plugins(genzoo_cli, beside)
    assert rows["genzoo-mine"]["status"] == rows["conv"]["status"] == "clash"
    assert "write genzoo-mine:conv" in rows["genzoo-mine"]["reason"]
    assert "genzoo-mine 1.0" in rows["conv"]["reason"]
    assert rows["dense"]["status"] == "ok"
    assert run(["list"]) == 0
    assert run(["sample", "vae-conv-mnist", "-o", str(beside / "a.png")]) == 0
    with pytest.raises(AmbiguousName, match="say which: genzoo-mine:conv or genzoo:conv"):
        genzoo.create("vae-conv", input_shape=(1, 28, 28), latent_dim=2)
    assert genzoo.create("genzoo:vae-conv", input_shape=(1, 28, 28), latent_dim=2).name == "vae-conv"
    capsys.readouterr()
    assert run(["list", "vae-conv-mn*t"]) == 0
    assert capsys.readouterr().out == "vae-conv-mnist\n"


def test_the_name_with_its_distribution_works_in_any_spelling(here: Path) -> None:
    for home in ("genzoo-tiny", "Genzoo_Tiny"):
        assert Plan.of(find_recipe(f"{home}:vae-tiny-blobs")[0]).blueprint.distribution == "genzoo-tiny"
        assert genzoo.create(f"{home}:vae-tiny", input_shape=(4,), latent_dim=2).name == "vae-tiny"


RIVAL = """
from genzoo import Architecture, DatasetSpec, Family, Objective, hookimpl
GENZOO_API = 2
X = "nowhere:X"
@hookimpl
def genzoo_records():
    roles = {"encoder": X, "decoder": X, "generator": X, "discriminator": X}
    return [
        *(Architecture(name=name, roles=roles, summary="") for name in ("dense", "conv", "dcgan")),
        DatasetSpec(name="mnist-dynamic", target=X, summary="", shape=(1, 28, 28), values="binary"),
        Family(name="vae", target=X, roles=("encoder", "decoder"), summary=""),
        Objective(name="elbo", family="vae", players={"model": X}, summary=""),
    ]
"""


def test_a_rival_with_all_our_names_does_not_break_our_models(beside: Path) -> None:
    make_distribution(beside, "genzoo-rival", RIVAL)
    assert "genzoo-rival" in {plugin.distribution for plugin in registry().plugins}
    assert run(["sample", "vae-conv-mnist", "-o", str(beside / "a.png")]) == 0
    recipe, owner = find_recipe("vae-conv-mnist")
    plan = Plan.of(recipe, prefer=owner)
    assert (plan.blueprint.distribution, plan.dataset.target) == ("genzoo", "genzoo.datasets.vision:mnist_dynamic")


def test_a_bad_record_breaks_its_plugin_alone(genzoo_cli: CLI, tmp_path: Path) -> None:
    code = (
        "from genzoo import Checkpoint, hookimpl\nGENZOO_API = 2\n@hookimpl\ndef genzoo_records():\n"
        "    return [Checkpoint(name='a', family='ae', architecture='dense', config={}, dataset='d', license='MIT',\n"
        "                       parameters=1, sha256='0' * 64, size_bytes=1)]"
    )
    make_distribution(tmp_path, "genzoo-bad", code)
    assert plugins(genzoo_cli, tmp_path)["genzoo-bad"]["status"] == "broken"
    assert genzoo_cli("list", beside=tmp_path).returncode == 0


def test_one_distribution_cannot_offer_a_name_twice(genzoo_cli: CLI, tmp_path: Path) -> None:
    make_distribution(tmp_path, "genzoo-two", ARCHITECTURE.format(name="two"))
    (tmp_path / "second.py").write_text(ARCHITECTURE.format(name="two"))
    points = tmp_path / "genzoo_two-1.0.dist-info" / "entry_points.txt"
    points.write_text(points.read_text() + "second = second\n")
    result = genzoo_cli("plugins", "--json", beside=tmp_path)
    status = {row["name"]: row["status"] for row in json.loads(result.stdout)}
    assert (status["genzoo_two"], status["second"]) == ("ok", "broken")


def test_two_distributions_of_one_module_are_told_apart(genzoo_cli: CLI, tmp_path: Path) -> None:
    make_distribution(tmp_path, "genzoo-once", ARCHITECTURE.format(name="once"))
    (tmp_path / "genzoo_renamed-1.0.dist-info").mkdir()
    for file in (tmp_path / "genzoo_once-1.0.dist-info").iterdir():
        text = file.read_text().replace("Name: genzoo-once", "Name: genzoo-renamed")
        (tmp_path / "genzoo_renamed-1.0.dist-info" / file.name).write_text(text)
    rows = plugins(genzoo_cli, tmp_path)
    assert (rows["genzoo-once"]["status"], rows["genzoo-renamed"]["status"]) == ("ok", "broken")
    assert "module genzoo_once is that of genzoo-once:genzoo_once already" in rows["genzoo-renamed"]["reason"]


def test_deleting_an_entry_point_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    from genzoo import discovery, registry

    found = discovery._entry_points()
    monkeypatch.setattr(discovery, "_entry_points", lambda: [pair for pair in found if pair[0].name != "conv"])
    registry.registry.cache_clear()
    try:
        names = {plugin.name: plugin.status for plugin in registry.registry().plugins}
        assert names.keys() >= {"core", "dense", "dcgan"}
        assert "conv" not in names
        assert set(names.values()) == {"ok"}
    finally:
        registry.registry.cache_clear()


def test_a_target_that_cannot_be_imported_names_its_owner(beside: Path) -> None:
    make_distribution(beside, "genzoo-absent", ARCHITECTURE.format(name="absent"))
    with pytest.raises(PluginError, match="absent names nowhere:X, which cannot be imported"):
        genzoo.create("ae-absent", input_shape=(4,), latent_dim=2)
