"""The bounds, against a linear-Gaussian model whose log p(x) is known, and against the objective."""

from __future__ import annotations

import pytest
import torch

import genzoo
from genzoo.batch import Batch
from genzoo.metrics.likelihood import importance_bound, negative_elbo
from genzoo.models.vae import VAE
from genzoo.objectives.variational import elbo
from tests.objectives.test_variational import Fixed, linear_gaussian, vae


def test_the_bound_with_many_draws_is_minus_log_p_and_with_one_is_above() -> None:
    model, x, log_p = linear_gaussian()
    with torch.no_grad():
        tight = importance_bound(model, Batch(x=x), k=20_000, seed=0)
        loose = torch.stack([importance_bound(model, Batch(x=x), k=1, seed=seed) for seed in range(500)]).mean(0)
    torch.testing.assert_close(tight, -log_p, atol=0.05, rtol=0)
    assert (loose > -log_p).all()


@pytest.mark.parametrize("k", [1, 7, 64, 65, 130])
def test_exactly_k_draws_are_made_and_none_depends_on_the_batch(k: int) -> None:
    """If every weight is w, the mean of k weights is w: only a count other than k would show."""
    model = vae(Fixed([0.0, 0.0]), Fixed([0.0]), 1, 1)  # the posterior is the prior, and p(x | z) = ½
    x = torch.tensor([[0.0], [1.0], [1.0]])
    with torch.no_grad():
        bound = importance_bound(model, Batch(x=x), k=k, seed=0)
    torch.testing.assert_close(bound, torch.full((3,), 2.0).log())
    linear, y, _ = linear_gaussian()
    with torch.no_grad():
        whole = importance_bound(linear, Batch(x=y), k=k, seed=3)
        parts = torch.cat(
            [importance_bound(linear, Batch(x=y[i : i + 2]), k=k, seed=3, start=i) for i in range(0, len(y), 2)]
        )
    torch.testing.assert_close(whole, parts)


def test_the_elbo_of_the_metric_is_the_objectives_and_ignores_the_batch() -> None:
    model = genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=3, seed=0).eval()
    assert isinstance(model, VAE)
    x = torch.bernoulli(torch.full((200, 1, 4, 4), 0.5))
    with torch.no_grad():
        metric = negative_elbo(model, Batch(x=x), seed=0)
        again = torch.cat(
            [negative_elbo(model, Batch(x=x[:70]), seed=0), negative_elbo(model, Batch(x=x[70:]), seed=0, start=70)]
        )
        draws = torch.stack([elbo(model, Batch(x=x))["loss"] for _ in range(50)])
    torch.testing.assert_close(metric, again)
    assert abs(metric.mean() - draws.mean()) < 5 * draws.std() / 200**0.5


def test_a_collapsed_latent_has_no_kl() -> None:
    model = vae(Fixed([0.0, 1.0, 0.0, 0.0]), torch.nn.Identity(), 2, 2)
    posterior = model.posterior(torch.zeros(3, 2))
    torch.testing.assert_close(model.kl_per_latent(posterior), torch.tensor([[0.0, 0.5]] * 3))
