"""Data of the caller's own: tensors, data sets and loaders of torch, as what a model is trained and measured on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, WeightedRandomSampler

import genzoo
from genzoo.api.own import OwnData
from genzoo.cli import run
from genzoo.errors import InvalidInput, NotFound, VerificationFailed

RECIPE: Mapping[str, Any] = {
    "name": "ae-dense-mine",
    "model": {"family": "ae", "architecture": "dense", "latent_dim": 2, "hidden": [4]},
    "objective": {"name": "mse"},
    "training": {"epochs": 2, "batch_size": 16},
}
BYTES = torch.arange(40 * 16).remainder(251).view(40, 1, 4, 4).to(torch.uint8)
PICTURES = BYTES / 255
LABELS = torch.arange(40) % 3


class Listed(Dataset[Any]):
    """A map-style data set of these items, which may draw."""

    def __init__(self, items: Callable[[int], Any], count: int = 40) -> None:
        self.items, self.count = items, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        return self.items(index)


class Endless(IterableDataset[Tensor]):
    def __iter__(self) -> Iterator[Tensor]:
        return iter(PICTURES)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def trained(data: Any, **options: Any) -> Any:
    options = {"recipe": RECIPE, "device": "cpu", "progress": False, **options}
    return genzoo.train(options.pop("recipe"), data=data, **options)


def opened(data: Any, values: Any = "unit") -> OwnData:
    return OwnData.of(data, "data", values=values)


def random_states() -> list[Any]:
    """Of torch and numpy; from Python's draws beartype, which watches the tests."""
    return [torch.get_rng_state().tolist(), str(np.random.get_state(legacy=False))]


def test_a_model_of_a_tensor_is_recorded_as_that_of_own_data() -> None:
    lines: list[str] = []
    model = trained(BYTES, note=lines.append)
    record = genzoo.show("runs/ae-dense-mine")
    assert model.input_shape == (1, 4, 4)
    assert (record.dataset, record.recipe["data"]) == ("own-data", {"name": "own-data"})
    assert record.trained["data"]["examples"] == 40
    assert record.metrics["reconstruction_mse"].protocol == {"split": "test", "n": 4}
    assert "4 of the 40 examples are held out, to measure the model on" in lines
    assert "bytes from 0 to 255 stand for [0, 1]" in lines
    assert "ae-dense-mine: 36 examples of 1×4×4, 4 steps on cpu" in lines


FORMS: Mapping[str, Any] = {
    "bytes": BYTES,
    "floats": PICTURES,
    "float64": PICTURES.double(),
    "TensorDataset": TensorDataset(PICTURES),
    "items": Listed(lambda i: PICTURES[i]),
    "pairs": Listed(lambda i: (PICTURES[i], int(LABELS[i]))),
    "dicts": Listed(lambda i: {"label": LABELS[i], "x": BYTES[i]}),
    "arrays": Listed(lambda i: (PICTURES[i].numpy(), np.int64(LABELS[i]))),
    "PIL": Listed(lambda i: Image.fromarray(BYTES[i, 0].numpy())),
    "DataLoader": DataLoader(TensorDataset(PICTURES, LABELS), batch_size=3, shuffle=True),
    "Split": genzoo.Split(source=BYTES, shape=(1, 4, 4), columns={"label": LABELS}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_same_examples_gives_the_same_batches(form: str) -> None:
    own = opened(FORMS[form])
    assert own.dataset.shape == (1, 4, 4)
    (batch,) = own.whole.batches(torch.arange(40), 40)
    assert torch.equal(batch.x, PICTURES)
    if "label" in own.dataset.columns:
        assert own.dataset.classes == 3
        assert own.whole.labels is not None
        assert own.whole.labels.tolist() == LABELS.tolist()
    held_out, rest = own.splits["test"], own.splits["train"]
    (test,), (train,) = held_out.batches(torch.arange(4), 4), rest.batches(torch.arange(36), 36)
    everything = torch.cat([test.x, train.x]).flatten(1)
    assert sorted(everything.tolist()) == sorted(PICTURES.flatten(1).tolist())


@pytest.mark.parametrize("count", [1, 9, 10, 19, 60])
def test_about_a_tenth_is_held_out_and_never_learned_from(count: int) -> None:
    own = opened(torch.arange(count).view(count, 1) / count)
    parts = [set(split.first(count).flatten().tolist()) for split in own.splits.values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) == count
    assert len(own.splits.get("test", ())) == (count // 10)


def test_a_run_goes_on_with_the_same_data_alone() -> None:
    recipe = {**RECIPE, "training": {"epochs": 4, "batch_size": 16}}
    whole = trained(PICTURES, recipe=recipe, output="whole")
    trained(PICTURES, output="run")
    with pytest.raises(InvalidInput, match="began with other data than it is given now"):
        trained(PICTURES.flip(0), recipe=recipe, output="run", resume=True)
    with pytest.raises(InvalidInput, match="began with other data"):
        trained(TensorDataset(PICTURES, LABELS), recipe=recipe, output="run", resume=True)
    again = trained(PICTURES.clone(), recipe=recipe, output="run", resume=True)
    assert all(map(torch.equal, whole.state_dict().values(), again.state_dict().values()))


def test_a_data_set_is_told_from_another_by_what_it_gives_twice_alike() -> None:
    still = opened(Listed(lambda i: PICTURES[i])).fingerprint
    assert still == opened(Listed(lambda i: PICTURES[i])).fingerprint
    assert still != opened(Listed(lambda i: PICTURES[39 - i])).fingerprint
    draws = {opened(Listed(lambda i: PICTURES[i] * torch.rand(1))).fingerprint for _ in range(2)}
    clock = iter(range(1000, 10**6))
    own = {opened(Listed(lambda i: PICTURES[i] / next(clock))).fingerprint for _ in range(2)}
    assert (len(draws), len(own)) == (1, 1)  # or a run could never go on
    one = opened(Listed(lambda i: (PICTURES[i] / next(clock), LABELS[i])))
    other = opened(Listed(lambda i: (PICTURES[i] / next(clock), LABELS[39 - i])))
    assert one.fingerprint != other.fingerprint


def test_random_state_of_the_caller_stays_whatever_the_data_set_draws() -> None:
    def item(index: int) -> Any:
        return PICTURES[index] * torch.rand(1) * np.random.rand()

    before = random_states()
    data = Listed(item)
    trained(data, overrides={"training.workers": 0})
    genzoo.evaluate("runs/ae-dense-mine", data=data, device="cpu")
    assert random_states() == before


def test_a_model_of_own_data_is_measured_on_data_that_is_given() -> None:
    trained(PICTURES)
    folder = "runs/ae-dense-mine"
    recorded = genzoo.show(folder).metrics["reconstruction_mse"]
    assert genzoo.verify(folder, data=PICTURES, device="cpu")["reconstruction_mse"].value == recorded.value
    other = genzoo.evaluate(folder, data=1 - PICTURES, device="cpu")["reconstruction_mse"]
    assert other.protocol == {"split": "test", "n": 40}  # it has seen none of it
    with pytest.raises(VerificationFailed):
        genzoo.verify(folder, data=1 - PICTURES)
    missed = "the data was given in Python, and is not kept with the model; give it again, as data="
    for call in (genzoo.evaluate, genzoo.verify, lambda name: genzoo.train(name, output="new")):
        with pytest.raises(NotFound, match=missed):
            call(folder)
    with pytest.raises(InvalidInput, match=r"examples of shape \(1, 5, 5\), and model.input_shape is \(1, 4, 4\)"):
        genzoo.evaluate(folder, data=torch.rand(20, 1, 5, 5))


def test_a_model_of_own_data_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    trained(PICTURES)
    assert run(["evaluate", "runs/ae-dense-mine"]) == 3
    assert "--data DATASET" in capsys.readouterr().err
    assert run(["compare", "runs/ae-dense-mine", "-o", "a.png"]) == 3
    assert run(["show", "runs/ae-dense-mine"]) == 0
    assert "own-data" in capsys.readouterr().out


def test_a_recipe_that_names_data_is_used_under_another_name() -> None:
    recipe = {**RECIPE, "data": {"name": "mnist"}, "license": "MIT"}
    record = trained(PICTURES, recipe=recipe).checkpoint
    assert (record.name, record.license, record.dataset) == ("ae-dense-own-data", "unstated", "own-data")
    again = genzoo.train("runs/ae-dense-own-data", data=PICTURES, output="again", device="cpu", progress=False)
    assert again.checkpoint is not None
    assert again.checkpoint.sha256 == record.sha256


def test_labels_are_told_and_keep_the_names_that_the_data_set_has() -> None:
    data = Listed(lambda i: (PICTURES[i], i % 2))
    data.classes = ["cat", "dog"]  # type: ignore[attr-defined]  # as torchvision's have
    told = {**RECIPE, "model": {**RECIPE["model"], "given": ["label"]}}
    model = trained(data, recipe=told)
    assert model.spec.given["label"].names == ("cat", "dog")
    assert model.encode(PICTURES[:1], label="dog").shape == (1, 2)
    few = Listed(lambda i: (PICTURES[i], 0), count=12)  # one class, of the two that it has learned
    assert genzoo.evaluate("runs/ae-dense-mine", data=few, device="cpu")["reconstruction_mse"].protocol["n"] == 12


def test_binary_pictures_are_binary_data_and_points_are_real_numbers() -> None:
    zeros_and_ones = (PICTURES > 0.5).float()
    assert opened(zeros_and_ones).dataset.values == opened((zeros_and_ones * 255).byte()).dataset.values == "binary"
    assert opened(Listed(lambda i: zeros_and_ones[i])).dataset.values == "binary"
    assert opened(replace(FORMS["Split"], binarised=True)).dataset.values == "binary"
    points = {**RECIPE, "model": {**RECIPE["model"], "values": "real"}}
    assert trained(torch.randn(40, 2) * 9, recipe=points).input_shape == (2,)
    assert opened(LABELS.view(-1, 2), "index").dataset.alphabet == 3


def test_what_of_a_loader_is_not_used_is_told() -> None:
    sampler = WeightedRandomSampler([1.0] * 40, 5)
    lines: list[str] = []
    loader = DataLoader(Listed(lambda i: PICTURES[i]), batch_size=3, sampler=sampler, collate_fn=list)
    trained(loader, note=lines.append)
    assert any(
        "not its batch size (3) and its sampler (WeightedRandomSampler) and its collate_fn" in line for line in lines
    )
    assert "reading the 40 examples of Listed once, to check them" in lines


BAD: Mapping[str, tuple[Any, str]] = {
    "nothing": (None, "train: data must be a tensor, a torch Dataset, a DataLoader or a genzoo.Split; got NoneType"),
    "a number": (3, "got int"),
    "a list": ([PICTURES], "got list"),
    "an array": (PICTURES.numpy(), r"got ndarray; torch.from_numpy\(x\)"),
    "no examples": (PICTURES[:0], r"data is empty"),
    "an empty data set": (Listed(lambda i: PICTURES[i], 0), "data is empty"),
    "a number tensor": (torch.tensor(1.0), "data is empty"),
    "a scale of 255": (PICTURES * 255, r"must lie in \[0, 1\]; these lie in \[0, 25\d\]; x / 255"),
    "a scale of ±1": (PICTURES * 2 - 1, r"\(x \+ 1\) / 2"),
    "NaN": (PICTURES / 0, "data has values that are NaN or infinite"),
    "int64": (BYTES.long(), r"got torch.int64: x.to\(torch.uint8\)"),
    "bool": (BYTES > 3, "got torch.bool"),
    "complex": (torch.zeros(9, 1, 4, 4, dtype=torch.complex64), "got torch.complex64"),
    "sparse": (PICTURES.to_sparse(), "got torch.sparse_coo"),
    "no channels": (PICTURES[:, 0], r"got \(4, 4\): x.unsqueeze\(-3\)"),
    "channels last": (PICTURES.movedim(1, -1), r"got \(4, 4, 1\): x.movedim\(-1, -3\)"),
    "endless": (Endless(), "Endless has no indices.* map-style"),
    "three parts": (TensorDataset(PICTURES, LABELS, LABELS), r"has 3 parts; wanted x, \(x, label\), or a dict"),
    "no x": (Listed(lambda i: {"image": PICTURES[i]}), r"data\[0\] has no 'x' among its columns \(image\)"),
    "words": (Listed(lambda i: (PICTURES[i], "cat")), r"data\[0\]: the column label has str"),
    "other shapes": (Listed(lambda i: PICTURES[i, :, : 4 - (i == 33)]), r"data\[33\] is .*\(1, 3, 4\), and the first"),
    "a bad one": (Listed(lambda i: PICTURES[i] * (1 + 300 * (i == 17))), r"data\[17\]: values must lie in \[0, 1\]"),
    "an error": (
        Listed(lambda i: PICTURES[i] if i < 21 else RECIPE[str(i)]),
        r"data\[21\] cannot be read: KeyError: .21",
    ),
    "no tensors": (Listed(lambda i: "a.png"), r"data\[0\]: examples are tensors; got str"),
    "a palette": (Listed(lambda i: Image.new("P", (4, 4))), r"mode P; x.convert\('RGB'\)"),
    "negative labels": (TensorDataset(PICTURES, LABELS - 1), "the column label has -1, and classes are counted from 0"),
    "labels of numbers": (TensorDataset(PICTURES, LABELS / 2), "labels are a tensor of whole numbers"),
    "a column's name": (Listed(lambda i: {"x": PICTURES[i], "Name it": 1}), "a column cannot be called 'Name it'"),
}


@pytest.mark.parametrize("case", BAD)
def test_data_that_cannot_be_used_is_refused_before_anything_is_written(case: str) -> None:
    data, message = BAD[case]
    with pytest.raises(InvalidInput, match=message):
        trained(data)
    assert not Path("runs").exists()


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)
BAD_RECIPES: Mapping[str, tuple[Any, str]] = {
    "a misspelt key": ({**RECIPE, "modle": {}}, "no key 'modle'; did you mean model"),
    "no epochs": ({**RECIPE, "training": {}}, "recipe: training.epochs is missing"),
    "a wrong type": ({**RECIPE, "training": {"epochs": "2"}}, "recipe: training.epochs must be a whole number"),
    "no table": ({**RECIPE, "model": "vae"}, "recipe: model must be a table"),
    "an object": ({**RECIPE, "model": {**RECIPE["model"], "hidden": LABELS}}, "config.hidden has the wrong type"),
    "another shape": ({**RECIPE, "model": {**RECIPE["model"], "input_shape": (1, 9, 9)}}, "model.input_shape is"),
    "an unknown column": ({**RECIPE, "model": {**RECIPE["model"], "given": ["size"]}}, "own-data has no column 'size'"),
    "no end": ({**RECIPE, "model": {"hidden": ENDLESS}}, "nested more than 32 deep"),
}


@pytest.mark.parametrize("case", BAD_RECIPES)
def test_a_recipe_that_cannot_be_used_names_the_key(case: str) -> None:
    recipe, message = BAD_RECIPES[case]
    with pytest.raises(InvalidInput, match=message):
        trained(PICTURES, recipe=recipe)
    assert not Path("runs").exists()


def test_the_table_of_a_recipe_trains_what_its_file_does() -> None:
    table = {**RECIPE, "data": {"name": "toy1d"}, "model": {**RECIPE["model"], "values": "real"}}
    table = {**table, "training": {"epochs": 1, "batch_size": 20000}}
    model = genzoo.train(table, device="cpu", progress=False)
    assert model.checkpoint is not None
    assert model.checkpoint.recipe["training"]["batch_size"] == 20000
    with pytest.raises(InvalidInput, match=r"data.name is missing"):
        genzoo.train(RECIPE)
    with pytest.raises(InvalidInput, match=r"data is given, and data_root = '.' too"):
        trained(PICTURES, data_root=".")


def test_a_folder_that_was_opened_is_data_too(tmp_path: Path) -> None:
    for index in range(20):
        Image.fromarray(BYTES[index, 0].numpy()).save(tmp_path / f"{index:02}.png")
    own = opened(genzoo.open_data("folder", "train", root=tmp_path, shape=(1, 4, 4)))
    assert len(own.splits["train"]) + len(own.splits["test"]) == len(own.whole)
    assert own.splits["train"].first(2).shape == (2, 1, 4, 4)


def test_few_examples_hold_nothing_out() -> None:
    with pytest.raises(InvalidInput, match="only 9 examples"):
        trained(PICTURES[:9])
    recipe = {**RECIPE, "training": {"epochs": 1, "batch_size": 4}}
    metrics = trained(PICTURES[:9], recipe=recipe).checkpoint.metrics
    assert metrics["reconstruction_mse"].protocol == {"split": "train", "n": 9}
