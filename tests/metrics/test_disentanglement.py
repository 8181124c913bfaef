"""MIG, the FactorVAE score and DCI, on codes whose score is known in closed form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genzoo.datasets import Factors
from genzoo.datasets.sprites import FACTORS
from genzoo.errors import InvalidInput
from genzoo.metrics.disentanglement import (
    completeness,
    dci,
    disentanglement,
    draw,
    factor_vae_score,
    mutual_information_gap,
)
from genzoo.randomness import stream

GRID = Factors({"a": 4, "b": 5, "c": 3})
VALUES = GRID.of(torch.arange(60))  # each combination once: the factors are exactly independent
CODES = VALUES.double()


def mig(*latents: Tensor, factors: Tensor = VALUES) -> float:
    return mutual_information_gap(torch.stack(latents, dim=1).double(), factors)


def test_mig_of_the_factors_themselves_is_one() -> None:
    assert mutual_information_gap(CODES, VALUES) == pytest.approx(1, abs=1e-12)


def test_mig_of_codes_that_are_there_twice_is_exactly_zero() -> None:
    assert mutual_information_gap(torch.cat([CODES, CODES], dim=1), VALUES) == 0
    assert mutual_information_gap(torch.cat([CODES, -3 * CODES], dim=1), VALUES) == 0


def test_mig_of_two_factors_turned_by_45_degrees_is_zero() -> None:
    values = Factors({"a": 8, "b": 8}).of(torch.arange(64))
    a, b = values.unbind(1)
    assert mig(a, b, factors=values) == pytest.approx(1, abs=1e-12)
    assert mig(a + b, a - b, factors=values) == pytest.approx(0, abs=1e-12)


def test_mig_subtracts_what_the_second_latent_knows() -> None:
    """A latent with half of a's four values knows log 2 of log 4 of it."""
    a, b, c = CODES.unbind(1)
    half = (a / 2).floor()
    assert mig(a, half, b, c) == pytest.approx((0.5 + 1 + 1) / 3, abs=1e-12)
    assert mig(half, b, c) == pytest.approx((0.5 + 1 + 1) / 3, abs=1e-12)
    assert mig(a) == pytest.approx(1 / 3, abs=1e-12)


def test_mig_with_fewer_bins_than_values_is_what_the_bins_tell() -> None:
    values = torch.arange(32)[:, None]
    cells = Counter(min(value * 20 // 31, 19) for value in range(32))
    entropy = -sum(count / 32 * log(count / 32) for count in cells.values())
    assert mutual_information_gap(values.double(), values) == pytest.approx(entropy / log(32), abs=1e-12)


def test_mig_of_noise_is_near_zero_and_a_constant_latent_changes_nothing() -> None:
    noise = torch.randn(20_000, 3, generator=stream("noise"))
    values = GRID.of(torch.arange(20_000) % 60)
    found = mutual_information_gap(noise, values)
    assert 0 <= found < 0.002
    padded = torch.cat([noise, torch.full((20_000, 1), 7.0)], dim=1)
    assert mutual_information_gap(padded, values) == pytest.approx(found, abs=1e-12)


@given(
    st.integers(0, 2**31),
    st.permutations(range(4)),
    st.lists(st.floats(0.01, 100), min_size=4, max_size=4),
    st.lists(st.sampled_from([-1.0, 1.0]), min_size=4, max_size=4),
)
def test_mig_ignores_the_order_sign_and_scale_of_latents(
    seed: int, order: list[int], scale: list[float], sign: list[float]
) -> None:
    noise = torch.randn(60, 4, generator=stream(seed), dtype=torch.float64)
    codes = 0.5 * noise + torch.cat([CODES, CODES[:, :1]], dim=1)
    changed = codes[:, order] * torch.tensor(scale) * torch.tensor(sign) + 3
    found = mutual_information_gap(codes, VALUES)
    assert 0 <= found <= 1
    assert mutual_information_gap(changed, VALUES) == pytest.approx(found, abs=1e-9)


def test_mig_of_a_factor_that_does_not_vary() -> None:
    with pytest.raises(InvalidInput, match="same value everywhere"):
        mutual_information_gap(CODES, VALUES.clone().index_fill_(1, torch.tensor([1]), 2))


def score(encode: Callable[[Tensor], Tensor], active: Tensor | None = None) -> float:
    return factor_vae_score(encode, FACTORS, stream("votes"), active=active)


@pytest.mark.parametrize("kept", [1, 3, 5])
def test_factor_vae_score_is_the_share_of_factors_with_a_latent(kept: int) -> None:
    """The votes of a factor without one go to the others' latents at random, and are outvoted there."""
    found = score(lambda indices: FACTORS.of(indices)[:, :kept].float())
    assert found == pytest.approx(kept / 5, abs=0 if kept == 5 else 0.04)


def test_factor_vae_score_of_noise_is_chance() -> None:
    generator = stream("noise")
    assert score(lambda indices: torch.randn(len(indices), 4, generator=generator)) == pytest.approx(1 / 5, abs=0.035)


def test_factor_vae_score_ignores_scale_and_prunes_what_hardly_varies_beside_the_others() -> None:
    def scaled(*scale: float) -> Callable[[Tensor], Tensor]:
        return lambda indices: FACTORS.of(indices) * torch.tensor(scale)

    assert score(scaled(1.0, -2.0, 3.0, 3.0, 2.0)) == 1
    assert score(scaled(0.001, -0.002, 0.003, 0.003, 0.002)) == 1
    assert score(scaled(0.01, 1.0, 1.0, 1.0, 1.0)) == pytest.approx(4 / 5, abs=0.035)
    active = torch.tensor([False, True, True, True, True])
    assert score(scaled(1.0, 1.0, 1.0, 1.0, 1.0), active) == pytest.approx(4 / 5, abs=0.035)
    assert score(scaled(0.01, 1.0, 1.0, 1.0, 1.0), active | True) == 1
    assert score(scaled(0.0, 0.0, 0.0, 0.0, 0.0)) == 0


def test_factor_vae_score_of_factors_held_by_one_latent() -> None:
    """Its latent has the least variance whichever of two is fixed, so half of their votes are lost."""

    generator, pair = stream("second latent"), Factors({"a": 32, "b": 32})

    def encode(indices: Tensor) -> Tensor:
        return torch.stack([pair.of(indices).sum(1).float(), torch.randn(len(indices), generator=generator)], dim=1)

    assert factor_vae_score(encode, pair, stream("votes")) == pytest.approx(1 / 2, abs=0.04)


def halves(codes: Tensor, values: Tensor) -> tuple[float, float, float]:
    half = len(codes) // 2
    return dci(codes[:half], values[:half], codes[half:], values[half:])


@pytest.fixture(scope="module")
def points() -> tuple[Tensor, Tensor]:
    return draw(lambda indices: GRID.of(indices).float(), GRID, 4000, stream("points"))


def test_dci_of_the_factors_themselves_is_one(points: tuple[Tensor, Tensor]) -> None:
    codes, values = points
    assert halves(codes, values) == pytest.approx((1, 1, 1), abs=1e-6)


def test_dci_of_noise_is_zero_and_chance(points: tuple[Tensor, Tensor]) -> None:
    _, values = points
    noise = torch.randn(len(values), 3, generator=stream("noise"))
    found = halves(noise, values)
    assert found == pytest.approx((0, 0, (1 / 4 + 1 / 5 + 1 / 3) / 3), abs=0.03)


def test_dci_of_all_factors_in_one_latent_is_complete_and_not_disentangled(points: tuple[Tensor, Tensor]) -> None:
    _, values = points
    together = GRID.indices(values).float()
    noise = torch.randn(len(values), generator=stream("noise"))
    found = halves(torch.stack([together, noise], dim=1), values)
    assert found == pytest.approx((0, 1, 1), abs=0.15)


def test_dci_does_not_depend_on_torchs_global_generator(points: tuple[Tensor, Tensor]) -> None:
    codes, values = points
    noisy = codes + torch.randn(codes.shape, generator=stream("noise"))
    torch.manual_seed(0)
    first = halves(noisy, values)
    torch.manual_seed(1)
    assert halves(noisy, values) == first


@pytest.mark.parametrize(
    ("importance", "wanted"),
    [
        ([[1, 0], [0, 1], [0, 0]], (1, 1)),
        ([[1, 1], [0, 0]], (0, 1)),
        ([[1, 0], [1, 0], [0, 1], [0, 1]], (1, 1 - log(2) / log(4))),
        ([[1, 1], [1, 1]], (0, 0)),
        ([[3, 1], [0, 0]], (1 - (log(4) - 0.75 * log(3)) / log(2), 1)),
        ([[1, 1]], (0, 1)),
        ([[0, 0], [0, 0]], (0, 0)),
        ([[1, 0], [0, 0]], (1, 1)),
    ],
)
def test_disentanglement_and_completeness_of_known_importances(
    importance: list[list[int]], wanted: tuple[float, float]
) -> None:
    matrix = torch.tensor(importance, dtype=torch.float64)
    assert (disentanglement(matrix), completeness(matrix)) == pytest.approx(wanted, abs=1e-12)


@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 6), st.floats(0.01, 100))
@settings(max_examples=50)
def test_scores_of_importances_are_shares_that_ignore_order_and_scale(
    seed: int, latents: int, factors: int, scale: float
) -> None:
    generator = stream(seed)
    matrix = torch.rand(latents, factors, generator=generator, dtype=torch.float64).pow(4)
    rows, columns = (torch.randperm(size, generator=generator) for size in (latents, factors))
    for of in (disentanglement, completeness):
        assert -1e-9 <= of(matrix) <= 1 + 1e-9
        assert of(scale * matrix[rows][:, columns]) == pytest.approx(of(matrix), abs=1e-9)
