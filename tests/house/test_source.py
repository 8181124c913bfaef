"""A picture given a picture: an architecture that is handed the column itself, in the bundled GAN."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import avg_pool2d

import genzoo
from genzoo.explore.description import describe
from genzoo.testing import cases
from genzoo.testing.records import DISTRIBUTION_LAWS
from tests.house.conftest import House


def test_a_picture_is_made_of_a_smaller_one(house: House) -> None:
    house.install("genzoo_bars", "genzoo_sharpen")
    model = house.trained(
        "gan-sharpen",
        data="bars",
        objective="non-saturating",
        given=["source"],
        latent_dim=2,
        optimizer={"learning_rate": 2e-3, "beta1": 0.5},
        training={"epochs": 60},
    )
    house.hold(model, "non-saturating")
    small = genzoo.open_data("bars", "test").columns["source"][torch.arange(8)]
    x = model.sample(8, seed=0, source=small)
    own = (avg_pool2d(x, 2) - small).square().mean((1, 2, 3))
    others = (avg_pool2d(x, 2) - small.roll(1, 0)).square().mean((1, 2, 3))
    assert (own < others).float().mean() > 0.8  # it is a picture of what it was told
    with pytest.raises(genzoo.InvalidInput, match=r"source.* a picture of shape \(1, 4, 4\), values in \[0, 1\]"):
        model.sample(1, seed=0, source=torch.zeros(1, 8, 8))
    with pytest.raises(genzoo.InvalidInput, match=r"must be told pictures \(source\), which the page does not ask for"):
        describe(model, None)


def test_columns_are_not_joined_to_a_code_by_guess(house: House) -> None:
    house.install("genzoo_bars")
    with pytest.raises(genzoo.InvalidInput, match="take an architecture that is given a source"):
        house.trained("gan-dense", data="bars", objective="non-saturating", given=["source"], latent_dim=2)


def test_the_public_suite_tells_an_architecture_what_it_cannot_do_without(house: House) -> None:
    house.install("genzoo_sharpen")
    held = [case for case in cases("genzoo-sharpen") if case.law not in DISTRIBUTION_LAWS]
    assert {case.subject.partition(" ")[0] for case in held} == {"architecture", "gan-sharpen"}
    for case in held:
        case.check()
    columns = {"label": genzoo.Column.of(["a", "b"])}
    with pytest.raises(genzoo.InvalidInput, match="has columns, and given names no role that is told them"):
        genzoo.Architecture(name="x", summary="", roles={"encoder": "a:b"}, columns=columns)
