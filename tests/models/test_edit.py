"""The verb that edits: decode(encode(x)) told otherwise than x shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

import genzoo
from genzoo.errors import UnsupportedVerb
from genzoo.exporting import exportable
from genzoo.spec import Column

COLUMNS = {"label": Column.of(["cat", "dog", "owl"]), "hat": replace(Column.of(["no", "yes"]), optional=True)}


@pytest.fixture(scope="module")
def vae() -> genzoo.Model:
    return genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=3, hidden=[8], seed=0, given=COLUMNS).eval()


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def test_the_encoder_is_told_what_was_and_the_decoder_what_is_asked_for(vae: Any, x: torch.Tensor) -> None:
    z = vae.encode(x, label=["cat", "dog"], hat=True)
    edited = vae.edit(x, original={"label": ["cat", "dog"], "hat": True}, label="owl")
    assert torch.equal(edited, vae.decode(z, label="owl", hat=True))
    two = vae.edit(x, original={"label": ["cat", "dog"], "hat": True}, label=["owl", "cat"], hat=[False, None])
    assert torch.equal(two, vae.decode(z, label=[2, 0], hat=["no", None]))


def test_what_may_be_left_out_need_not_be_told(vae: Any, x: torch.Tensor) -> None:
    edited = vae.edit(x, original={"label": 0}, hat=True)
    assert torch.equal(edited, vae.decode(vae.encode(x, label=0), label=0, hat=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": 1}, r"vae-dense\.edit: original wants label: an integer below 3, or a name: cat, dog, owl"),
        ({"original": {"label": 0}, "lable": 1}, r"vae-dense\.edit is told hat, label, and no 'lable'; did you mean"),
        ({"original": {"lable": 0}, "label": 1}, r"vae-dense\.edit: original is told hat, label, and no 'lable'"),
        ({"original": "cat", "label": 1}, "original is what x shows, {name: value}; got 'cat'"),
        ({"original": {"label": 0}, "label": 3}, r"vae-dense\.edit: label takes an integer below 3.*; got 3"),
        ({"original": {"label": [0, 1, 2]}, "label": 1}, "original: label: 3 values for 2 examples"),
    ],
)
def test_what_cannot_be_told_is_refused(vae: Any, x: torch.Tensor, options: dict[str, Any], message: str) -> None:
    with pytest.raises(genzoo.InvalidInput, match=message):
        vae.edit(x, **options)


@pytest.mark.parametrize(
    ("name", "given"), [("vae-dense", {}), ("gan-dense", COLUMNS)], ids=["told nothing", "no encoder"]
)
def test_other_models_do_not_edit(name: str, given: dict[str, Column]) -> None:
    model = genzoo.create(name, input_shape=(1, 4, 4), latent_dim=3, hidden=[8], given=given)
    assert "edit" not in model.verbs
    assert not model.has("edit")
    with pytest.raises(
        UnsupportedVerb, match=r"cannot edit; it can .*\. A model can that is told something, encodes and"
    ):
        model.edit  # noqa: B018  # refused where it is asked for


def test_an_edit_is_exported_as_the_two_verbs_it_is_made_of(vae: Any) -> None:
    assert "edit" in vae.verbs
    assert exportable(vae) == ("decode", "encode", "reconstruct")
