"""The mixture of Gaussians: its density is torch's and scikit-learn's, and its draws have it."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.mixture import GaussianMixture as Reference
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from genzoo import Column, Noise
from genzoo_priors.nets import ROWS, GaussianMixture

LABEL = {"label": Column.of(["a", "b", "c"])}


def mixture(latent_dim: int, components: int, seed: int, columns: dict[str, Column] | None = None) -> GaussianMixture:
    """One of any weights, means and scales."""
    torch.manual_seed(seed)
    made = GaussianMixture(latent_dim, components=components, given=columns or {})
    with torch.no_grad():
        made.log_weights.normal_()
        made.scales.add_(0.3 * torch.randn_like(made.scales))
    return made


@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 1000))
@settings(max_examples=25)
def test_its_density_is_that_of_torchs_mixture(latent_dim: int, components: int, seed: int) -> None:
    made = mixture(latent_dim, components, seed).double()
    triangles = made.triangles()
    wanted = MixtureSameFamily(
        Categorical(logits=made.log_weights),
        MultivariateNormal(made.means, covariance_matrix=triangles @ triangles.mT),
    )
    z = torch.randn(7, latent_dim, dtype=torch.float64)
    assert torch.allclose(made.log_prob(z), wanted.log_prob(z), atol=1e-6)  # type: ignore[no-untyped-call]


def test_what_is_not_told_is_the_mixture_of_what_is() -> None:
    made = mixture(2, 6, 0, LABEL).double()
    z = torch.randn(ROWS + 3, 2, dtype=torch.float64)
    log_class = made.log_weights.view(3, 2).logsumexp(1).log_softmax(0)
    told = torch.stack([made.log_prob(z, {"label": torch.full((len(z),), c)}) for c in range(3)])
    untold = made.log_prob(z, {"label": torch.full((len(z),), 3)})
    assert torch.allclose((told + log_class[:, None]).logsumexp(0), untold)
    mixed = torch.arange(len(z)) % 4
    assert torch.allclose(made.log_prob(z, {"label": mixed}), torch.cat([told, untold[None]]).gather(0, mixed[None])[0])


def test_a_draw_has_the_density_and_the_class_that_is_told() -> None:
    made = mixture(2, 6, 1, LABEL)
    n = 20_000
    label = torch.full((n,), 1)
    with torch.no_grad():
        chosen = made.choose(Noise(seed=0, n=n), {"label": label})
        z = made.draw(Noise(seed=0, n=n), {"label": label})
    weights = made.log_weights[2:4].softmax(0)
    assert set(chosen.tolist()) == {2, 3}
    assert abs((chosen == 3).float().mean() - weights[1]) < 0.02
    mean = weights @ made.means[2:4]
    assert torch.allclose(z.mean(0), mean, atol=0.05)
    second = made.triangles() @ made.triangles().mT + made.means[:, :, None] * made.means[:, None]
    assert torch.allclose(z.T.cov(), (weights[:, None, None] * second[2:4]).sum(0) - mean.outer(mean), atol=0.15)


def test_an_estimate_is_scikit_learns() -> None:
    made = mixture(3, 2, 2)
    z = torch.cat([torch.randn(200, 3), 4 + 2 * torch.randn(100, 3)])
    found = made.estimate(z, {}, seed=3, regularisation=1e-6, iterations=50)
    floor = 1e-6 * z.double().var(0).mean().item()
    wanted = Reference(2, random_state=3, reg_covar=floor, max_iter=50).fit(z.double().numpy())
    assert found == {"iterations": wanted.n_iter_}
    assert torch.allclose(
        made.log_prob(z), torch.from_numpy(wanted.score_samples(z.double().numpy())).float(), atol=1e-4
    )
