"""A picture given a text: words by genzoo's own embedding, which any architecture has, and by one of the plugin's."""

from __future__ import annotations

import pytest
import torch

import genzoo
from tests.house.conftest import House
from tests.house.test_classes import COUNT, lie_as_told


@pytest.mark.parametrize(("name", "options"), [("vae-dense", {"hidden": (64,)}), ("vae-reader", {})])
def test_a_model_draws_what_it_is_told_in_words(name: str, options: dict[str, object], house: House) -> None:
    house.install("genzoo_bars", "genzoo_reader")
    training = {"epochs": 60}
    model = house.trained(
        name, data="bars", objective="elbo", given=["caption"], latent_dim=4, training=training, **options
    )
    house.hold(model, "elbo")
    half = COUNT // 2
    texts = ["thin horizontal bar"] * half + ["thin vertical bar"] * half
    assert lie_as_told(model.sample(COUNT, seed=0, caption=texts)) > 0.9
    thick = model.sample(COUNT, seed=0, caption=[text.replace("thin", "thick") for text in texts])
    assert thick.mean() > 1.3 * model.sample(COUNT, seed=0, caption=texts).mean()
    with pytest.raises(genzoo.InvalidInput, match="'vertcal' is not among those it has learned; did you mean vertical"):
        model.decode(torch.zeros(1, 4), caption="thin vertcal bar")
    with pytest.raises(genzoo.InvalidInput, match="at most 3 of 5 words; this text has 4"):
        model.decode(torch.zeros(1, 4), caption="thin thin vertical bar")
