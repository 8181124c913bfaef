"""A record has the types that it declares, or cannot be made: thousands of random ones, listed and shown."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import pluggy
import pytest

import genzoo
from genzoo import catalog, hookspecs
from genzoo.cli import run
from genzoo.discovery import Plugin, _load_plugin
from genzoo.errors import InvalidInput, MalformedWeights
from genzoo.fields import Field
from genzoo.registry import Registry, registry
from genzoo.spec import RECORDS, Architecture, Checkpoint, Command, DatasetSpec, Number, Record
from genzoo.typecheck import conform

VALUES_OF: list[dict[str, Any]] = [
    {"to": "x"},
    {"roles": {"encoder": "a:b"}, "summary": "s", "config": {"k": Field(kind="int", doc="d", default=1)}},
    {
        **dict.fromkeys(("family", "architecture", "dataset", "license"), "x"),
        "config": {"input_shape": [2], "latent_dim": 1},
        "parameters": 1,
        "sha256": "0" * 64,
        "size_bytes": 1,
        "metrics": {"fid": Number(value=1.0, unit="", tolerance=0.0, protocol={})},
    },
    {"target": "a:b", "summary": "s"},
    {"target": "a:b", "summary": "s", "shape": (1, 2, 2), "values": "unit"},
    {"target": "a:b", "summary": "s", "suffix": ".x", "usage": "{path}"},
    {"target": "a:b", "roles": ("encoder",), "summary": "s"},
    {"target": "a:b", "needs": ("encode",), "unit": "u", "tolerance": 0.1, "summary": "s"},
    {"family": "ae", "players": {"model": "a:b"}, "summary": "s"},
    {"target": "a:b", "summary": "s", "operation": "aten.sin.default", "script": "() => () => {}"},
    {"path": Path("x.toml")},
    {"target": "a:b", "needs": (), "summary": "s", "config": {"k": Field(kind="int", doc="d", default=1)}},
    {"reason": "r"},
    {"target": "a:b", "summary": "s", "module": "m"},
]
GOOD = {kind: {"name": kind.kind, **values} for kind, values in zip(RECORDS, VALUES_OF, strict=True)}
"""A sound record of each kind."""


class Hostile:
    """It raises at whatever is done with it."""

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return Hostile
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]  # on purpose


class Text(str):
    __slots__ = ()

    def __str__(self, *_: Any) -> str:
        raise RuntimeError

    __format__ = __repr__ = __str__


def nested(depth: int) -> Any:
    return {} if not depth else {"a": nested(depth - 1)} if depth % 2 else [nested(depth - 1)]


VALUES: list[Callable[[random.Random], Any]] = [
    lambda _: None,
    lambda _: True,
    lambda r: r.choice([0, 1, -1, 2**63, 10**400, -(10**400), 5]),
    lambda r: r.choice([0.0, float("nan"), float("inf"), -1e308]),
    lambda r: r.choice(["", "x", "a:b", "unit", "\n", "\x1b[2J", "\ud800", "a" * 70, "0" * 64, "[/x]", "x-1"]),
    lambda _: Text("x"),
    lambda _: b"x",
    lambda _: Hostile(),
    lambda _: object,
    lambda r: nested(r.choice([1, 2, 40, 900])),
    lambda r: [any_of(r) for _ in range(r.randrange(3))],
    lambda r: tuple(any_of(r) for _ in range(r.randrange(3))),
    lambda r: {r.choice(["a", "x", "value", 1, None, "\x1b", "input_shape"]): any_of(r) for _ in range(r.randrange(3))},
    lambda r: MappingProxyType({"a": any_of(r)}),
    lambda _: {1, 2},
    lambda _: Path("x"),
    lambda _: Field(kind="int", doc="", default=1),
]


def any_of(source: random.Random) -> Any:
    return source.choice(VALUES)(source)


def random_record(source: random.Random) -> Record:
    """One of a random kind, with random values in the place of up to three."""
    kind = source.choice(RECORDS)
    values = dict(GOOD[kind])
    for field in source.sample(names := fields(kind), min(len(names), source.randrange(4))):
        values[field.name] = any_of(source)
    return kind(**values)


def installed(*records: Record) -> Plugin:
    """A plugin with these records, loaded as an installed one is."""
    module = ModuleType("random_plugin")
    module.GENZOO_API = 2  # type: ignore[attr-defined]  # as a plugin does
    module.genzoo_records = genzoo.hookimpl(lambda: list(records))  # type: ignore[attr-defined]
    manager = pluggy.PluginManager("genzoo")
    manager.add_hookspecs(hookspecs)
    module.genzoo_records.__name__ = "genzoo_records"
    return _load_plugin(manager, Plugin(name="random", distribution="genzoo-random", version="1"), lambda: module)


def test_random_records_are_refused_or_listed_and_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, good, refused, started = random.Random(0), [], 0, time.perf_counter()  # noqa: S311  # nothing secret
    core = registry().plugins[0]
    for _ in range(4000):
        try:
            good.append(random_record(source))
        except InvalidInput:
            refused += 1
    assert len(good) > 1000
    assert refused > 1000
    for record in good:
        plugin = installed(record)
        assert plugin.status == "ok", plugin.reason
        zoo = Registry([core, plugin])
        monkeypatch.setattr(catalog, "registry", lambda zoo=zoo: zoo)
        json.dumps(plugin.summary())
        for name in catalog.list_models():
            catalog.overview(catalog.summary(name))
        if isinstance(record, Checkpoint | Architecture | DatasetSpec):
            assert run(["show", record.name, *source.choice([[], ["--json"]])]) == 0
            assert run(["list"]) == 0
    assert "fault" not in capsys.readouterr().err
    assert time.perf_counter() - started < 60


def test_random_files_are_records_or_refused(tmp_path: Path) -> None:
    source = random.Random(1)  # noqa: S311  # nothing secret
    refused, whole = 0, json.loads(Checkpoint(**GOOD[Checkpoint]).to_json())
    for _ in range(2000):
        record = {**whole, source.choice([*whole, "x"]): any_of(source)}
        try:
            text = json.dumps(record)
        except (TypeError, ValueError, RuntimeError, RecursionError):
            continue
        (tmp_path / "genzoo.json").write_text(text)
        try:
            name = str(tmp_path)
            json.dumps(catalog.describe(name))
            catalog.overview(catalog.summary(name))
            Checkpoint.read(tmp_path).to_json()
        except MalformedWeights:
            refused += 1
    assert 0 < refused < 2000


@pytest.mark.parametrize("kind", RECORDS)
def test_every_field_of_every_record_has_its_type(kind: type[Record]) -> None:
    kind(**GOOD[kind])
    for field in fields(kind):
        for wrong in (Hostile(), {1, 2}, b"x"):
            with pytest.raises(InvalidInput, match=rf"{field.name}.* has the wrong type"):
                kind(**GOOD[kind] | {field.name: wrong})


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (
            Architecture,
            {"roles": None},
            "architecture architecture: roles has the wrong type: it must be a table, not a",
        ),
        (Architecture, {"roles": {"encoder": 1}}, r"roles\.encoder has the wrong type: it must be a string, not a int"),
        (Architecture, {"sample_block": True}, "sample_block has the wrong type: it must be a whole number"),
        (Architecture, {"shapes": ((1, "a"),)}, "shapes has the wrong type: it must be a whole number, not a str"),
        (Checkpoint, {"size_bytes": "x"}, "size_bytes has the wrong type: it must be a whole number, not a str"),
        (Checkpoint, {"size_bytes": -1}, "size_bytes must be from 0 to"),
        (Checkpoint, {"parameters": 10**400}, "parameters is too large a number"),
        (Checkpoint, {"trained": nested(41)}, "trained.* is nested deeper than 32 levels"),
        (Checkpoint, {"recipe": {"a": object()}}, r"recipe\.a has the wrong type: JSON has no object"),
        (Checkpoint, {"license": "\x1b[2J"}, "license: .* has a control character in it"),
        (DatasetSpec, {"values": "complex"}, "values has the wrong type: it must be one of unit, binary, real"),
        (DatasetSpec, {"splits": ()}, "splits must name one at least"),
        (Command, {"summary": "a\x07"}, "summary: .* has a control character in it"),
    ],
)
def test_a_wrong_type_is_named(kind: type[Record], values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        kind(**GOOD[kind] | values)


def test_lists_become_tuples_and_tables_the_records_own() -> None:
    roles = {"encoder": "a:b"}
    record = Architecture(name="a", roles=MappingProxyType(roles), summary="", shapes=[[1, 2]])  # type: ignore[arg-type]
    assert record.shapes == ((1, 2),)
    roles["decoder"] = "c:d"
    assert record.roles == {"encoder": "a:b"}


def test_a_field_has_its_types() -> None:
    for wrong in ({"doc": None}, {"minimum": "1"}, {"choices": [1]}, {"length": (1,)}, {"kind": ["int"]}):
        with pytest.raises(InvalidInput):
            Field(**{"kind": "int", "doc": "", **wrong})  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="a field: doc has the wrong type"):
        conform(Field(kind="int", doc="").__class__.__new__(Field), "a field", skip=("default", "kind"))
