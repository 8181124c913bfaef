"""The mathematics of the ELBO, against torch.distributions and a model whose likelihood is known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal, kl_divergence

import genzoo
from genzoo.models.vae import VAE
from genzoo.objectives.variational import elbo
from genzoo.spec import ModelSpec

finite = st.floats(-5, 5)


class Fixed(nn.Module):
    """A network that gives the same numbers for every input."""

    def __init__(self, values: Sequence[float]) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values))

    def forward(self, x: Tensor) -> Tensor:
        return self.values.expand(len(x), -1)


def vae(encoder: nn.Module, decoder: nn.Module, latent_dim: int, dim: int, likelihood: str = "bernoulli") -> VAE:
    config = {"input_shape": (dim,), "latent_dim": latent_dim, "likelihood": likelihood}
    return VAE(ModelSpec(family="vae", architecture="test", config=config), encoder, decoder)


@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=6))
def test_kl_is_the_formula_and_never_negative(moments: list[tuple[float, float]]) -> None:
    mean, log_var = (torch.tensor(values, dtype=torch.float64) for values in zip(*moments, strict=True))
    formula = 0.5 * (log_var.exp() + mean**2 - 1 - log_var).sum()
    model = vae(Fixed([*mean.tolist(), *log_var.tolist()]), nn.Identity(), len(mean), len(mean))
    x = torch.zeros(1, len(mean))
    kl = kl_divergence(model.posterior(x), model.prior)
    independent = kl_divergence(Normal(mean, (0.5 * log_var).exp()), Normal(0.0, 1.0)).sum()
    assert kl.shape == (1,)
    assert kl.item() == pytest.approx(formula.item(), rel=1e-4, abs=1e-5)
    assert kl.item() == pytest.approx(independent.item(), rel=1e-4, abs=1e-5)
    assert kl.item() >= -1e-6


def test_kl_is_zero_at_the_prior_alone() -> None:
    x = torch.zeros(1, 1)
    for mean, log_var in [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.0, -0.5)]:
        model = vae(Fixed([mean, log_var]), nn.Identity(), 1, 1)
        kl = elbo(model, x, beta=1.0)["kl"].item()
        assert (kl == 0) == (mean == log_var == 0)


def test_loss_is_reconstruction_plus_beta_kl_and_beta_is_honoured() -> None:
    model = genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=3, seed=0)
    assert isinstance(model, VAE)
    x = torch.bernoulli(torch.full((5, 1, 4, 4), 0.5))
    for beta in (0.0, 1.0, 4.0):
        terms = elbo(model, x, beta=beta)
        torch.testing.assert_close(terms["loss"], terms["reconstruction"] + beta * terms["kl"])


def test_reconstruction_is_the_bernoulli_likelihood_in_nats() -> None:
    model = vae(Fixed([0.0, 0.0, 0.0, 0.0]), Fixed([0.0, math.log(3)]), 2, 2)
    terms = elbo(model, torch.tensor([[1.0, 1.0], [0.0, 0.0]]), beta=1.0)
    torch.testing.assert_close(terms["reconstruction"], -torch.tensor([0.5 * 0.75, 0.5 * 0.25]).log())


class _LinearGaussian(nn.Module):
    """The exact posterior of x = w z + b + σ ε as an encoder: N((x − b) w / (w² + σ²), σ² / (w² + σ²))."""

    def __init__(self, w: float, b: float, sigma: float) -> None:
        super().__init__()
        self.gain, self.b = w / (w**2 + sigma**2), b
        self.log_var = math.log(sigma**2 / (w**2 + sigma**2))

    def forward(self, x: Tensor) -> Tensor:
        mean = (x - self.b) * self.gain
        return torch.cat([mean, torch.full_like(mean, self.log_var)], dim=1)


class _Affine(nn.Module):
    """Logits whose sigmoid is w z + b."""

    def __init__(self, w: float, b: float) -> None:
        super().__init__()
        self.w, self.b = w, b

    def forward(self, z: Tensor) -> Tensor:
        return torch.logit(self.w * z + self.b)


def test_the_bound_is_tight_at_the_true_posterior_and_below_it_elsewhere() -> None:
    w, b, sigma = 0.05, 0.5, 0.1
    x = torch.linspace(0.3, 0.7, 9)[:, None]
    log_p = MultivariateNormal(torch.tensor([b]), torch.tensor([[w**2 + sigma**2]])).log_prob(x)  # type: ignore[no-untyped-call]  # torch's
    model = vae(_LinearGaussian(w, b, sigma), _Affine(w, b), 1, 1, "gaussian")
    with torch.no_grad():
        model.log_scale.fill_(math.log(sigma))
    draws = torch.stack([-elbo(model, x, beta=1.0)["loss"] for _ in range(4000)]).mean(0)
    torch.testing.assert_close(draws, log_p, atol=0.06, rtol=0)
    wrong = vae(Fixed([0.5, 0.5]), _Affine(w, b), 1, 1, "gaussian")
    with torch.no_grad():
        wrong.log_scale.fill_(math.log(sigma))
    loose = torch.stack([-elbo(wrong, x, beta=1.0)["loss"] for _ in range(4000)]).mean(0)
    assert (loose < log_p).all()


def test_encode_is_the_posterior_mean() -> None:
    model = genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=3, seed=0).eval()
    x = torch.rand(5, 1, 4, 4)
    assert torch.equal(model.encode(x), model.posterior(x).mean)


def test_extreme_encoders_stay_finite() -> None:
    model = vae(Fixed([1e4, -1e4, 1e4, -1e4]), nn.Identity(), 2, 2)
    terms = elbo(model, torch.zeros(1, 2), beta=1.0)
    assert terms["kl"].isfinite().all()
