"""Data that are no pictures: a table of numbers and a sequence of tokens."""

from __future__ import annotations

from math import log

import pytest
import torch

import genzoo
from genzoo.errors import PluginError
from genzoo.testing.combinations import of_combinations
from tests.house.conftest import House


def test_a_table_of_numbers_is_modelled_by_a_bundled_family(house: House) -> None:
    house.install("genzoo_table")
    model = house.trained(
        "vae-dense",
        data="table",
        objective="elbo",
        given=["label"],
        latent_dim=2,
        hidden=(32,),
        likelihood="gaussian",
        training={"epochs": 30},
    )
    house.hold(model, "elbo")
    rows = model.sample(20, seed=0, label=["low"] * 10 + ["high"] * 10)
    assert rows.shape == (20, 5)
    assert rows[:10].mean() < -1.5
    assert rows[10:].mean() > 1.5
    assert "negative_elbo" in model.checkpoint.metrics
    told_nothing = genzoo.create("vae-dense", input_shape=(5,), values="real", latent_dim=2, likelihood="gaussian")
    with pytest.raises(genzoo.InvalidInput, match="neither pictures nor points in one or two dimensions"):
        genzoo.explore(told_nothing)


def test_a_sequence_of_tokens_is_modelled_by_a_family_of_its_own(house: House) -> None:
    house.install("genzoo_tokens")
    model = house.trained("autoregressive-causal", data="counting", objective="next-token", training={"epochs": 30})
    house.hold(model, "next-token")
    x = model.sample(64, seed=0)
    assert (x.dtype, x.shape) == (torch.int64, (64, 6))
    assert ((x[:, 1:] - x[:, :-1]) % 5 == 1).float().mean() > 0.95
    held_out = genzoo.open_data("counting", "test").first(32)
    assert -model.log_prob(held_out).mean() < log(5) + 0.5  # of the first token alone
    for case in of_combinations("genzoo-tokens"):
        case.check()


def test_tokens_are_told_from_numbers(house: House) -> None:
    house.install("genzoo_tokens", "genzoo_bars", "genzoo_table")
    with pytest.raises(genzoo.InvalidInput, match=r"vae models numbers, and model\.values is 'index'"):
        house.trained("vae-dense", data="counting", objective="elbo", latent_dim=2)
    with pytest.raises(genzoo.InvalidInput, match="autoregressive models tokens, of values 'index'"):
        house.trained("autoregressive-causal", data="table", objective="next-token", alphabet=3)
    with pytest.raises(genzoo.InvalidInput, match="values 'index', and no other, have an alphabet"):
        genzoo.DatasetSpec(name="x", target="a:b", summary="", shape=(3,), values="index")
    wrong = genzoo.DatasetSpec(
        name="counting", target="genzoo_tokens:counting", summary="", shape=(6,), values="index", alphabet=4
    )
    with pytest.raises(PluginError, match=r"has values from 0 to 4, not in 0 … 3"):
        genzoo.open_data(wrong, "train")
    numbers = genzoo.DatasetSpec(name="counting", target=wrong.target, summary="", shape=(6,), values="real")
    with pytest.raises(PluginError, match=r"has torch\.int64, and its record declares values 'real'"):
        genzoo.open_data(numbers, "train")
