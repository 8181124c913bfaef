"""Every law of records and distributions can be broken, and says by what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import genzoo
from genzoo import Alias, Architecture, Command, DatasetSpec, Field, Objective, Split
from genzoo.registry import registry
from genzoo.spec import RecipeFile, Record
from genzoo.testing import Case, records
from tests.conftest import make_distribution

HERE = __name__
SHAPE = (1, 2, 2)


def loss(model: object, x: Tensor) -> dict[str, Tensor]:
    return {"loss": x.flatten(1).sum(1)}


def twos(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    return Split(source=torch.full((8, *SHAPE), 2.0), shape=SHAPE)


def other(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    return Split(source=torch.rand(8, *SHAPE), shape=SHAPE)


def data(name: str, shape: tuple[int, ...] = SHAPE) -> DatasetSpec:
    return DatasetSpec(name=name, target=f"{HERE}:{name}", summary="", shape=shape, values="unit")


def recipe(folder: Path) -> RecipeFile:
    path = folder / "mine.toml"
    path.write_text(registry().find(RecipeFile, "gan-dense-toy1d").path.read_text())
    return RecipeFile(name="mine", path=path)


IDLE = Field(kind="int", doc="", default=1)
BROKEN: dict[str, tuple[records.RecordLaw, Callable[[Path], Record], str]] = {
    "no callable": (
        records.targets_are_there,
        lambda folder: Command(name="x", target="json:__doc__", summary=""),
        "json:__doc__ is nothing that can be called",
    ),
    "a role of nobody": (
        records.roles_are_asked_for,
        lambda folder: Architecture(name="x", summary="", roles={"seer": "json:dumps"}),
        "no family asks for seer; families ask for",
    ),
    "no family": (
        records.family_is_known,
        lambda folder: Objective(name="x", family="vea", players={"model": "json:dumps"}, summary=""),
        "no family is called 'vea'; did you mean vae",
    ),
    "an idle option": (
        records.options_are_taken,
        lambda folder: Objective(
            name="x", family="vae", players={"model": f"{HERE}:loss"}, summary="", config={"idle": IDLE}
        ),
        "no loss takes idle",
    ),
    "values beyond 1": (records.data_are_as_recorded, lambda folder: data("twos"), r"train has values in \[2, 2\]"),
    "other data each time": (records.data_are_as_recorded, lambda folder: data("other"), "train is other data"),
    "another shape": (
        records.data_are_as_recorded,
        lambda folder: data("other", (1, 3, 3)),
        r"of shape \(1, 2, 2\), not \(1, 3, 3\)",
    ),
    "another name": (records.recipe_can_be_trained, recipe, "mine.toml says name = 'gan-dense-toy1d'"),
    "another recipe": (
        records.recipe_is_the_one_that_trained,
        lambda folder: replace(genzoo.show("gan-dense-toy1d"), recipe=genzoo.show("ae-dense-mnist").recipe),
        "not the shipped one",
    ),
    "an alias of nothing": (
        records.alias_leads_to_a_checkpoint,
        lambda folder: Alias(name="old", to="nothing"),
        "there is no checkpoint 'nothing' in genzoo",
    ),
}


def test_every_law_of_records_is_broken_here() -> None:
    assert {law for law, _, _ in BROKEN.values()} == {law for law, _ in records.RECORD_LAWS}


@pytest.mark.parametrize(("law", "make", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_record_breaks_the_law(
    law: records.RecordLaw, make: Callable[[Path], Record], message: str, tmp_path: Path
) -> None:
    record = make(tmp_path)
    with pytest.raises(AssertionError, match=message):
        Case(law=law, subject="it", arguments=lambda: (record, "genzoo")).check()


def test_a_pickle_among_the_files_breaks_the_law(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_distribution(tmp_path, "genzoo-pickled", "")
    record = tmp_path / "genzoo_pickled-1.0.dist-info" / "RECORD"
    monkeypatch.syspath_prepend(tmp_path)
    record.write_text("genzoo_pickled.py,,\ngenzoo_pickled.pth,,\n")
    records.holds_no_pickle("genzoo-pickled")
    record.write_text("genzoo_pickled/weights.pth,,\n")
    with pytest.raises(AssertionError, match=r"it holds genzoo_pickled/weights\.pth; weights are safetensors"):
        records.holds_no_pickle("genzoo-pickled")
