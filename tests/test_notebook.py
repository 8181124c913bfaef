"""What a notebook shows, asked for as a notebook asks."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import pytest
import torch
from PIL import Image

import genzoo
from genzoo.notebook import text_table
from genzoo.pictures import Animation, animate


@pytest.mark.parametrize("name", genzoo.list_models())
def test_a_model_shows_its_record_and_what_it_draws(name: str) -> None:
    model = genzoo.load(name)
    shown = model._repr_mimebundle_(include=None, exclude=None)
    assert shown["text/plain"] == repr(model)
    record = genzoo.show(name)
    for word in (name, record.family, f"{record.parameters:,}", *record.metrics):
        assert word in shown["text/html"]
    assert ("image/png" in shown) == ("sample" in model.verbs)
    if "image/png" in shown:
        assert shown["image/png"] in shown["text/html"]
        with Image.open(io.BytesIO(base64.b64decode(shown["image/png"]))) as picture:
            side = 4 * (model.input_shape[-1] + 2) + 2 if len(model.input_shape) == 3 else 500
            assert picture.size == (side, side)
    assert not re.search(r"<script|<style|src=.http", shown["text/html"])


def test_showing_a_model_that_trains_changes_nothing_in_it() -> None:
    model = genzoo.create("gan-dcgan", input_shape=(1, 28, 28), latent_dim=4, seed=0)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert "gan-dcgan" in model._repr_mimebundle_()["text/html"]
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_model_that_cannot_be_drawn_shows_what_it_is() -> None:
    model = genzoo.create("gan-dense", input_shape=(7,), latent_dim=2, seed=0)
    assert set(model._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_names_are_a_list_and_show_a_table() -> None:
    names = genzoo.list_models("ae-*")
    assert names == sorted(names)
    assert isinstance(names, list)
    assert all(f"<td>{name}</td>" in names._repr_html_() for name in names)


def test_numbers_show_their_protocol() -> None:
    found = genzoo.evaluate("gan-dense-toy1d", metrics=["d_minus_half"])
    assert found == {**found}
    html = found._repr_html_()
    assert "<td>d_minus_half</td>" in html
    assert "split test, n 10000" in html


def test_what_a_stranger_wrote_is_text_and_no_markup() -> None:
    record = replace(genzoo.show("ae-dense-mnist"), license="<script>alert(1)</script>", labels={"0": "<b>"})
    assert "<script" not in record._repr_html_()
    assert "&lt;script&gt;" in record._repr_html_()


def test_an_animation_shows_itself_moving() -> None:
    moving = animate(torch.rand(2, 3, 1, 4, 4))
    assert isinstance(moving, Animation)
    assert base64.b64decode(moving._repr_mimebundle_()["image/gif"]) == moving.encode("gif")


def test_the_columns_of_a_text_table_are_straight() -> None:
    assert text_table(("a", "b"), [("1234", "x"), ("1", "")]) == "a     b\n1234  x\n1"
