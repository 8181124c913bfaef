"""The errors, against their formulas."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import genzoo
from genzoo.batch import Batch
from genzoo.errors import InvalidInput
from genzoo.models.autoencoder import Autoencoder
from genzoo.objectives.reconstruction import binary_cross_entropy, denoising, squared_error


@pytest.fixture
def model() -> Autoencoder:
    created = genzoo.create("ae-dense", input_shape=(1, 4, 4), latent_dim=3, seed=0)
    assert isinstance(created, Autoencoder)
    return created


def test_the_errors_are_their_formulas(model: Autoencoder) -> None:
    x = torch.rand(5, 1, 4, 4)
    again = model.reconstruct(x)
    torch.testing.assert_close(squared_error(model, Batch(x=x))["loss"], ((again - x) ** 2).mean((1, 2, 3)))
    formula = F.binary_cross_entropy(again, x, reduction="none").sum((1, 2, 3))
    torch.testing.assert_close(binary_cross_entropy(model, Batch(x=x))["loss"], formula)


def test_denoising_without_noise_is_the_squared_error_and_with_it_compares_with_the_clean_picture(
    model: Autoencoder,
) -> None:
    x = torch.rand(5, 1, 4, 4)
    torch.testing.assert_close(
        denoising(model, Batch(x=x), noise=0.0)["loss"], squared_error(model, Batch(x=x))["loss"]
    )
    torch.manual_seed(0)
    noisy = denoising(model, Batch(x=x), noise=0.5)["loss"]
    torch.manual_seed(0)
    corrupted = (x + 0.5 * torch.randn_like(x)).clamp(0, 1)
    torch.testing.assert_close(noisy, ((model.reconstruct(corrupted) - x) ** 2).mean((1, 2, 3)))


def test_real_values_are_restored_as_they_are_and_have_no_cross_entropy() -> None:
    model = genzoo.create("ae-dense", input_shape=(2,), latent_dim=1, values="real", seed=0)
    assert isinstance(model, Autoencoder)
    x = 3 * torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    raw = model.decoder(model.encoder(x))
    assert torch.equal(model.reconstruct(x), raw)
    torch.testing.assert_close(squared_error(model, Batch(x=x))["loss"], ((raw - x) ** 2).mean(1))
    torch.manual_seed(0)
    noisy = denoising(model, Batch(x=x), noise=0.5)["loss"]
    torch.manual_seed(0)
    corrupted = x + 0.5 * torch.randn_like(x)
    torch.testing.assert_close(noisy, ((model.reconstruct(corrupted) - x) ** 2).mean(1))
    with pytest.raises(InvalidInput, match=r"write objective\.name = 'mse'"):
        binary_cross_entropy(model, Batch(x=x))
