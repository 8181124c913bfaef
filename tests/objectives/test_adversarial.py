"""The two players, against the formulas with log and sigmoid written out."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import genzoo
from genzoo.batch import Batch
from genzoo.models.gan import GAN
from genzoo.objectives.adversarial import (
    discriminator,
    hinge_discriminator,
    least_squares_discriminator,
    least_squares_generator,
    minimax_generator,
    non_saturating_generator,
    r1_discriminator,
    wasserstein_critic,
    wasserstein_generator,
)


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
        torch.testing.assert_close(objective(gan, Batch(x=x))["loss"], formula, rtol=1e-5, atol=1e-6)


def test_the_discriminators_loss_moves_no_generator(gan: GAN) -> None:
    discriminator(gan.float(), Batch(x=torch.rand(4, 1, 4, 4)))["loss"].mean().backward()  # type: ignore[no-untyped-call]  # torch's
    assert all(parameter.grad is None for parameter in gan.generator.parameters())


def test_the_losses_stay_finite_where_the_discriminator_is_sure(gan: GAN, monkeypatch: pytest.MonkeyPatch) -> None:
    for logit in (-1e4, 1e4):
        monkeypatch.setattr(GAN, "logits", lambda self, x, given, value=logit: torch.full((len(x),), value))
        for objective in (discriminator, minimax_generator, non_saturating_generator):
            assert objective(gan.float(), Batch(x=torch.rand(4, 1, 4, 4)))["loss"].isfinite().all()


def test_minimax_is_flat_and_non_saturating_is_not_where_d_is_sure_of_the_fake(
    gan: GAN, monkeypatch: pytest.MonkeyPatch
) -> None:
    logit = torch.full((4,), -8.0, requires_grad=True)
    monkeypatch.setattr(GAN, "logits", lambda self, x, given: logit)
    gradients = [
        torch.autograd.grad(objective(gan.float(), Batch(x=torch.rand(4, 1, 4, 4)))["loss"].sum(), logit)[0]
        .abs()
        .max()
        .item()
        for objective in (minimax_generator, non_saturating_generator)
    ]
    assert gradients[0] < 1e-3
    assert gradients[1] > 0.99


def linear_critic(gan: GAN, slope: float) -> GAN:
    """`gan` with the score slope · Σ u / √(number of values) at u in [−1, 1]: a gradient of norm |slope| everywhere."""

    class Sum(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.slope = torch.nn.Parameter(torch.tensor(slope, dtype=torch.float64))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            score: torch.Tensor = self.slope * x.flatten(1).sum(1) / x[0].numel() ** 0.5
            return score

    gan.discriminator = Sum()
    return gan


def test_the_gradient_penalty_is_zero_for_a_critic_of_unit_slope_and_known_for_others(gan: GAN) -> None:
    x = torch.rand(5, 1, 4, 4).double()
    for slope, gap in ((1.0, 0.0), (-1.0, 0.0), (3.0, 4.0), (0.5, 0.25)):
        terms = wasserstein_critic(linear_critic(gan, slope), Batch(x=x), penalty=10.0)
        torch.testing.assert_close(terms["gradient_penalty"], torch.full((5,), gap).double(), rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(terms["loss"], -terms["wasserstein"] + 10 * terms["gradient_penalty"])
        r1 = r1_discriminator(linear_critic(gan, slope), Batch(x=x), gamma=2.0)["r1"]
        torch.testing.assert_close(r1, torch.full((5,), slope**2).double(), rtol=1e-6, atol=1e-9)


def test_epsilon_is_drawn_for_each_example(gan: GAN, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    original: Any = torch.rand

    def spy(*size: int, **options: Any) -> Any:
        seen.append(size)
        return original(*size, **options)

    monkeypatch.setattr(torch, "rand", spy)
    wasserstein_critic(gan, Batch(x=torch.zeros(5, 1, 4, 4).double()), penalty=1.0)
    assert seen == [(5, 1, 1, 1)]


def test_the_other_losses_are_their_formulas(gan: GAN) -> None:
    x = torch.rand(6, 1, 4, 4).double()
    real = gan.logits(x)
    torch.manual_seed(1)
    fake = gan.logits(gan.generate(torch.randn(6, gan.latent_dim, dtype=x.dtype)))
    formulas = {
        least_squares_discriminator: 0.5 * (real - 1) ** 2 + 0.5 * fake**2,
        least_squares_generator: 0.5 * (fake - 1) ** 2,
        hinge_discriminator: torch.relu(1 - real) + torch.relu(1 + fake),
        wasserstein_generator: -fake,
    }
    for objective, formula in formulas.items():
        torch.manual_seed(1)
        torch.testing.assert_close(objective(gan, Batch(x=x))["loss"], formula)
