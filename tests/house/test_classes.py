"""Class-conditional VAEs and GANs, on architectures that know nothing of classes: the plugin brings data alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import genzoo
from tests.house.conftest import House

COUNT = 32

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "vae-dense": ("elbo", {"hidden": (64,), "training": {"epochs": 60}}),
    "vae-conv": ("elbo", {"width": 8, "hidden": 32, "training": {"epochs": 40}}),
    "gan-dense": (
        "non-saturating",
        {
            "hidden": (64,),
            "activation": "leaky_relu",
            "optimizer": {"learning_rate": 1e-3, "beta1": 0.5},
            "training": {"epochs": 150},
        },
    ),
}


def lie_as_told(x: Tensor) -> Tensor:
    """How often the first half of the pictures has horizontal bars, and the second vertical ones."""
    rows, columns = x.mean(3).var(2).mean(1), x.mean(2).var(2).mean(1)
    horizontal = rows > columns
    return torch.cat([horizontal[: len(x) // 2], ~horizontal[len(x) // 2 :]]).float().mean()


@pytest.mark.parametrize("name", CASES)
def test_a_model_draws_the_class_that_it_is_told(name: str, house: House) -> None:
    house.install("genzoo_bars")
    objective, options = CASES[name]
    model = house.trained(name, data="bars", objective=objective, given=["label"], latent_dim=4, **options)
    house.hold(model, objective)
    told = torch.arange(2).repeat_interleave(COUNT // 2)
    assert lie_as_told(model.sample(COUNT, seed=0, label=told)) > 0.9
    names = ["horizontal"] * (COUNT // 2) + ["vertical"] * (COUNT // 2)
    assert torch.equal(model.sample(COUNT, seed=0, label=names), model.sample(COUNT, seed=0, label=told))


def test_a_class_that_does_not_exist_is_refused(house: House) -> None:
    house.install("genzoo_bars")
    model = house.trained("ae-dense", data="bars", objective="bce", given=["label"], latent_dim=2, hidden=(8,))
    with pytest.raises(genzoo.InvalidInput, match="did you mean vertical"):
        model.decode(torch.zeros(1, 2), label="verticle")
    with pytest.raises(genzoo.InvalidInput, match="9 values for 8 examples"):
        model.decode(torch.zeros(8, 2), label=torch.zeros(9, dtype=torch.int64))
