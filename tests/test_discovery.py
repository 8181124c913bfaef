"""Which plugins are let in, and what is said of those that are not; former and withdrawn names. In this process, but
for what must not be imported."""

from __future__ import annotations

import importlib.metadata
import json
import zipfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from genzoo.api.evaluate import evaluate
from genzoo.catalog import find_checkpoint, list_models, show
from genzoo.cli import run
from genzoo.cli.wheels import unpack
from genzoo.discovery import Plugin, discover
from genzoo.errors import GenzooWarning, InvalidInput, NotFound, PluginError
from genzoo.registry import Registry, registry
from genzoo.spec import Checkpoint
from genzoo.testing import declared, plugin_suite
from tests.conftest import make_distribution
from tests.test_imports import HEAVY, modules_after

Capture = pytest.CaptureFixture[str]

ONE = """
import genzoo
GENZOO_API = 2
@genzoo.hookimpl
def genzoo_records():
    return [{record}]
"""
ARCHITECTURE = "genzoo.Architecture(name={name!r}, roles={{'encoder': 'nowhere:X'}}, summary='')"


def install(folder: Path, name: str, record: str = "", **options: str) -> None:
    make_distribution(folder, name, ONE.format(record=record or ARCHITECTURE.format(name=name)), **options)


def found() -> dict[str, Plugin]:
    return {plugin.distribution: plugin for plugin in Registry(discover()).plugins if plugin.distribution != "genzoo"}


@pytest.mark.parametrize(
    ("variable", "value", "kept"),
    [
        ("GENZOO_BLOCK_PLUGINS", "genzoo-blockme", {"genzoo-keepme"}),
        ("GENZOO_BLOCK_PLUGINS", "Genzoo_Blockme, genzoo.keepme", set()),
        ("GENZOO_BLOCK_PLUGINS", "", {"genzoo-keepme", "genzoo-blockme"}),
        ("GENZOO_ONLY_PLUGINS", "genzoo-keepme", {"genzoo-keepme"}),
        ("GENZOO_ONLY_PLUGINS", "", set()),
    ],
)
def test_what_is_blocked_is_not_imported_and_said_to_be(
    variable: str, value: str, kept: set[str], beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(beside, "genzoo-keepme")
    make_distribution(
        beside, "genzoo-blockme", "raise SystemExit(3)" if kept == {"genzoo-keepme"} else ONE.format(record="")
    )
    monkeypatch.setenv(variable, value)
    plugins = found()
    assert {name for name, plugin in plugins.items() if plugin.status == "ok"} == kept
    for name in {"genzoo-keepme", "genzoo-blockme"} - kept:
        assert (plugins[name].status, plugins[name].reason) == ("blocked", f"by {variable}={value}")
    assert "vae-conv-mnist" in list_models()
    with pytest.raises(NotFound) as error:
        show("vae-nowhere")
    assert ("is blocked; see: genzoo plugins" in str(error.value)) == (len(kept) < 2)


@pytest.mark.parametrize("variable", ["GENZOO_BLOCK_PLUGINS", "GENZOO_ONLY_PLUGINS"])
def test_a_name_that_is_misspelt_is_warned_of_once_and_stops_nothing(
    variable: str, beside: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    install(beside, "genzoo-meant")
    monkeypatch.setenv(variable, "genzoo-maent")
    assert run(["plugins"]) == 0
    told = f"genzoo: {variable} names genzoo-maent, of which no plugin is installed; installed: "
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(told)
    assert {"genzoo", "genzoo-meant"} <= {*line.removeprefix(told).split(", ")}
    assert run(["list"]) == 0
    monkeypatch.setenv(variable, "Genzoo_Meant")
    assert run(["plugins"]) == 0
    assert capsys.readouterr().err == ""


def test_genzoos_own_plugins_can_be_blocked_and_core_goes_on(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENZOO_BLOCK_PLUGINS", "genzoo")
    assert list_models() == []
    assert {plugin.name: plugin.status for plugin in discover()}["core"] == "ok"


def test_strictly_a_broken_plugin_is_an_error_and_can_be_looked_at(
    beside: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    make_distribution(beside, "genzoo-shattered", "import nowhere_at_all")
    assert "vae-conv-mnist" in list_models()
    for value in ("0", ""):
        monkeypatch.setenv("GENZOO_STRICT_PLUGINS", value)
        assert run(["plugins"]) == 0
    monkeypatch.setenv("GENZOO_STRICT_PLUGINS", "1")
    registry.cache_clear()
    with pytest.raises(PluginError, match=r"genzoo-shattered \(genzoo_shattered\) is broken: .*nowhere_at_all"):
        list_models()
    capsys.readouterr()
    assert run(["plugins", "--json"]) == 1
    output = capsys.readouterr()
    assert "genzoo-shattered" in {row["distribution"] for row in json.loads(output.out)}
    assert "GENZOO_STRICT_PLUGINS" in output.err
    monkeypatch.setenv("GENZOO_BLOCK_PLUGINS", "genzoo-shattered")
    assert "vae-conv-mnist" in list_models()


def test_of_two_versions_the_first_is_used_and_the_other_named(
    beside: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = tmp_path_factory.mktemp("older")
    install(older, "genzoo-twofold", version="0.9")
    install(beside, "genzoo-twofold", version="1.0")
    monkeypatch.syspath_prepend(older)
    monkeypatch.syspath_prepend(beside)
    plugins = [plugin for plugin in Registry(discover()).plugins if plugin.distribution == "genzoo-twofold"]
    assert [(plugin.version, plugin.status) for plugin in plugins] == [("1.0", "ok")]
    assert f"version 0.9 is installed too, in {older}, and hidden" in plugins[0].reason
    assert "pip uninstall genzoo-twofold" in plugins[0].reason


def test_an_editable_install_that_is_found_twice_counts_once(
    beside: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path_factory.mktemp("source")
    install(beside, "genzoo-edited")
    info = source / "genzoo_edited.egg-info"
    info.mkdir()
    for name, original in (("PKG-INFO", "METADATA"), ("entry_points.txt", "entry_points.txt")):
        (info / name).write_text((beside / "genzoo_edited-1.0.dist-info" / original).read_text())
    monkeypatch.syspath_prepend(source)
    plugins = [plugin for plugin in Registry(discover()).plugins if plugin.distribution == "genzoo-edited"]
    assert [(plugin.status, plugin.reason) for plugin in plugins] == [("ok", "")]


def test_a_distribution_whose_metadata_is_gone_does_not_stop_the_others(beside: Path) -> None:
    install(beside, "genzoo-nameless")
    (beside / "genzoo_nameless-1.0.dist-info" / "METADATA").unlink()
    assert found()["unknown"].status == "ok"


def test_two_hundred_plugins_are_listed_without_anything_heavy(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(200):
        install(beside, f"genzoo-crowd{number}")
    monkeypatch.setenv("PYTHONPATH", str(beside), prepend=":")
    counts = "from genzoo.registry import registry; assert len(registry().plugins) >= 205"
    modules = modules_after(f"from genzoo.cli import run; assert run(['list']) == 0; {counts}")
    assert not modules & {*HEAVY, "nowhere"}
    assert "genzoo_crowd199" in modules


def test_plugins_says_everything_of_each(beside: Path, capsys: Capture) -> None:
    install(beside, "genzoo-told")
    make_distribution(beside, "genzoo-future", "GENZOO_API = 99")
    assert run(["plugins", "--json"]) == 0
    rows = {row["distribution"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["genzoo-told"] == {
        "name": "genzoo_told",
        "distribution": "genzoo-told",
        "version": "1.0",
        "api": 2,
        "status": "ok",
        "reason": "",
        "path": str(beside / "genzoo_told.py"),
        "offers": {"architecture": ["genzoo-told"]},
    }
    assert (rows["genzoo-future"]["api"], rows["genzoo-future"]["status"]) == (99, "incompatible")
    assert run(["plugins"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "plugin API 2" in lines[0]
    assert "genzoo_told  genzoo-told 1.0  API 2  ok  architecture: genzoo-told" in lines


def test_a_name_of_a_public_plugin_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genzoo.registry.PUBLIC_PLUGINS", {"genzoo-flow": ("flow-coupling-mnist", "flow")})
    with pytest.raises(NotFound, match="a plugin has it: pip install genzoo-flow") as error:
        show("flow-coupling-mnist")
    assert error.value.suggestions == ("pip install genzoo-flow",)


def test_a_recipe_that_is_not_trained_yet_says_how_to(beside: Path) -> None:
    install(beside, "genzoo-untrained", "*genzoo.shipped(__file__)")
    (beside / "recipes").mkdir()
    (beside / "recipes" / "ae-dense-mnist-9d.toml").touch()
    with pytest.raises(
        NotFound, match=r"mnist\? There is a recipe of that name: genzoo train ae-dense-mnist-9d$"
    ) as error:
        show("ae-dense-mnist-9d")
    assert error.value.suggestions == ("genzoo train ae-dense-mnist-9d",)


def test_an_architecture_of_two_distributions_is_shown_by_its_full_name(beside: Path, capsys: Capture) -> None:
    install(beside, "genzoo-doubled", ARCHITECTURE.format(name="conv"))
    assert run(["show", "conv"]) == 3
    assert "say which: genzoo-doubled:conv or genzoo:conv" in capsys.readouterr().err
    assert run(["show", "genzoo-doubled:conv"]) == 0


MOVED = """genzoo.Alias(name="vae-former", to="ae-gone"), genzoo.Alias(name="vae-lost", to="nothing"),
    genzoo.Tombstone(name="vae-bad", reason="trained on the test set", instead="vae-conv-mnist"),
    genzoo.Tombstone(name="vae-worse", reason="its licence forbids it"),
    genzoo.Checkpoint(name="ae-gone", family="ae", architecture="dense", dataset="mnist", license="MIT", parameters=1,
        sha256="0" * 64, size_bytes=1, config={"input_shape": [2], "latent_dim": 1})"""


def test_a_former_name_leads_to_the_checkpoint_and_says_so(beside: Path) -> None:
    install(beside, "genzoo-moved", MOVED)
    for name in ("vae-former", "genzoo-moved:vae-former"):
        with pytest.warns(GenzooWarning, match=f"{name} is called ae-gone now"):
            found = find_checkpoint(name)
        assert found.record.name == "ae-gone"
        assert found.owner == "genzoo-moved"
    assert "vae-former" not in list_models()
    with pytest.warns(GenzooWarning), pytest.raises(NotFound, match="no checkpoint is called 'vae-lost'"):
        registry().find(Checkpoint, "vae-lost")


def test_a_withdrawn_checkpoint_says_why_and_what_to_take(beside: Path, capsys: Capture) -> None:
    install(beside, "genzoo-moved", MOVED)
    assert run(["show", "vae-bad"]) == 3
    told = "genzoo: vae-bad was withdrawn: trained on the test set; take vae-conv-mnist instead\n"
    assert capsys.readouterr().err == told
    with pytest.raises(NotFound, match=r"its licence forbids it$"):
        show("vae-worse")


COMMANDS = """genzoo.Command(name="greet", target="genzoo_greeter_code:greet", summary="Greets."),
    genzoo.Command(name="fall", target="genzoo_greeter_code:fall", summary="Falls."),
    genzoo.Command(name="list", target="genzoo_greeter_code:greet", summary="A name that is taken."),
    genzoo.Command(name="gone", target="genzoo_greeter_code:gone", summary="Is not there."),
    genzoo.MetricSpec(name="off", needs=("discriminate",), target="genzoo_greeter_code:off", unit="x", tolerance=0.0,
        summary=""),
    genzoo.MetricSpec(name="wasserstein-1", needs=("discriminate",), target="genzoo_greeter_code:one", unit="x",
        tolerance=0.0, summary="")"""
CODE = """
import click
@click.command()
@click.option("--name", default="you")
def greet(name):
    click.echo(f"hello {name}")
@click.command()
def fall():
    raise KeyError("oh")
def off(setting):
    raise KeyError("oh")
def one(setting):
    return 1
"""


@pytest.fixture
def greeter(beside: Path) -> None:
    install(beside, "genzoo-greeter", COMMANDS)
    (beside / "genzoo_greeter_code.py").write_text(CODE)


@pytest.mark.usefixtures("greeter")
def test_a_plugins_command_is_one_of_genzoo(capsys: Capture) -> None:
    assert run(["greet", "--name", "me"]) == 0
    assert run(["genzoo-greeter:list"]) == 0
    assert capsys.readouterr().out == "hello me\nhello you\n"
    assert run(["list"]) == 0
    assert "vae-conv-mnist" in capsys.readouterr().out
    assert run(["--help"]) == 0
    assert "Greets. (genzoo-greeter)" in capsys.readouterr().out
    assert run(["greet", "--help"]) == 0
    assert "Usage: genzoo greet [OPTIONS]" in capsys.readouterr().out
    assert run(["greet", "--nme"]) == 2
    assert run(["gret"]) == 2
    assert "'greet'" in capsys.readouterr().err


@pytest.mark.usefixtures("greeter")
def test_a_plugins_command_that_fails_is_the_plugins_failure(capsys: Capture) -> None:
    assert run(["fall"]) == 1
    assert "genzoo: genzoo-greeter's command fall failed: KeyError: 'oh'" in capsys.readouterr().err
    assert run(["gone"]) == 1
    assert "genzoo_greeter_code:gone, which cannot be imported" in capsys.readouterr().err


@pytest.mark.usefixtures("greeter")
def test_a_plugins_metric_that_fails_is_left_out_and_hides_none_of_ours() -> None:
    numbers = evaluate("gan-dense-toy1d", metrics=["wasserstein_1", "genzoo-greeter:wasserstein_1"])
    assert numbers["genzoo-greeter:wasserstein_1"].value == 1.0
    assert numbers["wasserstein_1"].value < 0.1
    with pytest.warns(GenzooWarning, match="off is left out: metric off failed: KeyError: 'oh'"):
        assert "off" not in evaluate("gan-dense-toy1d")


BAD = {
    "genzoo-linked": (
        "Requires-Dist: torch @ https://example.org/torch.whl\nLicense: MIT\n",
        "",
        "is a link or a path",
    ),
    "genzoo-unlicensed": ("", "", "no licence is stated"),
    "genzoo-heavy": ("License: MIT\n", "import torch", "torch: import them where they are used"),
    "genzoo-lost": ("License: MIT\n", "", "nowhere:X, which cannot be imported"),
}


@pytest.mark.parametrize("name", BAD)
def test_check_says_what_is_wrong(name: str, beside: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    metadata, code, message = BAD[name]
    install(beside, name, metadata=metadata)
    module = beside / f"{name.replace('-', '_')}.py"
    module.write_text(code + module.read_text())
    make_distribution(beside, "genzoo-neighbour", "import jaxtyping")
    monkeypatch.setenv("PYTHONPATH", str(beside), prepend=":")
    assert run(["plugins", "check", name]) == 1
    told = capsys.readouterr().err
    assert message in told
    assert "jaxtyping" not in told, "each distribution is checked by itself"


def test_check_refuses_what_is_no_plugin(capsys: Capture) -> None:
    assert run(["plugins", "check", "genzo"]) == 3
    assert "did you mean genzoo?" in capsys.readouterr().err
    assert run(["plugins", "check", "dist/nowhere.whl"]) == 3
    assert "dist/nowhere.whl does not exist; build a wheel: pip wheel" in capsys.readouterr().err


def zipped(folder: Path, *without: str) -> Path:
    """A wheel of what lies in a folder."""
    path = folder.parent / "a.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.name not in without:
                wheel.write(file, file.relative_to(folder))
    return path


@pytest.mark.parametrize(
    ("without", "message"),
    [
        ("METADATA", "is no wheel: it has no METADATA"),
        ("entry_points.txt", "holds no plugin of genzoo"),
        ("genzoo_wheeled.py", "does not hold genzoo_wheeled, which its entry point names"),
    ],
)
def test_a_wheel_that_lacks_something_is_refused_whatever_is_installed(
    without: str, message: str, beside: Path, tmp_path_factory: pytest.TempPathFactory, capsys: Capture
) -> None:
    install(beside, "genzoo-wheeled")
    inside = tmp_path_factory.mktemp("wheel") / "inside"
    inside.mkdir()
    install(inside, "genzoo-wheeled")
    assert run(["plugins", "check", str(zipped(inside, without))]) == 2
    assert message in capsys.readouterr().err


def test_a_damaged_wheel_is_refused_wherever_it_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = cache(importlib.metadata.packages_distributions)  # which reads all that is installed each time
    monkeypatch.setattr(importlib.metadata, "packages_distributions", installed)
    (tmp_path / "inside").mkdir()
    install(tmp_path / "inside", "genzoo-wheeled")
    path = zipped(tmp_path / "inside")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(InvalidInput, match=r"is no wheel: .*; build it again"):
        unpack(path, tmp_path)
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with suppress(InvalidInput):
            unpack(path, tmp_path / f"damaged-{place}")


@pytest.mark.parametrize(
    ("ending", "told"),
    [("os.kill(os.getpid(), 9)", "Killed"), ("os._exit(0)", "exit code 0"), ("os._exit(3)", "exit code 3")],
)
def test_a_wheel_whose_code_ends_the_process_is_told(ending: str, told: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "inside").mkdir()
    make_distribution(tmp_path / "inside", "genzoo-killer", f"import os; {ending}")
    assert run(["plugins", "check", str(zipped(tmp_path / "inside"))]) == 1
    assert f"ends the process: {told}" in capsys.readouterr().err


EXCUSES = {"role_compiles": "it calls C", "roles_are_asked_for": "a family will come", "no_law": "x"}


def test_a_law_that_cannot_hold_is_expected_to_fail_and_listed(beside: Path, capsys: Capture) -> None:
    install(beside, "genzoo-excused", f"{ARCHITECTURE.format(name='excused')[:-1]}, exceptions={EXCUSES})")
    suite = plugin_suite("genzoo-excused").pytestmark[0].args[1]  # type: ignore[attr-defined]  # pytest puts it there
    excused = {str(case.values[0]): case.marks[0].kwargs["reason"] for case in suite if case.marks}
    assert excused == {
        "architecture excused-roles_are_asked_for": "a family will come",
        "architecture excused's encoder-role_compiles": "it calls C",
    }
    (unknown,) = (case for case in declared("genzoo-excused") if case.law.__name__ == "exceptions_are_of_laws")
    with pytest.raises(AssertionError, match="there is no law no_law"):
        unknown.check()
    assert run(["plugins", "check", "genzoo-excused"]) == 1
    output = capsys.readouterr()
    assert "    architecture excused-roles_are_asked_for cannot: a family will come\n" in output.out
    assert "roles_are_asked_for" not in output.err
    assert run(["show", "excused"]) == 0
    assert "role_compiles       it calls C" in capsys.readouterr().out
