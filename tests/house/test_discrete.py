"""Discrete codes: a map of indices, which verbs, laws and exports take as they take numbers."""

from __future__ import annotations

import pytest
import torch

import genzoo
from genzoo.exporting import exportable
from tests.house.conftest import House


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
