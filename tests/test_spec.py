from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import genzoo
from genzoo.errors import GenzooError, InvalidInput, MalformedWeights, NotFound
from genzoo.fields import Field, check_config
from genzoo.spec import Architecture, Checkpoint, Column, ModelSpec

FIELDS = {
    "width": Field(kind="int", doc="units", default=8, minimum=1, maximum=64),
    "rate": Field(kind="float", doc="rate", default=0.5, minimum=0, maximum=1),
    "norm": Field(kind="str", doc="norm", default="none", choices=("none", "batch")),
    "fast": Field(kind="bool", doc="fast", default=False),
    "hidden": Field(kind="ints", doc="units", default=(4,), minimum=1, maximum=9, length=(1, 3)),
}

RECORD: dict[str, Any] = {
    "name": "ae-x-y",
    "family": "ae",
    "architecture": "x",
    "config": {"input_shape": [1, 2, 2], "latent_dim": 1},
    "dataset": "y",
    "license": "MIT",
    "parameters": 1,
    "sha256": "0" * 64,
    "size_bytes": 1,
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"widht": 1}, r"config has no key 'widht'; did you mean width\?"),
        ({"width": 0}, r"config.width must be a whole number from 1 to 64; got 0"),
        ({"width": 2**40}, r"config.width must be .* from 1 to 64"),
        ({"width": True}, r"config.width must be a whole number"),
        ({"width": 1.0}, r"config.width must be a whole number"),
        ({"rate": float("nan")}, r"config.rate must be a number from 0 to 1"),
        ({"rate": "0.1"}, r"config.rate must be a number"),
        ({"norm": "os.system"}, r"config.norm must be one of none, batch"),
        ({"fast": 1}, r"config.fast must be true or false"),
        ({"hidden": 4}, r"config.hidden must be a list of whole numbers"),
        ({"hidden": []}, r"config.hidden must be .*1 to 3 of them"),
        ({"hidden": [1, 10]}, r"config.hidden must be .* from 1 to 9"),
        ({"hidden": [1, 1, 1, 1]}, r"config.hidden must be .*1 to 3 of them"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(config: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        check_config(FIELDS, config, "config")


@given(st.dictionaries(st.sampled_from([*FIELDS, "other"]), json_values))
def test_a_config_is_in_range_or_refused(config: dict[str, Any]) -> None:
    try:
        checked = check_config(FIELDS, config, "config")
    except InvalidInput:
        return
    assert set(checked) == set(FIELDS)
    assert 1 <= checked["width"] <= 64
    assert 0 <= checked["rate"] <= 1
    assert checked["norm"] in ("none", "batch")
    assert isinstance(checked["fast"], bool)
    assert all(1 <= units <= 9 for units in checked["hidden"])


def test_defaults_are_filled_in_and_lists_become_tuples() -> None:
    checked = check_config(FIELDS, {"hidden": [1, 2], "rate": 1}, "config")
    assert checked == {"width": 8, "rate": 1.0, "norm": "none", "fast": False, "hidden": (1, 2)}


@pytest.mark.parametrize("name", ["", "-a", "A", "a_b", "a/b", "../a", "a" * 65, "ä", "a\n"])
def test_a_record_refuses_what_is_no_name(name: str) -> None:
    with pytest.raises(InvalidInput, match="must be 1 to 64 of"):
        Architecture(name=name, roles={}, summary="")


@pytest.mark.parametrize("target", ["os", "os.system", "a:b:c", "a b:c", "https://x:y", ""])
def test_a_record_refuses_what_is_no_target(target: str) -> None:
    with pytest.raises(InvalidInput, match="must be 'module:attribute'"):
        Architecture(name="a", roles={"encoder": target}, summary="")


def test_a_record_of_before_values_had_a_name_is_one_of_unit_values() -> None:
    assert Checkpoint(**RECORD).spec.values == "unit"
    with pytest.raises(InvalidInput, match=r"config\.values must be one of unit, real"):
        Checkpoint(**{**RECORD, "config": {**RECORD["config"], "values": "complex"}})


@pytest.mark.parametrize("pin", [{}, {"repo": "me/model", "commit": "0" * 40}])
def test_a_record_survives_its_file(tmp_path: Path, pin: dict[str, Any]) -> None:
    record = Checkpoint(**RECORD, **pin, folder=tmp_path)
    (tmp_path / "genzoo.json").write_text(record.to_json())
    assert Checkpoint.read(tmp_path) == record


@given(st.dictionaries(st.sampled_from(["format", *RECORD, "metrics", "folder", "x"]), json_values))
def test_a_changed_record_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, change: dict[str, Any]) -> None:
    folder = tmp_path_factory.mktemp("record")
    full = {**json.loads(Checkpoint(**RECORD).to_json()), **change}
    (folder / "genzoo.json").write_text(json.dumps(full))
    try:
        record = Checkpoint.read(folder)
    except MalformedWeights:
        return
    assert isinstance(record.config, dict)


@given(st.binary(max_size=200))
def test_a_file_of_anything_is_no_record(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("record")
    (folder / "genzoo.json").write_bytes(data)
    with pytest.raises(MalformedWeights, match="is not a genzoo record"):
        Checkpoint.read(folder)


TWICE = Checkpoint(**RECORD).to_json().replace('"name":', '"name": "ae-x-z", "name":')
HALF = json.dumps(json.loads(Checkpoint(**RECORD).to_json()) | {"repo": "me/model"})


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": 2}', '{"format": 1}', "", "3", TWICE, HALF])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_odd_file_is_no_record(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "genzoo.json").write_text(text, encoding)
    with pytest.raises(MalformedWeights, match="is not a genzoo record"):
        Checkpoint.read(tmp_path)


def test_a_large_file_is_not_read_as_a_record(tmp_path: Path) -> None:
    (tmp_path / "genzoo.json").write_text(" " * (2 << 20))
    with pytest.raises(MalformedWeights, match="more than the 1,048,576 allowed"):
        Checkpoint.read(tmp_path)


def test_a_folder_without_a_record_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"genzoo\.json is missing"):
        genzoo.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("vae-conv", {"input_shape": (1, 28, 28)}, "latent_dim is missing"),
        ("vae-conv", {"input_shape": (1, 28, 28), "latent_dim": 2**40}, r"latent_dim must be .* from 1 to 65536"),
        ("vae-conv", {"input_shape": (1, 2, 2), "latent_dim": 2}, "height and width of at least 4; got 2×2"),
        ("vae-conv", {"input_shape": (28, 28), "latent_dim": 2}, r"needs input_shape \(channels, height, width\)"),
        ("gan-dcgan", {"input_shape": (1, 30, 30), "latent_dim": 2}, "resize the pictures"),
        ("gan-dcgan", {"input_shape": (2,), "latent_dim": 2}, r"got \(2,\), which are no pictures: take dense"),
        ("ae-dense", {"input_shape": (8192, 8192, 8192), "latent_dim": 65536}, "would have .* parameters"),
        ("ae-dense", {"input_shape": (8192,) * 4, "latent_dim": 65536, "hidden": [16384]}, "cannot build its encoder"),
        ("vae-dense", {"input_shape": (4,), "latent_dim": 2, "likelihood": "x"}, "must be one of bernoulli, gaussian"),
    ],
)
def test_create_refuses_before_it_allocates(name: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        genzoo.create(name, **config)


def test_create_knows_near_names() -> None:
    with pytest.raises(NotFound, match="did you mean vae-conv"):
        genzoo.create("vae-conf", input_shape=(1, 28, 28), latent_dim=2)


@given(
    st.text()
    | st.sampled_from(["/\0", "~nobody-here/x", "./", "/", "\\", ":", "a:b", "/dev/zero", "a" * 300, "a" * 5000 + "/"])
)
def test_load_of_any_text_is_typed(name: str) -> None:
    if name in genzoo.list_models():
        return
    with pytest.raises(GenzooError):
        genzoo.load(name)


def test_columns_stand_in_the_order_of_their_names_in_which_a_record_is_read() -> None:
    columns = {name: Column.of([name, "other"]) for name in ("size", "colour", "age")}
    spec = ModelSpec(family="f", architecture="a", config={"input_shape": (1,)}, given=columns, predicts=columns)
    assert list(spec.given) == list(spec.predicts) == ["age", "colour", "size"]
