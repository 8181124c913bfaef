"""Codes on lines, ways and planes: mathematics alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import genzoo
from genzoo.latent.paths import Mode, along, between, plane
from genzoo.randomness import stream

MODES: tuple[Mode, ...] = ("linear", "spherical")
shapes = st.tuples(st.integers(1, 5), st.integers(2, 40))
seeds = st.integers(0, 2**32)


def codes(name: str, seed: int, shape: tuple[int, int]) -> Tensor:
    return torch.randn(shape, generator=stream(name, seed))


@given(shape=shapes, seed=seeds, steps=st.integers(2, 9), mode=st.sampled_from(MODES))
def test_a_way_begins_at_a_and_ends_at_b(shape: tuple[int, int], seed: int, steps: int, mode: Mode) -> None:
    a, b = codes("a", seed, shape), codes("b", seed, shape)
    way = between(a, b, steps, mode=mode)
    assert way.shape == (shape[0], steps, shape[1])
    assert torch.equal(way[:, 0], a)
    torch.testing.assert_close(way[:, -1], b)


@given(shape=shapes, seed=seeds, mode=st.sampled_from(MODES))
def test_the_way_back_is_the_way(shape: tuple[int, int], seed: int, mode: Mode) -> None:
    a, b = codes("a", seed, shape), codes("b", seed, shape)
    torch.testing.assert_close(between(a, b, 5, mode=mode), between(b, a, 5, mode=mode).flip(1))


@given(shape=shapes, seed=seeds, length=st.floats(0.1, 100))
def test_a_spherical_way_keeps_the_length_and_turns_evenly(shape: tuple[int, int], seed: int, length: float) -> None:
    a, b = (length * torch.nn.functional.normalize(codes(name, seed, shape)) for name in ("a", "b"))
    way = between(a, b, 6, mode="spherical")
    torch.testing.assert_close(way.norm(dim=2), torch.full(way.shape[:2], length), rtol=1e-4, atol=1e-5)
    steps = (way[:, 1:] - way[:, :-1]).norm(dim=2)
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps), rtol=1e-3, atol=1e-4 * length)


def test_a_straight_way_between_draws_is_shorter_in_its_middle_than_a_spherical_one() -> None:
    a, b = codes("a", 0, (50, 100)), codes("b", 0, (50, 100))
    straight, round_about = (between(a, b, 3, mode=mode)[:, 1].norm(dim=1) for mode in MODES)
    assert straight.mean() == pytest.approx(50**0.5, rel=0.05)  # the mean of two has half the variance
    assert round_about.mean() == pytest.approx(100**0.5, rel=0.05)


def test_a_spherical_way_along_one_direction_is_straight() -> None:
    a = codes("a", 0, (3, 8))
    for b in (a, 2 * a):
        torch.testing.assert_close(between(a, b, 5, mode="spherical"), between(a, b, 5))


def test_a_spherical_way_from_the_origin_is_finite_and_arrives() -> None:
    way = between(torch.zeros(1, 4), torch.ones(1, 4), 4, mode="spherical")
    assert way.isfinite().all()
    torch.testing.assert_close(way[0, -1], torch.ones(4))


@pytest.mark.parametrize(
    ("b", "steps", "mode", "message"),
    [
        (-torch.ones(1, 3), 4, "spherical", "take mode='linear'"),
        (torch.ones(2, 3), 4, "linear", "got 1 and 2"),
        (torch.ones(1, 3), 1, "linear", "steps must be a whole number of at least 2; got 1"),
        (torch.ones(1, 3), 4, "round", "'linear' or 'spherical'; got 'round'"),
    ],
)
def test_what_is_no_way_is_refused(b: Tensor, steps: int, mode: Mode, message: str) -> None:
    with pytest.raises(genzoo.InvalidInput, match=message):
        between(torch.ones(1, 3), b, steps, mode=mode)


@given(shape=shapes, seed=seeds, data=st.data())
def test_exactly_one_latent_moves(shape: tuple[int, int], seed: int, data: st.DataObject) -> None:
    z = codes("z", seed, shape)
    before, latent, values = z.clone(), data.draw(st.integers(0, shape[1] - 1)), torch.linspace(-3, 3, 4)
    moved = along(z, latent, values)
    assert torch.equal(moved[:, :, latent], values.expand(shape[0], 4))
    others = [j for j in range(shape[1]) if j != latent]
    assert torch.equal(moved[:, :, others], z[:, None, others].expand(-1, 4, -1))
    assert torch.equal(z, before)


@given(n=st.integers(2, 30), extent=st.none() | st.floats(0.1, 10))
def test_a_map_grows_to_the_right_and_upwards_and_is_centred(n: int, extent: float | None) -> None:
    codes = plane(n, extent)
    assert codes.shape == (n, n, 2)
    assert (codes[:, 1:, 0] > codes[:, :-1, 0]).all()
    assert (codes[1:, :, 1] < codes[:-1, :, 1]).all()
    torch.testing.assert_close(codes, -codes.flip(0, 1), atol=1e-5, rtol=1e-5)
    if extent is not None:
        torch.testing.assert_close(codes[0, 0], torch.tensor([-extent, extent]))


def test_without_extent_each_code_stands_for_one_share_of_the_prior() -> None:
    ticks = plane(10)[0, :, 0].double()
    shares = torch.special.ndtr(ticks)
    torch.testing.assert_close(shares, (torch.arange(10).double() + 0.5) / 10, atol=1e-6, rtol=0)


@pytest.mark.parametrize("extent", [0.0, -1.0, float("nan"), float("inf")])
def test_an_extent_is_a_positive_number(extent: float) -> None:
    with pytest.raises(genzoo.InvalidInput, match="extent must be a positive number"):
        plane(3, extent)
