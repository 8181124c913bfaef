"""A hierarchy of two latents: codes are pairs of tensors, and the bound is a metric that the plugin brings."""

from __future__ import annotations

from math import log

import pytest
import torch

import genzoo
from genzoo.explore.description import describe
from tests.house.conftest import House


def test_a_hierarchy_is_trained_sampled_and_measured_by_its_own_bound(house: House) -> None:
    house.install("genzoo_bars", "genzoo_ladder")
    model = house.trained(
        "ladder-layers", data="bars", objective="ladder-elbo", top=2, bottom=4, training={"epochs": 60}
    )
    house.hold(model, "ladder-elbo")
    x = genzoo.open_data("bars", "test").first(8)
    z2, z1 = model.encode(x)
    assert (z2.shape, z1.shape) == ((8, 2), (8, 4))
    assert ((model.decode((z2, z1)) > 0.5) == (x > 0.5)).float().mean() > 0.9
    assert model.sample(4, seed=0).mean() < 0.5  # bars are an eighth or a quarter of the picture
    bound = model.checkpoint.metrics["ladder_negative_elbo"]
    assert 0 < bound.value < 0.7 * 64 * log(2)  # of a model that knows nothing
    assert bound.unit == "nats"
    assert genzoo.verify(house.folder / "run")


def test_a_code_of_two_is_checked_as_such(house: House) -> None:
    house.install("genzoo_ladder")
    model = genzoo.create("ladder-layers", input_shape=(1, 8, 8), top=2, bottom=4)
    with pytest.raises(genzoo.InvalidInput, match="wants a tuple of 2 tensors"):
        model.decode(torch.zeros(1, 2))
    with pytest.raises(genzoo.InvalidInput, match=r"decode\[1\] wants shape \(n, 4\); got \(1, 2\)"):
        model.decode((torch.zeros(1, 2), torch.zeros(1, 2)))
    with pytest.raises(genzoo.GenzooError, match="has no flat code"):
        model.latent_dim  # noqa: B018
    assert describe(model.eval(), None)["panels"] == ["draws"]
    with pytest.raises(genzoo.InvalidInput, match="samplers that it can use: ancestral"):
        model.sample(1, seed=0, sampler="prior")
