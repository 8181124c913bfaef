from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import genzoo
from genzoo.randomness import NOISE_ROWS, Noise


@given(n=st.integers(0, 200), start=st.integers(0, 200), seed=st.integers(0, 2**62))
def test_a_row_of_noise_depends_on_seed_and_index_alone(n: int, start: int, seed: int) -> None:
    whole = Noise(seed=seed, n=401).normal(3)
    assert torch.equal(Noise(seed=seed, n=n, start=start).normal(3), whole[start : start + n])


def test_noise_is_standard_normal() -> None:
    draws = Noise(seed=0, n=200 * NOISE_ROWS).normal(8).double()
    count = draws.numel()
    assert abs(draws.mean().item()) < 5 / count**0.5
    assert abs(draws.var().item() - 1) < 5 * (2 / count) ** 0.5
    assert abs((draws**3).mean().item()) < 5 * (15 / count) ** 0.5


def test_sampling_without_a_seed_follows_torch() -> None:
    model = genzoo.create("vae-dense", input_shape=(4,), latent_dim=2, seed=0).eval()
    torch.manual_seed(3)
    first, second = model.sample(2), model.sample(2)
    torch.manual_seed(3)
    assert torch.equal(model.sample(2), first)
    assert not torch.equal(first, second)


def test_sampling_nothing_gives_nothing() -> None:
    model = genzoo.create("vae-dense", input_shape=(1, 2, 2), latent_dim=2, seed=0).eval()
    assert model.sample(0, seed=0).shape == (0, 1, 2, 2)


def test_create_with_a_seed_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    first = genzoo.create("ae-dense", input_shape=(4,), latent_dim=2, seed=7)
    assert torch.equal(torch.rand(3), wanted)
    second = genzoo.create("ae-dense", input_shape=(4,), latent_dim=2, seed=7)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(genzoo.InvalidInput, match="try 'auto'"):
        genzoo.load(genzoo.list_models()[0], device="nonsense")


@pytest.mark.parametrize(
    ("config", "values", "message"),
    [
        ({}, "real", "model.values is 'unit'.*: leave model.values out"),
        ({"values": "real", "likelihood": "gaussian"}, "unit", "model.values is 'real'"),
        ({"values": "real", "likelihood": "gaussian"}, "binary", "model.values is 'real'"),
        ({}, "unit", "'bernoulli'.* write model.likelihood = 'gaussian' or 'logistic'"),
        ({"likelihood": "gaussian"}, "binary", "a density of real values.* write model.likelihood = 'bernoulli'"),
        ({"likelihood": "logistic"}, "binary", "of 256 levels.* write model.likelihood = 'bernoulli'"),
    ],
)
def test_a_model_refuses_data_that_it_does_not_model(config: dict[str, Any], values: str, message: str) -> None:
    model = genzoo.create("vae-dense", input_shape=(2,), latent_dim=2, **config)
    with pytest.raises(genzoo.InvalidInput, match=message):
        model.check_values(values)


@pytest.mark.parametrize(
    ("config", "values"),
    [
        ({}, "binary"),
        ({"likelihood": "gaussian"}, "unit"),
        ({"likelihood": "logistic"}, "unit"),
        ({"likelihood": "gaussian", "values": "real"}, "real"),
    ],
)
def test_a_model_takes_data_that_it_models(config: dict[str, Any], values: str) -> None:
    genzoo.create("vae-dense", input_shape=(2,), latent_dim=2, **config).check_values(values)


@pytest.mark.parametrize("likelihood", ["bernoulli", "logistic"])
def test_a_likelihood_of_numbers_in_0_1_is_refused_for_real_ones(likelihood: str) -> None:
    with pytest.raises(genzoo.InvalidInput, match="write likelihood = 'gaussian'"):
        genzoo.create("vae-dense", input_shape=(2,), latent_dim=2, values="real", likelihood=likelihood)


def test_the_critic_of_real_values_sees_them_as_they_are() -> None:
    model = genzoo.create("gan-dense", input_shape=(2,), latent_dim=2, values="real", seed=0).eval()
    x = 3 * torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model.discriminate(x), model.discriminator(x))
    z = torch.randn(4, 2, generator=torch.Generator().manual_seed(1))
    assert torch.equal(model.decode(z), model.generator(z))


@pytest.mark.parametrize(("wanted", "there"), [(1, 3), (3, 1)])
def test_pictures_with_other_channels_are_told_how_to_have_them(wanted: int, there: int) -> None:
    model = genzoo.create("ae-dense", input_shape=(wanted, 8, 8), latent_dim=2, hidden=[4], seed=0)
    x = torch.rand(2, there, 8, 8)
    with pytest.raises(genzoo.InvalidInput, match=r"got \(2, \d, 8, 8\); x\..*\) makes it (grey|RGB)") as caught:
        model.encode(x)
    told = caught.value.message.rpartition("; ")[2].partition(" makes")[0]
    assert model.encode(eval(told, {"x": x})).shape == (2, 2)  # noqa: S307
    with pytest.raises(genzoo.InvalidInput, match=r"got \(2, 2, 8, 8\)$"):
        model.encode(torch.rand(2, 2, 8, 8))
