"""Discrete codes: a map of indices, which verbs, laws and exports take as they take numbers."""

from __future__ import annotations

import pytest
import torch

import genzoo
from genzoo.exporting import exportable
from tests.house.conftest import House
from tests.hub.server import TOKEN, Hub


def test_codes_may_be_maps_of_indices(house: House) -> None:
    house.install("genzoo_bars", "genzoo_codebook")
    training = {"epochs": 40}
    model = house.trained("codebook-strided", data="bars", objective="vector-quantisation", training=training)
    house.hold(model, "vector-quantisation")
    x = genzoo.open_data("bars", "test").first(32)
    z = model.encode(x)
    assert (z.dtype, z.shape) == (torch.int64, (32, 2, 2))
    assert ((model.decode(z) > 0.5) == (x > 0.5)).float().mean() > 0.9
    assert model.checkpoint.metrics["reconstruction_mse"].value < 0.1
    assert exportable(model) == ("decode", "encode", "reconstruct")
    path = genzoo.export(model, house.folder / "decode.pt2")
    assert torch.equal(torch.export.load(path).module()(z), model.decode(z))


def test_codes_of_indices_are_checked_as_such(house: House) -> None:
    house.install("genzoo_codebook")
    model = genzoo.create("codebook-strided", input_shape=(1, 8, 8), entries=4)
    with pytest.raises(genzoo.InvalidInput, match="wants whole numbers from 0 to 3"):
        model.decode(torch.full((1, 2, 2), 4))
    with pytest.raises(genzoo.InvalidInput, match="wants a tensor of whole numbers"):
        model.decode(torch.zeros(1, 2, 2))
    with pytest.raises(genzoo.GenzooError, match="has no flat code, and so no latents"):
        model.latents()
    with pytest.raises(genzoo.GenzooError, match="codes of real numbers, and those of codebook-strided are indices"):
        model.traverse(model.encode(torch.zeros(1, 1, 8, 8)), latent=0)
    with pytest.raises(genzoo.InvalidInput, match="codes of codebook-strided are indices"):
        genzoo.explore(model)


def test_a_prior_over_discrete_codes_stands_on_what_has_them(
    house: House, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    house.install("genzoo_bars", "genzoo_codebook", "genzoo_codeprior")
    house.trained("codebook-strided", data="bars", objective="vector-quantisation", training={"epochs": 40})
    pin = genzoo.push(house.folder / "run", "me/codes")
    training = {"epochs": 60}
    model = house.trained(
        "codeprior-places", data="bars", objective="code-likelihood", parts={"first_stage": pin}, training=training
    )
    house.hold(model, "code-likelihood")
    assert model.checkpoint.parts["first_stage"].name == pin
    assert set(model.state_dict()) == {"table.logits"}
    z = model.encode(genzoo.open_data("bars", "train").first(128))
    shares = torch.nn.functional.one_hot(z, 16).float().mean(0).permute(2, 0, 1)
    assert (model.logits().softmax(0) - shares).abs().max() < 0.1  # it has learned how often each entry is there
    drawn = model.encode(model.sample(500, seed=0))
    assert set(drawn.unique().tolist()) <= set(range(16))
    assert len(model.sample(3, seed=0).unique(dim=0)) > 1
