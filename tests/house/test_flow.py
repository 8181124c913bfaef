"""A flow with samplers of genzoo and of its own, and guidance."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import genzoo
from genzoo.explore.description import as_bytes
from genzoo.explore.studio import Studio
from tests.house.conftest import House
from tests.house.test_classes import COUNT, lie_as_told


def test_a_flow_is_sampled_by_several_samplers_and_guided(house: House) -> None:
    house.install("genzoo_bars", "genzoo_guided")
    training = {"epochs": 100, "drop_given": 0.2}
    model = house.trained(
        "guided-small", data="bars", objective="straight-paths", given=["label"], width=128, training=training
    )
    house.hold(model, "straight-paths")
    told = torch.arange(2).repeat_interleave(COUNT // 2)
    exact = model.sample(COUNT, seed=0, sampler="heun:64", label=told)
    for sampler in ("euler:64", "runge-kutta:16"):
        assert (model.sample(COUNT, seed=0, sampler=sampler, label=told) - exact).abs().mean() < 0.03, sampler
    assert lie_as_told(model.sample(COUNT, seed=0, sampler="euler:16,guidance=3", label=told)) > 0.9
    free = model.sample(COUNT, seed=0)  # told nothing
    assert torch.equal(free, model.sample(COUNT, seed=0, sampler="euler:8,guidance=1"))
    assert 0.3 < lie_as_told(free) < 0.7
    studio = Studio(model)  # it has no codes, and a page of samples
    described = json.loads(studio.description(model.name))
    assert (described["panels"], described["code"], studio.peers) == (["draws"], None, ())
    for label, wanted in ((2, free[:4]), (1, model.sample(4, seed=0, label=1))):  # 2: untold
        body = np.float32(label).tobytes()
        assert studio.sample(model.name, "0", "4", body) == as_bytes(wanted).numpy().tobytes()


def test_guidance_needs_a_model_that_was_left_without(house: House) -> None:
    house.install("genzoo_bars", "genzoo_guided")
    model = house.trained("guided-small", data="bars", objective="straight-paths", given=["label"], width=8)
    with pytest.raises(genzoo.InvalidInput, match=r"train with training\.drop_given"):
        model.sample(1, seed=0, sampler="heun:2,guidance=2", label=0)
    with pytest.raises(genzoo.InvalidInput, match="it can use: euler, euler-maruyama, heun, midpoint, runge-kutta"):
        model.sample(1, seed=0, sampler="prior", label=0)
