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
from genzoo.batch import Batch
from genzoo.models.vae import VAE
from genzoo.objectives.variational import elbo, importance_weighted, log_importance_weights, total_correlation
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
        kl = elbo(model, Batch(x=x), beta=1.0)["kl"].item()
        assert (kl == 0) == (mean == log_var == 0)


def test_loss_is_reconstruction_plus_beta_kl_and_beta_is_honoured() -> None:
    model = genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=3, seed=0)
    assert isinstance(model, VAE)
    x = torch.bernoulli(torch.full((5, 1, 4, 4), 0.5))
    for beta in (0.0, 1.0, 4.0):
        terms = elbo(model, Batch(x=x), beta=beta)
        torch.testing.assert_close(terms["loss"], terms["reconstruction"] + beta * terms["kl"])


def test_reconstruction_is_the_bernoulli_likelihood_in_nats() -> None:
    model = vae(Fixed([0.0, 0.0, 0.0, 0.0]), Fixed([0.0, math.log(3)]), 2, 2)
    terms = elbo(model, Batch(x=torch.tensor([[1.0, 1.0], [0.0, 0.0]])), beta=1.0)
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


def mean_bound(model: VAE, x: Tensor, draws: int, k: int | None = None) -> Tensor:
    """The mean of the ELBO, or of the bound with k importance weights, over draws, for each x."""
    many = x.repeat(draws, 1)
    loss = elbo(model, Batch(x=many))["loss"] if k is None else importance_weighted(model, Batch(x=many), k=k)["loss"]
    return -loss.view(draws, len(x)).mean(0)


def test_the_bound_is_tight_at_the_true_posterior_and_below_it_elsewhere() -> None:
    torch.manual_seed(0)
    w, b, sigma = 0.05, 0.5, 0.1
    x = torch.linspace(0.3, 0.7, 9)[:, None]
    log_p = MultivariateNormal(torch.tensor([b]), torch.tensor([[w**2 + sigma**2]])).log_prob(x)  # type: ignore[no-untyped-call]  # torch's
    model = vae(_LinearGaussian(w, b, sigma), _Affine(w, b), 1, 1, "gaussian")
    with torch.no_grad():
        model.log_scale.fill_(math.log(sigma))
    torch.testing.assert_close(mean_bound(model, x, 40_000), log_p, atol=0.01, rtol=0)
    wrong = vae(Fixed([0.5, 0.5]), _Affine(w, b), 1, 1, "gaussian")
    with torch.no_grad():
        wrong.log_scale.fill_(math.log(sigma))
    assert (mean_bound(wrong, x, 4000) < log_p).all()


def test_the_gradient_of_the_importance_weighted_bound_is_unbiased_and_less_noisy_than_the_plain_one() -> None:
    torch.manual_seed(0)
    n, k = 20_000, 5
    encoder = _Rows(torch.tensor([0.3, -0.2, -0.5, 0.1]), n)  # μ and log σ² of each example: a gradient for each
    model = vae(encoder, nn.Linear(2, 4), 2, 4)
    x = torch.tensor([1.0, 0.0, 1.0, 1.0]).repeat(n, 1)

    def gradients(loss: Tensor) -> Tensor:
        (found,) = torch.autograd.grad(loss.sum(), encoder.rows)
        return found

    ours = gradients(importance_weighted(model, Batch(x=x), k=k)["loss"])
    plain = gradients(-log_importance_weights(model, Batch(x=x), k).logsumexp(0))
    error = ((ours.var(0) + plain.var(0)) / n).sqrt()
    assert ((ours.mean(0) - plain.mean(0)).abs() < 4 * error).all()
    assert (ours.mean(0).abs() > 10 * error).any()  # it could have been seen
    assert (ours.var(0) < 0.5 * plain.var(0)).all()


class _Rows(nn.Module):
    """The same numbers for every input, each a parameter of its own."""

    def __init__(self, numbers: Tensor, n: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(numbers.repeat(n, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.rows


def test_encode_is_the_posterior_mean() -> None:
    model = genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=3, seed=0).eval()
    x = torch.rand(5, 1, 4, 4)
    assert torch.equal(model.encode(x), model.posterior(x).mean)


def test_extreme_encoders_stay_finite() -> None:
    model = vae(Fixed([1e4, -1e4, 1e4, -1e4]), nn.Identity(), 2, 2)
    terms = elbo(model, Batch(x=torch.zeros(1, 2)), beta=1.0)
    assert terms["kl"].isfinite().all()


def linear_gaussian(w: float = 0.05, b: float = 0.5, sigma: float = 0.1) -> tuple[VAE, Tensor, Tensor]:
    """A VAE with a wrong posterior, data, and the known log p(x)."""
    x = torch.linspace(0.3, 0.7, 9)[:, None]
    log_p = Normal(torch.tensor(b), (w**2 + sigma**2) ** 0.5).log_prob(x).sum(1)  # type: ignore[no-untyped-call]  # torch's
    model = vae(Fixed([0.3, 0.3]), _Affine(w, b), 1, 1, "gaussian")
    with torch.no_grad():
        model.log_scale.fill_(math.log(sigma))
    return model, x, log_p


def test_importance_weights_tighten_the_bound_up_to_log_p() -> None:
    torch.manual_seed(0)
    model, x, log_p = linear_gaussian()
    bounds = [mean_bound(model, x, 40_000 // k, k).mean().item() for k in (1, 5, 50, 1000)]
    assert bounds == sorted(bounds)
    assert bounds[-1] <= log_p.mean().item() + 0.01
    assert bounds[-1] == pytest.approx(log_p.mean().item(), abs=0.01)
    assert bounds[0] == pytest.approx(mean_bound(model, x, 40_000).mean().item(), abs=0.03)


def test_k_draws_are_k_draws_whatever_the_batch() -> None:
    model, x, _ = linear_gaussian()
    for n in (1, 9):
        for k in (1, 7):
            assert log_importance_weights(model, Batch(x=x[:n]), k).shape == (k, n)


def test_free_bits_are_a_floor_for_each_latent() -> None:
    model = vae(Fixed([0.0, 2.0, 0.0, 0.0]), nn.Identity(), 2, 2)
    x = torch.zeros(3, 2)
    terms = elbo(model, Batch(x=x), free_bits=0.5)
    torch.testing.assert_close(terms["kl"], torch.full((3,), 2.0))
    torch.testing.assert_close(terms["loss"] - terms["reconstruction"], torch.full((3,), 2.5))


def test_annealing_raises_beta_from_almost_nothing() -> None:
    model = vae(Fixed([1.0, 0.0]), nn.Identity(), 1, 1)
    x = torch.zeros(1, 1)
    for step, weight in ((0, 0.1), (4, 0.5), (9, 1.0), (99, 1.0)):
        terms = elbo(model, Batch(x=x), beta=2.0, annealing_steps=10, step=torch.tensor(step))
        assert (terms["loss"] - terms["reconstruction"]).item() == pytest.approx(2.0 * weight * 0.5)


def test_the_terms_of_the_tcvae_sum_to_the_elbo_at_beta_one() -> None:
    """I(z; x) + TC + Σ KL_j = E log q(z | x) − log p(z): the decomposition is exact, whatever the estimator."""
    model = genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=3, seed=0)
    assert isinstance(model, VAE)
    x = torch.bernoulli(torch.full((6, 1, 4, 4), 0.5))
    terms = total_correlation(model, Batch(x=x), beta=1.0, data_size=60)
    torch.testing.assert_close(terms["loss"], terms["reconstruction"] + terms["kl"], rtol=1e-4, atol=1e-4)
    torch.manual_seed(1)
    one = total_correlation(model, Batch(x=x), beta=1.0, data_size=60)
    torch.manual_seed(1)
    four = total_correlation(model, Batch(x=x), beta=4.0, data_size=60)
    torch.testing.assert_close(four["loss"] - one["loss"], 3 * one["total_correlation"], rtol=1e-3, atol=1e-3)


def test_total_correlation_of_independent_codes_is_about_zero_and_of_equal_ones_is_not() -> None:
    """With the whole data as the batch the estimator of log q(z) is exact: q(z) is the mixture of all posteriors."""

    class Codes(nn.Module):
        def __init__(self, codes: Tensor) -> None:
            super().__init__()
            self.codes = codes

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([self.codes, torch.full_like(self.codes, -4.0)], dim=1)

    line = torch.linspace(-2, 2, 20)
    independent = torch.cartesian_prod(line, line)
    equal = line.repeat_interleave(20)[:, None].repeat(1, 2)
    found = []
    for codes in (independent, equal):
        model = vae(Codes(codes), nn.Identity(), 2, 2)
        # n N in the estimator is 1/n of the mixture times 1/N: with N = 1 it is the mixture itself.
        terms = total_correlation(model, Batch(x=torch.zeros(len(codes), 2)), beta=1.0, data_size=1)
        found.append(terms["total_correlation"].mean().item())
    assert abs(found[0]) < 0.1
    assert found[1] > 1
