"""The two players, against the formulas with log and sigmoid written out."""

from __future__ import annotations

import pytest
import torch

import genzoo
from genzoo.models.gan import GAN
from genzoo.objectives.adversarial import discriminator, minimax_generator, non_saturating_generator


@pytest.fixture
def gan() -> GAN:
    model = genzoo.create("gan-dense", input_shape=(1, 4, 4), latent_dim=3, seed=0).double().eval()
    assert isinstance(model, GAN)
    return model


def on_pictures_of(gan: GAN, x: torch.Tensor, seed: int) -> torch.Tensor:
    """D(G(z)) for the noise that an objective draws after this seed."""
    torch.manual_seed(seed)
    return gan.logits(gan.generate(torch.randn(len(x), gan.latent_dim, dtype=x.dtype))).sigmoid()


def test_the_losses_are_the_formulas(gan: GAN) -> None:
    x = torch.rand(6, 1, 4, 4).double()
    d_real, d_fake = gan.logits(x).sigmoid(), on_pictures_of(gan, x, seed=1)
    formulas = {
        discriminator: -d_real.log() - (1 - d_fake).log(),
        minimax_generator: (1 - d_fake).log(),
        non_saturating_generator: -d_fake.log(),
    }
    for objective, formula in formulas.items():
        torch.manual_seed(1)
        torch.testing.assert_close(objective(gan, x)["loss"], formula, rtol=1e-5, atol=1e-6)


def test_the_discriminators_loss_moves_no_generator(gan: GAN) -> None:
    discriminator(gan.float(), torch.rand(4, 1, 4, 4))["loss"].mean().backward()  # type: ignore[no-untyped-call]  # torch's
    assert all(parameter.grad is None for parameter in gan.generator.parameters())


def test_the_losses_stay_finite_where_the_discriminator_is_sure(gan: GAN, monkeypatch: pytest.MonkeyPatch) -> None:
    for logit in (-1e4, 1e4):
        monkeypatch.setattr(GAN, "logits", lambda self, x, value=logit: torch.full((len(x),), value))
        for objective in (discriminator, minimax_generator, non_saturating_generator):
            assert objective(gan.float(), torch.rand(4, 1, 4, 4))["loss"].isfinite().all()


def test_minimax_is_flat_and_non_saturating_is_not_where_d_is_sure_of_the_fake() -> None:
    gradients = []
    for loss in (lambda a: (1 - a.sigmoid()).log(), lambda a: -torch.nn.functional.logsigmoid(a)):
        logit = torch.tensor(-8.0, requires_grad=True)
        (gradient,) = torch.autograd.grad(loss(logit), logit)
        gradients.append(gradient.abs().item())
    assert gradients[0] < 1e-3
    assert gradients[1] > 0.99
