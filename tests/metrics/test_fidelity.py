"""Distances of clouds, against closed forms and against what must hold of any two clouds."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from genzoo.errors import GenzooWarning, InvalidInput
from genzoo.metrics.fidelity import coverage, density, fid, kid, nearest, precision, recall
from genzoo.randomness import stream

MANIFOLD = (precision, recall, coverage)


def cloud(n: int, d: int, name: object = 0) -> Tensor:
    return torch.randn(n, d, generator=stream("cloud", name), dtype=torch.float64)


def test_fid_of_two_gaussians_is_its_closed_form() -> None:
    n, d = 20_000, 4
    scale = torch.tensor([1.0, 2.0, 0.5, 3.0], dtype=torch.float64)
    shift = torch.tensor([0.0, 1.0, -2.0, 0.5], dtype=torch.float64)
    wanted = shift.square().sum() + (1 + scale.square() - 2 * scale).sum()  # covariances that commute
    found = fid(cloud(n, d, "real"), cloud(n, d, "samples") * scale + shift)
    assert found == pytest.approx(wanted.item(), rel=0.03)


def test_fid_does_not_see_a_rotation_of_both_and_sees_one_of_one() -> None:
    real, samples = cloud(500, 3, 1), cloud(500, 3, 2) * torch.tensor([1.0, 2.0, 3.0])
    rotation = torch.linalg.qr(cloud(3, 3, 3)).Q
    assert fid(real @ rotation, samples @ rotation) == pytest.approx(fid(real, samples), rel=1e-9)
    assert fid(samples, samples @ rotation) > 0.1


def test_fid_of_a_set_with_itself_is_0_and_it_is_symmetric() -> None:
    x, y = cloud(300, 5, 1), cloud(200, 5, 2) + 1
    assert fid(x, x) == pytest.approx(0, abs=1e-6)
    assert fid(x, y) == pytest.approx(fid(y, x), rel=1e-9)


def test_fewer_samples_than_features_warn_with_the_number_needed() -> None:
    with pytest.warns(GenzooWarning, match=r"FID of 5 samples in 8 features means little: 9 or more are needed"):
        fid(cloud(20, 8, 1), cloud(5, 8, 2))


def test_kid_is_the_kernels_mean_discrepancy() -> None:
    """With subsets as large as the sets there is nothing to draw: the unbiased estimate, by its formula."""
    x, y = cloud(40, 3, 1), cloud(40, 3, 2) + 0.5

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / 3 + 1) ** 3

    def within(a: Tensor) -> Tensor:
        return (kernel(a, a).sum() - kernel(a, a).trace()) / (40 * 39)

    wanted = within(x) + within(y) - 2 * kernel(x, y).mean()
    assert kid(x, y, seed=0) == pytest.approx(wanted.item(), rel=1e-9)


def test_kid_draws_its_subsets_by_its_seed_alone() -> None:
    x, y = cloud(60, 3, 1), cloud(30, 3, 2)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = kid(x, y, seed=0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert kid(x, y, seed=0) == first != kid(x, y, seed=1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_kid_leaves_the_generator_of_cuda_as_it_was() -> None:
    torch.cuda.manual_seed(5)
    before = torch.cuda.get_rng_state()
    kid(cloud(20, 3), cloud(20, 3, 1), seed=0)
    assert torch.equal(torch.cuda.get_rng_state(), before)


@given(st.integers(6, 60), st.integers(1, 6), st.integers(1, 5), st.integers(0, 100))
def test_of_a_set_with_itself_all_is_covered_and_of_one_far_away_nothing(n: int, d: int, k: int, seed: int) -> None:
    x = cloud(n, d, seed)
    assert [measure(x, x, k=k) for measure in MANIFOLD] == [1.0] * 3
    assert [measure(x, x + 1000, k=k) for measure in MANIFOLD] == [0.0] * 3
    assert density(x, x + 1000, k=k) == 0
    assert recall(x, x[: k + 1] + 3, k=k) == precision(x[: k + 1] + 3, x, k=k)


def test_the_manifolds_by_hand() -> None:
    """Real points 0, 1, 3 on a line: with k = 1 their balls reach 1, 1 and 2, so they cover [−1, 2] and [1, 5]."""
    real = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    samples = torch.tensor([[-0.5], [1.5], [4.0], [6.0]], dtype=torch.float64)
    assert precision(real, samples, k=1) == 3 / 4
    assert density(real, samples, k=1) == (1 + 2 + 1 + 0) / 4  # balls each sample is in
    assert coverage(real, samples, k=1) == 1.0  # −0.5 near 0, 1.5 near 1, 4 near 3
    assert recall(real, samples, k=1) == 3 / 3  # balls of the samples: [−2.5, 1.5], [−0.5, 3.5], [2, 6], [4, 8]


def test_density_exceeds_1_where_samples_crowd_among_real_pictures() -> None:
    square = torch.tensor([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]], dtype=torch.float64)
    middle = torch.ones(3, 2, dtype=torch.float64)
    assert density(square, middle, k=1) == 4
    assert density(cloud(400, 2), cloud(400, 2, "other"), k=5) == pytest.approx(1, abs=0.15)


def test_a_single_mode_is_precise_and_covers_little() -> None:
    real = torch.cat([cloud(200, 2, 1) * 0.1 + centre for centre in (0, 10)])
    samples = cloud(400, 2, 2) * 0.1
    assert precision(real, samples, k=3) > 0.9
    assert recall(real, samples, k=3) == pytest.approx(0.5, abs=0.05)
    assert coverage(real, samples, k=5) == pytest.approx(0.5, abs=0.05)


@given(st.integers(1, 600), st.integers(1, 20))
def test_the_nearest_is_the_smallest_of_all_distances(n: int, m: int) -> None:
    x, y = cloud(n, 3, 1), cloud(m, 3, 2)
    wanted = (x[:, None] - y[None]).norm(dim=2).amin(1)
    torch.testing.assert_close(nearest(x, y).double(), wanted, atol=1e-3, rtol=1e-3)


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least 6 real pictures"):
        coverage(cloud(5, 2), cloud(5, 2), k=5)
    for measure in (fid, lambda x, y: kid(x, y, seed=0)):
        with pytest.raises(InvalidInput, match="at least 2"):
            measure(cloud(1, 2), cloud(5, 2))
