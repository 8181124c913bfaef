"""The discretised logistic, against its definition in double precision."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Independent, Uniform

import genzoo
from genzoo.models.likelihoods import DiscretisedLogistic
from genzoo.models.vae import VAE
from genzoo.protocols import Scaled

LEVELS = torch.arange(256, dtype=torch.float64) / 255
locations = st.floats(-3, 4)
log_scales = st.floats(-9, 3)


def logistic(location: float, log_scale: float, dtype: torch.dtype = torch.float32) -> DiscretisedLogistic:
    numbers = torch.tensor([location, log_scale], dtype=torch.float64)
    return DiscretisedLogistic(numbers[0].to(dtype).expand(256), numbers[1].exp().to(dtype).expand(256))


@given(locations, log_scales)
def test_the_probabilities_of_the_levels_sum_to_one(location: float, log_scale: float) -> None:
    exact = logistic(location, log_scale, torch.float64).log_prob(LEVELS)
    assert exact.exp().sum().item() == pytest.approx(1, abs=1e-9)
    assert logistic(location, log_scale).log_prob(LEVELS.float()).exp().sum().item() == pytest.approx(1, abs=2e-3)


@given(locations, log_scales)
def test_the_probabilities_are_the_differences_of_the_distribution_function(location: float, log_scale: float) -> None:
    distribution = logistic(location, log_scale, torch.float64)
    edges = (torch.arange(255).double() + 0.5) / 255
    below = torch.sigmoid((edges - distribution.location[0]) / distribution.scale[0])
    formula = torch.diff(below, prepend=torch.zeros(1), append=torch.ones(1))
    torch.testing.assert_close(distribution.log_prob(LEVELS).exp(), formula, rtol=1e-6, atol=1e-12)


@given(locations, st.floats(-12, 5))
def test_float32_is_as_good_as_float64_and_has_finite_gradients(location: float, log_scale: float) -> None:
    """The error is that of rounding the arguments to float32, which tiny scales magnify."""
    found = logistic(location, log_scale)
    found.location.requires_grad_(True)
    found.scale.requires_grad_(True)
    levels = LEVELS.float()
    log_prob = found.log_prob(levels)
    wanted = DiscretisedLogistic(found.location.detach().double(), found.scale.detach().double())
    torch.testing.assert_close(
        log_prob.double(), wanted.log_prob(levels.double()), rtol=1e-5, atol=1e-5 + 5e-7 / found.scale[0].item()
    )
    gradients = torch.autograd.grad(log_prob.sum(), [found.location, found.scale])
    assert all(gradient.isfinite().all() for gradient in gradients)


@given(locations, log_scales)
def test_the_mean_is_the_mean_within_half_a_level(location: float, log_scale: float) -> None:
    exact = logistic(location, log_scale, torch.float64)
    mean = (exact.log_prob(LEVELS).exp() * LEVELS).sum()
    assert exact.mean[0].item() == pytest.approx(mean.item(), abs=1 / 510 + 1e-9)
    found = logistic(location, log_scale).mean
    assert ((found >= 0) & (found <= 1)).all()
    torch.testing.assert_close(found.double(), exact.mean, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("location", "log_scale"), [(0.3, -2.0), (-0.05, -3.0), (1.2, -1.0)])
def test_draws_have_the_probabilities(location: float, log_scale: float) -> None:
    torch.manual_seed(0)
    distribution = logistic(location, log_scale)
    draws = distribution.sample((4000,))
    counts = (draws * 255).round().long().flatten().bincount(minlength=256)
    expected = draws.numel() * distribution.log_prob(LEVELS.float()).exp()
    often = expected > 50
    chi_squared = ((counts - expected).square() / expected)[often].sum().item()
    freedom = int(often.sum())
    assert abs(chi_squared - freedom) < 5 * (2 * freedom) ** 0.5


def test_a_vae_of_levels_has_a_likelihood_in_nats_of_the_data() -> None:
    model = genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=2, likelihood="logistic", seed=0)
    assert isinstance(model, VAE)
    z = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    one = model.likelihood(z)
    assert one.log_prob(torch.zeros(3, 1, 4, 4)).shape == (3,)
    assert (one.log_prob(torch.rand(3, 1, 4, 4).mul(255).round() / 255) < 0).all()  # a probability, not a density

    assert isinstance(one, Independent)
    of_each = torch.stack([one.base_dist.log_prob(level.expand(3, 1, 4, 4)) for level in LEVELS.float()])
    torch.testing.assert_close(of_each.exp().sum(0), torch.ones(3, 1, 4, 4), rtol=0, atol=1e-3)


@pytest.mark.parametrize("spread", [0.02, 0.3])
def test_a_gaussian_starts_at_the_likeliest_scale_of_the_data(spread: float) -> None:
    """That of a decoder which says the mean of the data."""
    x = 0.5 + spread * (torch.rand(64, 1, 4, 4, generator=torch.Generator().manual_seed(0)) - 0.5)
    model = genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=2, hidden=[4], likelihood="gaussian")
    assert isinstance(model, Scaled)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.fit_scale(x)
    scale = model.log_scale.exp()
    mean = x.mean(0).expand_as(x)
    losses = [F.gaussian_nll_loss(mean, x, (scale * k).square().expand_as(x)) for k in (0.98, 1.0, 1.02)]
    assert min(losses) == losses[1]
    changed = [key for key, value in model.state_dict().items() if not torch.equal(value, before[key])]
    assert changed == ["log_scale"]
    model.fit_scale(torch.zeros_like(x))
    assert model.log_scale.isfinite()


def test_a_logistic_starts_with_the_deviation_of_the_data() -> None:
    x = torch.rand(64, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    model = genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=2, hidden=[4], likelihood="logistic")
    assert isinstance(model, VAE)
    model.fit_scale(x)
    draws = Uniform(1e-6, 1 - 1e-6).sample((100_000,)).logit() * model.log_scale.exp()
    assert draws.std().item() == pytest.approx((x - x.mean(0)).square().mean().sqrt().item(), rel=0.02)
