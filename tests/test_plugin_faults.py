"""Plugins that raise what is no Exception, answer anything, print, or cannot be read: each is reported, and nothing
else changes. Distributions really laid out, in this process; a process of its own where a signal is the point."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import genzoo
from genzoo.catalog import list_models
from genzoo.cli import run
from genzoo.discovery import Plugin, discover
from genzoo.errors import PluginError
from genzoo.guard import Failed, guarded
from genzoo.registry import Registry, load_target
from tests.conftest import make_distribution

Capture = pytest.CaptureFixture[str]

HEAD = "import genzoo\nGENZOO_API = 2\n"
RECORDS = "@genzoo.hookimpl\ndef genzoo_records():\n    "
GOOD = f"{HEAD}{RECORDS}return [genzoo.Alias(name='good', to='x')]"


def found() -> dict[str, Plugin]:
    return {plugin.distribution: plugin for plugin in Registry(discover()).plugins if plugin.distribution != "genzoo"}


ANSWERS = """
import sys, types
class Module(types.ModuleType):
    @property
    def GENZOO_API(self): raise KeyError('api')
sys.modules[__name__].__class__ = Module
"""
SIZE = """
return [genzoo.Checkpoint(name='c', family='ae', architecture='a', dataset='d', license='', parameters=1,
        config={'input_shape': [2], 'latent_dim': 1}, sha256='0' * 64, size_bytes='x')]
"""
FAULTS = {
    "skip": ("import pytest; pytest.importorskip('nowhere_at_all')", "Skipped"),
    "cancelled": ("import asyncio; raise asyncio.CancelledError", "CancelledError"),
    "interrupt": ("raise KeyboardInterrupt('not you')", "KeyboardInterrupt: not you"),
    "generator": ("raise GeneratorExit", "GeneratorExit"),
    "base": ("raise BaseException('rare')", "BaseException: rare"),
    "unshown": (
        "class E(Exception):\n    def __str__(self): raise RuntimeError\nraise E",
        "E: it cannot be shown",
    ),
    "getattr": ("def __getattr__(name): raise RuntimeError(f'no {name}')", "RuntimeError: no "),
    "dir": (f"{HEAD}def __dir__(): raise RuntimeError('no dir')", "RuntimeError: no dir"),
    "api": (ANSWERS, "KeyError: 'api'"),
    "lying": (
        "class Int(int):\n    def __eq__(self, other): raise ValueError\n    __hash__ = None\nGENZOO_API = Int(1)",
        "does not state the plugin API",
    ),
    "true": ("GENZOO_API = True", "does not state the plugin API"),
    "hook": (f"{HEAD}{RECORDS}raise KeyboardInterrupt('hook')", "KeyboardInterrupt: hook"),
    "later": (f"{HEAD}{RECORDS}yield 1\n    raise SystemExit(0)", "gave a int"),
    "iterating": (f"{HEAD}{RECORDS}yield genzoo.Alias(name='a', to='b')\n    raise GeneratorExit", "GeneratorExit"),
    "subclass": (
        f"{HEAD}class Mine(genzoo.Alias):\n    def __post_init__(self): pass\n{RECORDS}return [Mine(name=1, to=2)]",
        "gave a Mine, which is no genzoo record",
    ),
    "roles": (
        f"{HEAD}{RECORDS}return [genzoo.Architecture(name='a', roles=None, summary='')]",
        "architecture a: roles has the wrong type: it must be a table, not a NoneType",
    ),
    "size": (
        f"{HEAD}{RECORDS}{SIZE.strip()}",
        "checkpoint c: size_bytes has the wrong type: it must be a whole number, not a str",
    ),
}


OLD = {
    "metric": (
        "genzoo.MetricSpec(name='m', family='vae', target='a:b', unit='', tolerance=0.0, summary='')",
        "MetricSpec takes needs=('encode', …), the verbs that it uses in place of family",
    ),
    "data": (
        "genzoo.DatasetSpec(name='d', target='a:b', summary='', shape=(2,), values='real', classes=2)",
        "DatasetSpec takes columns={'label': Column.of(names)} in place of classes",
    ),
}


@pytest.mark.parametrize("stated", ["GENZOO_API = 1\n", ""])
@pytest.mark.parametrize("name", OLD)
def test_a_plugin_of_the_first_interface_is_told_what_to_change(name: str, stated: str, beside: Path) -> None:
    code, advice = OLD[name]
    make_distribution(beside, f"genzoo-old{name}", f"import genzoo\n{stated}RECORD = {code}")
    plugin = found()[f"genzoo-old{name}"]
    assert plugin.status == ("incompatible" if stated else "broken")
    assert f"since plugin API 2 {advice}" in plugin.reason
    assert ("it is written for plugin API 1, this genzoo has 2" in plugin.reason) == bool(stated)
    assert f"pip install --upgrade genzoo-old{name}" in plugin.reason


def test_data_of_the_first_interface_say_what_to_change(beside: Path) -> None:
    spec = "genzoo.DatasetSpec(name='old', target='genzoo_oldsplit:old', summary='', shape=(2,), values='real')"
    split = "def old(root, split, shape):\n    import torch\n    x = torch.zeros(3, 2)\n"
    split += "    return genzoo.Split(source=x, shape=shape, labels=torch.arange(3))"
    make_distribution(beside, "genzoo-oldsplit", f"{HEAD}{split}\n{RECORDS}return [{spec}]")
    with pytest.raises(
        PluginError, match=r"since plugin API 2 Split takes columns=\{'label': labels\} in place of labels"
    ):
        genzoo.open_data("old", "train")


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_a_plugin_does_is_its_failure_alone(name: str, beside: Path, capsys: Capture) -> None:
    code, reason = FAULTS[name]
    make_distribution(beside, f"genzoo-fault{name}", code)
    make_distribution(beside, "genzoo-good", GOOD.replace("good", f"good-{name}"))
    before = list_models()
    plugins = found()
    assert plugins["genzoo-good"].status == "ok"
    assert plugins[f"genzoo-fault{name}"].status in ("broken", "incompatible")
    assert reason in plugins[f"genzoo-fault{name}"].reason
    assert "vae-conv-mnist" in before
    assert run(["list"]) == 0
    assert f"genzoo-fault{name}" in capsys.readouterr().err
    assert genzoo.create("ae-dense", input_shape=(2,), latent_dim=1).latent_dim == 1


def test_what_a_plugin_prints_is_no_output_of_ours(beside: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_distribution(beside, "genzoo-loud", f"print('import')\n{HEAD}{RECORDS}print('records')\n    return []")
    (beside / "genzoo_loud_code.py").write_text("print('target')\nx = 1")
    stdout = sys.stdout
    assert run(["list", "--json"]) == 0
    assert load_target("genzoo_loud_code:x", "loud") == 1
    output = capfd.readouterr()
    assert len(json.loads(output.out)) > 10
    assert output.err.split() == ["import", "records", "target"]
    assert sys.stdout is stdout


def test_stdout_comes_back_whatever_threads_do() -> None:
    """The threads begin one after the other and end in the same order."""
    stdout, gates = sys.stdout, [threading.Event() for _ in range(3)]
    entered = threading.Barrier(4)

    def work(gate: threading.Event) -> None:
        guarded(lambda: (entered.wait(10), gate.wait(10)))

    threads = [threading.Thread(target=work, args=(gate,)) for gate in gates]
    for thread in threads:
        thread.start()
    entered.wait(10)
    assert sys.stdout is sys.stderr
    for gate, thread in zip(gates, threads, strict=True):
        gate.set()
        thread.join()
    assert sys.stdout is stdout


def test_the_callers_signal_handler_stays() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Failed, match="SystemExit"):
        guarded(sys.exit)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("how", ["raise", "swallow", "turn"])
def test_ctrl_c_stops_whatever_the_plugin_makes_of_it(how: str) -> None:
    """SIGINT, to this very process: also where the code catches it."""

    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            if how == "raise":
                raise
            if how == "turn":
                raise ImportError("optional") from None

    with pytest.raises(KeyboardInterrupt):
        guarded(work)


def test_ctrl_c_stops_a_command_that_imports_a_slow_plugin(beside: Path) -> None:
    make_distribution(
        beside, "genzoo-slow", "import sys, time; print('now', file=sys.stderr, flush=True); time.sleep(60)"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(beside), os.environ.get("PYTHONPATH")])),
    }
    command = [sys.executable, "-m", "genzoo", "list"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        assert child.stderr.readline() == "now\n"
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err.strip()) == (130, "", "genzoo: stopped")


def test_a_target_that_raises_anything_is_its_plugins_fault(beside: Path) -> None:
    (beside / "genzoo_skipping.py").write_text("import pytest; pytest.skip('x', allow_module_level=True)")
    with pytest.raises(PluginError, match="mine names genzoo_skipping:X, which cannot be imported: Skipped"):
        load_target("genzoo_skipping:X", "mine")


@pytest.mark.parametrize(
    "data", [b"[genzoo.plugins]\n\xff\xfe = x\n", b"[console_scripts]\n\xe4 = x:y\n", b"[genzoo.plugins]\nlone\n"]
)
def test_entry_points_that_cannot_be_read_stop_nothing(data: bytes, beside: Path, capsys: Capture) -> None:
    make_distribution(beside, "anything", "")
    (beside / "anything-1.0.dist-info" / "entry_points.txt").write_bytes(data)
    assert "vae-conv-mnist" in list_models()
    assert run(["plugins", "--json"]) == 0
    (row,) = [row for row in json.loads(capsys.readouterr().out) if row["distribution"] == "anything"]
    assert row["status"] == "broken"
    assert f"entry_points.txt of anything in {beside} cannot be read" in row["reason"]
    assert "pip install --force-reinstall anything" in row["reason"]


def test_what_cannot_be_read_can_be_blocked(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_distribution(beside, "anything", "")
    (beside / "anything-1.0.dist-info" / "entry_points.txt").write_bytes(b"\xff")
    monkeypatch.setenv("GENZOO_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match="anything"):
        list_models()
    monkeypatch.setenv("GENZOO_BLOCK_PLUGINS", "anything")
    assert "vae-conv-mnist" in list_models()


@pytest.mark.parametrize("name", [b"\xff", b"a\x1b[2J", b"../../x", b"/x/y.whl"])
def test_a_distribution_without_a_name_is_told_apart(name: bytes, beside: Path) -> None:
    for number in range(2):
        make_distribution(beside, f"nameless{number}", GOOD.replace("good", f"good-{number}"))
        info = beside / f"nameless{number}-1.0.dist-info" / "METADATA"
        info.write_bytes(b"Metadata-Version: 2.1\nName: " + name + b"\nVersion: 1.0\n")
    plugins = [plugin for plugin in Registry(discover()).plugins if plugin.distribution == "unknown"]
    assert {plugin.name for plugin in plugins} == {"nameless0", "nameless1"}
    assert all("name" in plugin.reason or "METADATA" in plugin.reason for plugin in plugins)


@pytest.mark.parametrize("name", ["GenZoo", "genzoo", "GENZOO"])
@pytest.mark.parametrize("version", ["99.0", genzoo.__version__])
def test_what_is_called_genzoo_hides_none_of_ours(name: str, version: str, beside: Path, capsys: Capture) -> None:
    make_distribution(beside, "genzoo", GOOD, version=version)
    (beside / "genzoo.py").rename(beside / "genzoo_other.py")
    info = beside / f"genzoo-{version}.dist-info"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("[genzoo.plugins]\nother = genzoo_other\n")
    plugins = Registry(discover()).plugins
    ours = {plugin.name for plugin in plugins if plugin.status == "ok" and plugin.distribution == "genzoo"}
    assert ours == {"core", "conv", "dcgan", "dense", "emoji", "faces", "flow", "lenet", "priors"}
    assert "vae-conv-mnist" in list_models()
    assert "genzoo_other" not in sys.modules
    if name != "genzoo":
        (other,) = [plugin for plugin in plugins if plugin.distribution == name]
        assert other.status == "broken"
        assert f"called {name}, which is genzoo's own name by PEP 503" in other.reason
        assert run(["list"]) == 0
        assert f"other ({name})" in capsys.readouterr().err
    elif version == "99.0":
        assert f"version 99.0 is installed too, in {beside}" in next(p.reason for p in plugins if p.name == "conv")
