"""Arguments of the wrong type: each parameter of the public functions refuses them by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genzoo
from genzoo.errors import InvalidInput

X = torch.zeros(2, 1, 4, 4)
Z = torch.zeros(2, 2)
NO_NAMES = (None, 3, object(), b"vae", ["vae"])
NO_TEXTS = (None, 3, Path("a"), ["a"])
NO_WHOLE_NUMBERS = (2.5, "a", True, [1], torch.tensor(0.5))
NO_FLAGS = (None, 1, "no")
NO_FOLDERS = (3, True, ["a"], b"a")
NO_TABLES = (3, "a=1", ["a=1"], {3: 1})
NO_FUNCTIONS = (3, "print")


def model() -> Any:
    return genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=2, hidden=[4], seed=0)


def told() -> genzoo.Model:
    label = genzoo.Column.of(["cat", "dog"])
    return genzoo.create(
        "vae-dense", seed=0, input_shape=(1, 4, 4), latent_dim=2, hidden=[4], given={"label": label}
    ).eval()


FUNCTIONS: Mapping[str, tuple[Callable[..., Any], dict[str, Any], dict[str, tuple[Any, ...]]]] = {
    "load": (genzoo.load, {"name": "ae-dense-mnist"}, {"name": NO_NAMES, "device": (None, 3)}),
    "create": (genzoo.create, {"name": "vae-dense"}, {"name": NO_TEXTS, "seed": NO_WHOLE_NUMBERS}),
    "show": (genzoo.show, {}, {"name": NO_NAMES}),
    "list_models": (genzoo.list_models, {}, {"pattern": NO_TEXTS}),
    "evaluate": (
        genzoo.evaluate,
        {"name": "ae-dense-mnist"},
        {
            "name": NO_NAMES,
            "data": (None, 3, Path("a"), ["a"], X.numpy()),
            "metrics": ("fid", 3, [3], None),
            "overrides": NO_TABLES,
            "data_root": NO_FOLDERS,
            "device": (None, 3),
        },
    ),
    "verify": (
        genzoo.verify,
        {"name": "ae-dense-mnist"},
        {"name": NO_NAMES, "data": (None, 3, ["a"]), "data_root": NO_FOLDERS, "device": (None, 3)},
    ),
    "train": (
        genzoo.train,
        {"recipe": "ae-dense-mnist"},
        {
            "recipe": (*NO_NAMES, {3: 1}),
            "data": (None, 3, Path("a"), ["a"], {"x": X}, X.numpy(), object()),
            "start": NO_FOLDERS,
            "overrides": NO_TABLES,
            "minutes": ("5", [5], 0, -1.0),
            "data_root": NO_FOLDERS,
            "output": NO_FOLDERS,
            "parts": NO_TABLES,
            "resume": NO_FLAGS,
            "force": NO_FLAGS,
            "device": (None, 3),
            "track": NO_TEXTS,
            "progress": NO_FLAGS,
            "note": NO_FUNCTIONS,
            "report": NO_FUNCTIONS,
            "on_epoch": NO_FUNCTIONS,
        },
    ),
    "fit_prior": (
        genzoo.fit_prior,
        {"name": "ae-dense-mnist"},
        {
            "name": NO_NAMES,
            "prior": NO_TEXTS,
            "given": (None, 3, [3]),
            "overrides": NO_TABLES,
            "data_root": NO_FOLDERS,
            "output": NO_FOLDERS,
            "resume": NO_FLAGS,
            "force": NO_FLAGS,
            "device": (None, 3),
            "progress": NO_FLAGS,
            "note": NO_FUNCTIONS,
            "report": NO_FUNCTIONS,
        },
    ),
    "resize": (
        genzoo.resize,
        {"pictures": [], "shape": (1, 4, 4)},
        {"pictures": (None, 3, [], [3], X, np.zeros(3), {"a": 1}), "shape": (None, 3, "a", (4, 4), (2, 4, 4), ("a",))},
    ),
    "Model.save": (
        model().save,
        {"folder": "never"},
        {"folder": (None, *NO_FOLDERS), "license": NO_TEXTS, "force": NO_FLAGS},
    ),
    "push": (
        genzoo.push,
        {"name": "ae-dense-mnist", "repo": "a/b"},
        {"name": NO_NAMES, "repo": NO_TEXTS, "license": NO_TEXTS, "private": NO_FLAGS},
    ),
    "export": (
        genzoo.export,
        {"model": "gan-dense-toy1d", "path": "never.pt2"},
        {"model": (None, 3), "path": (None, 3), "verb": NO_TEXTS, "force": NO_FLAGS},
    ),
    "open_data": (
        genzoo.open_data,
        {"dataset": "toy1d", "split": "train"},
        {"dataset": NO_NAMES, "split": NO_TEXTS, "root": NO_FOLDERS, "shape": (28, "28", (1.5,), ("a",))},
    ),
    "shipped": (genzoo.shipped, {}, {"init_file": (None, 3, Path("a"))}),
    "grid": (genzoo.grid, {"images": X}, {"images": (None, 3, "a", [1]), "columns": NO_WHOLE_NUMBERS}),
    "edit": (
        genzoo.edit,
        {"model": told(), "x": X, "original": {"label": 0}, "label": 1},
        {"model": (None, 3), "x": (None, 3, "a", [1]), "original": NO_TABLES},
    ),
    "strip": (genzoo.strip, {}, {"pictures": (None, 3, "a", [1])}),
    "animate": (
        genzoo.animate,
        {"pictures": X},
        {"pictures": (None, 3, [1]), "columns": NO_WHOLE_NUMBERS, "milliseconds": (None, *NO_WHOLE_NUMBERS)},
    ),
    "sample_in_blocks": (
        genzoo.sample_in_blocks,
        {"model": model(), "n": 1, "seed": 0},
        {"model": (None, 3), "n": (None, *NO_WHOLE_NUMBERS), "seed": NO_WHOLE_NUMBERS, "sampler": (None, 3)},
    ),
    "Model.sample": (model().sample, {"n": 1}, {"n": (None, *NO_WHOLE_NUMBERS), "seed": NO_WHOLE_NUMBERS}),
    "Model.encode": (model().encode, {}, {"x": (None, 3, "a", [1], np.zeros((1, 1, 4, 4)))}),
    "Model.decode": (model().decode, {}, {"z": (None, 3, "a", [1], np.zeros((1, 2)))}),
    "Model.reconstruct": (model().reconstruct, {}, {"x": (None, 3, "a", [1])}),
    "Model.traverse": (
        model().traverse,
        {"start": Z, "latent": 0},
        {
            "start": (None, 3, "a", [1]),
            "latent": (None, *NO_WHOLE_NUMBERS),
            "span": (None, 3, "ab", (1,), (1, "a")),
            "steps": (None, *NO_WHOLE_NUMBERS),
        },
    ),
    "Model.interpolate": (
        model().interpolate,
        {"a": Z, "b": Z},
        {
            "a": (None, 3, "a"),
            "b": (None, 3, "a"),
            "steps": (None, *NO_WHOLE_NUMBERS),
            "mode": (None, 3, "slerp", Z),
        },
    ),
    "Model.manifold": (model().manifold, {}, {"n": (None, *NO_WHOLE_NUMBERS), "extent": ("a", True, [1])}),
    "Model.latents": (model().latents, {}, {"x": (3, "a", [1])}),
    "Model.attribute_vector": (
        model().attribute_vector,
        {"x": X, "has": torch.tensor([True, False])},
        {"x": (None, 3, "a"), "has": (None, 3, [True, False])},
    ),
    "explore": (
        genzoo.explore,
        {"model": model()},
        {"model": (None, 3, "a"), "data_root": NO_FOLDERS, "height": (None, *NO_WHOLE_NUMBERS)},
    ),
    "Alias": (genzoo.Alias, {"name": "a", "to": "b"}, {"name": NO_TEXTS, "to": NO_TEXTS}),
    "Tombstone": (genzoo.Tombstone, {"name": "a", "reason": ""}, {"reason": NO_TEXTS, "instead": NO_TEXTS}),
    "Command": (
        genzoo.Command,
        {"name": "a", "target": "a:b", "summary": ""},
        {"target": NO_TEXTS, "summary": NO_TEXTS},
    ),
    "Family": (
        genzoo.Family,
        {"name": "a", "target": "a:b", "roles": ("encoder",), "summary": ""},
        {"roles": ("encoder", None, (3,)), "config": (3, {"a": 3}), "exceptions": (3, {"a": 3})},
    ),
    "Architecture": (
        genzoo.Architecture,
        {"name": "a", "roles": {"encoder": "a:b"}, "summary": ""},
        {"roles": ("encoder", {"encoder": 3}), "sample_block": (None, *NO_WHOLE_NUMBERS), "shapes": (28, (28,), "a")},
    ),
    "Objective": (
        genzoo.Objective,
        {"name": "a", "family": "vae", "players": {"model": "a:b"}, "summary": ""},
        {"family": NO_TEXTS, "players": ("a:b", {"model": 3}), "per_example": NO_FLAGS},
    ),
    "DatasetSpec": (
        genzoo.DatasetSpec,
        {"name": "a", "target": "a:b", "summary": "", "shape": (1,), "values": "real"},
        {"shape": (3, "28"), "values": (3, "grey"), "splits": ("train", (3,)), "columns": (3, {"a": 3})},
    ),
    "MetricSpec": (
        genzoo.MetricSpec,
        {"name": "a", "target": "a:b", "needs": ("encode",), "unit": "", "tolerance": 1, "summary": ""},
        {"needs": ("encode", 3), "tolerance": (None, "a", True), "unit": NO_TEXTS, "protocol": (3, "a")},
    ),
    "ModelSpec": (
        genzoo.ModelSpec,
        {"family": "vae", "architecture": "dense", "config": {}},
        {
            "family": NO_TEXTS,
            "architecture": NO_TEXTS,
            "config": (None, 3, "a"),
            "given": (3, {"label": 3}),
            "parts": (3, {"first_stage": 3}),
            "sampler": NO_TEXTS,
        },
    ),
    "Field": (
        genzoo.Field,
        {"kind": "int", "doc": ""},
        {
            "kind": (None, 3, "integer"),
            "doc": NO_TEXTS,
            "minimum": ("a", True),
            "choices": ("a", 3),
            "length": (3, (1,)),
        },
    ),
    "SamplerSpec": (
        genzoo.SamplerSpec,
        {"name": "a", "target": "a:b", "summary": "", "needs": ()},
        {"needs": ("decode", 3), "config": (3, {"a": 3})},
    ),
    "TrackerSpec": (
        genzoo.TrackerSpec,
        {"name": "a", "target": "a:b", "summary": ""},
        {"module": NO_TEXTS, "install": NO_TEXTS},
    ),
    "ExporterSpec": (
        genzoo.ExporterSpec,
        {"name": "a", "target": "a:b", "summary": "", "suffix": ".a", "usage": ""},
        {"suffix": NO_TEXTS, "usage": NO_TEXTS, "packages": ("numpy", (3,))},
    ),
    "OperationSpec": (
        genzoo.OperationSpec,
        {"name": "a", "target": "a:b", "summary": "", "operation": "aten.sin.default", "script": "() => 0"},
        {"operation": NO_TEXTS, "script": NO_TEXTS},
    ),
    "Column": (
        genzoo.Column,
        {"space": genzoo.Space(shape=())},
        {"space": (3, None), "names": ("a", 3), "doc": NO_TEXTS, "optional": NO_FLAGS},
    ),
    "Part": (genzoo.Part, {"name": "a", "sha256": "0" * 64}, {"name": NO_TEXTS, "sha256": NO_TEXTS}),
    "verb": (genzoo.verb, {"takes": "data", "gives": "code"}, {"takes": NO_TEXTS, "gives": NO_TEXTS}),
}
CASES = [
    pytest.param(function, {**good, parameter: bad}, parameter, id=f"{name}-{parameter}-{index}")
    for name, (function, good, wrong) in FUNCTIONS.items()
    for parameter, values in wrong.items()
    for index, bad in enumerate(values)
]


@pytest.mark.parametrize(("function", "given", "parameter"), CASES)
def test_a_wrong_type_is_refused_by_name(function: Callable[..., Any], given: dict[str, Any], parameter: str) -> None:
    with pytest.raises(InvalidInput) as error:
        function(**given)
    assert " must be " in error.value.message or " wants " in error.value.message or "wanted" in error.value.message


NOT_CALLED = {
    "Checkpoint",
    "GenzooError",
    "InvalidInput",
    "NotFound",
    "Model",
    "Record",
    "Setting",
    "Split",
    "__version__",
}
NOT_CALLED |= {"Encoder", "Decoder", "Generator", "Discriminator", "NetworkBuilder", "Sampler", "hookimpl"}
NOT_CALLED |= {
    "ALPHABET",
    "Batch",
    "ColumnEmbedding",
    "Edit",
    "FiLM",
    "LATENT_DIM",
    "Noise",
    "Trace",
    "Space",
    "Spaces",
    "Survey",
    "testing",
}


def test_every_public_function_is_tried() -> None:
    assert {name for name in FUNCTIONS if "." not in name} == set(genzoo.__all__) - NOT_CALLED


def test_a_name_where_a_list_is_wanted_says_what_to_write() -> None:
    with pytest.raises(InvalidInput, match=r"metrics must be a list of strings; got 'fid'; write metrics=\['fid'\]"):
        genzoo.evaluate("ae-dense-mnist", metrics="fid")


def test_numbers_of_numpy_are_numbers() -> None:
    assert model().sample(np.int64(2), seed=np.int64(3)).shape == (2, 1, 4, 4)
    assert model().traverse(Z, latent=np.int64(0), span=(np.float32(-1), 1), steps=np.int64(3)).shape[1] == 3
    columns: Any = np.int64(1)
    assert genzoo.grid(X, columns=columns).size == (8, 14)


def test_a_missing_or_unknown_argument_is_pythons_own_error() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
        genzoo.load()  # type: ignore[call-arg]  # the mistake
    with pytest.raises(TypeError, match="unexpected keyword argument 'cpu'"):
        genzoo.load("ae-dense-mnist", cpu=True)  # type: ignore[call-arg]  # the mistake


def test_a_seed_too_large_for_torch_is_refused() -> None:
    with pytest.raises(InvalidInput, match="seed must be a whole number of 64 bits"):
        genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=2, seed=1 << 70)
