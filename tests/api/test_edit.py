"""genzoo.edit: what pictures show is read from them, and what excludes each other gives way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

import genzoo
from genzoo.cli.given import Given, told
from genzoo.registry import registry
from genzoo.spec import DatasetSpec

SHOWN = ("glasses", "sunglasses", "bald", "long_hair", "hat", "headscarf", "beard", "moustache", "hair")


@pytest.fixture(scope="module")
def drawer() -> genzoo.Model:
    """An untrained model of drawn faces that is told nine columns of them."""
    columns = registry().find(DatasetSpec, "faces").columns
    given = {name: replace(columns[name], optional=True) for name in SHOWN}
    model = genzoo.create(
        "vae-dense", input_shape=(3, 64, 64), latent_dim=2, hidden=[4], likelihood="gaussian", seed=0, given=given
    )
    model.checkpoint = replace(genzoo.show("vae-conv-faces-attributes"), recipe={})
    return model.eval()


@pytest.fixture(scope="module")
def faces() -> genzoo.Split:
    return genzoo.open_data("faces", "test", root="nowhere")


def test_what_is_said_of_the_original_is_not_read(
    drawer: Any, faces: genzoo.Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genzoo.api.edit.seer", lambda model: pytest.fail("a network is loaded for nothing"))
    x, shown = faces.first(2), {name: faces.column(name, torch.arange(2)) for name in SHOWN}
    found = genzoo.edit(drawer, x, original=shown, glasses=True, sunglasses=False)
    assert (found.seen, found.seen_by) == ((), "")
    assert torch.equal(found.x, drawer.edit(x, original=shown, glasses=True, sunglasses=False))


def test_a_model_without_a_data_set_is_told_no_more_than_it_is_told() -> None:
    columns = {"label": replace(genzoo.Column.of(["cat", "dog"]), optional=True)}
    model: Any = genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=2, given=columns, seed=0).eval()
    x = torch.rand(2, 1, 4, 4)
    assert torch.equal(genzoo.edit(model, x, label="dog").x, model.edit(x, label="dog"))
    with pytest.raises(genzoo.InvalidInput, match=r"edit: say what is to change; it is told label"):
        genzoo.edit(model, x)
    with pytest.raises(genzoo.InvalidInput, match=r"cannot edit"):
        genzoo.edit("vae-conv-mnist", torch.rand(2, 1, 28, 28), label=1)


def test_attributes_of_faces_are_read_and_what_is_asked_for_excludes_gives_way(
    drawer: Any, faces: genzoo.Split
) -> None:
    everyone = torch.arange(200)
    long = (faces.column("long_hair", everyone) & faces.column("glasses", everyone)) == 1
    chosen = everyone[long][:3]
    x = faces.first(int(chosen[-1]) + 1)[chosen]
    found = genzoo.edit(drawer, x, bald=True)
    assert set(found.seen) == set(SHOWN)
    for name in SHOWN:
        assert torch.equal(found.original[name], faces.column(name, chosen).long()), name
    assert [set(found.gave_way(i)) for i in range(3)] == [{"long_hair"}] * 3
    wanted = {**found.original, "bald": torch.ones(3).long(), "long_hair": torch.zeros(3).long()}
    assert all(torch.equal(rows, wanted[name]) for name, rows in found.told.items())
    assert torch.equal(found.x, drawer.edit(x, original=found.original, **wanted))


def test_what_excludes_itself_is_refused_in_edits_and_samples(drawer: Any, faces: genzoo.Split) -> None:
    message = "bald=yes and long_hair=yes exclude each other; leave one out"
    with pytest.raises(genzoo.InvalidInput, match=message):
        genzoo.edit(drawer, faces.first(1), original={"hair": "none"}, bald=True, long_hair=True)
    with pytest.raises(genzoo.InvalidInput, match=message):
        told(drawer, Given(texts=("bald=yes,long_hair=yes",)), 64, {})
    with pytest.raises(genzoo.InvalidInput, match=message):
        told(drawer, Given(texts=("bald=no,no,yes,long_hair=yes,no",)), 64, {})
    assert told(drawer, Given(texts=("bald=no,yes,long_hair=yes,no",)), 64, {})["bald"][:3] == ["no", "yes", "no"]
