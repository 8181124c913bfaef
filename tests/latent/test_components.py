"""Principal components of a generator's first layer."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import genzoo
from genzoo.latent import components
from genzoo.randomness import Noise

LABEL = {"label": genzoo.Column.of(["a", "b", "c"])}


def found(model: genzoo.Model, **given: Any) -> tuple[torch.Tensor, torch.Tensor]:
    result = components(model, given)
    assert result is not None
    return result


@pytest.mark.parametrize("name", ["gan-dense", "gan-dcgan"])
def test_directions_are_those_of_the_first_layer_s_variance(name: str) -> None:
    model = genzoo.create(name, seed=0, input_shape=(1, 8, 8), latent_dim=6).eval()
    first: list[torch.Tensor] = []
    layer = next(
        part for part in model.generator.modules() if isinstance(part, (torch.nn.Linear, torch.nn.ConvTranspose2d))
    )
    layer.register_forward_hook(lambda module, inputs, y: first.append(y.flatten(1)))
    directions, shares = found(model)
    torch.testing.assert_close(directions @ directions.T, torch.eye(6), atol=1e-5, rtol=0)
    assert (shares.diff() <= 0).all()
    first.clear()
    z = Noise(seed=0, n=4000).normal(6)
    model.decode(z)
    y = first[0] - first[0].mean(0)
    along = z @ directions.T  # what GANSpace regresses on, and finds the same directions by
    slopes = torch.linalg.lstsq(along, y).solution
    torch.testing.assert_close(slopes.square().sum(1) / slopes.square().sum(), shares, atol=0.02, rtol=0)
    gram = slopes @ slopes.T
    assert (gram - gram.diag().diag()).abs().max() < 0.01 * gram.max()  # they move the layer at right angles


def test_what_is_told_changes_no_direction_and_nothing_is_disturbed() -> None:
    model = genzoo.create("gan-dense", seed=0, input_shape=(1, 4, 4), latent_dim=4, given=LABEL)
    before = torch.random.get_rng_state()
    torch.testing.assert_close(found(model, label=0), found(model, label=2), atol=1e-4, rtol=0)
    assert model.training
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_decoder_without_layers_has_none() -> None:
    model = genzoo.create("gan-dense", seed=0, input_shape=(4,), values="real", latent_dim=4)
    model.generator = torch.nn.Tanh()
    assert components(model, {}) is None
