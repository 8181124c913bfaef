"""Classifiers of codes, on codes whose classes are known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genzoo.errors import InvalidInput
from genzoo.metrics.representation import knn_accuracy, linear_probe_accuracy
from genzoo.randomness import stream

Split = tuple[Tensor, Tensor, Tensor, Tensor]


def clusters(distance: float, n: int = 900, seed: int = 0) -> Split:
    """Three normal clusters in four dimensions, their centres `distance` deviations from the origin; half for tests."""
    generator = stream("clusters", seed)
    labels = torch.arange(n) % 3
    codes = torch.randn(n, 4, generator=generator) + distance * torch.eye(4)[labels]
    return codes[: n // 2], labels[: n // 2], codes[n // 2 :], labels[n // 2 :]


@pytest.mark.parametrize("accuracy", [knn_accuracy, linear_probe_accuracy])
def test_clusters_that_lie_apart_are_told_apart_and_noise_is_not(accuracy: Callable[..., float]) -> None:
    assert accuracy(*clusters(20)) == 1
    assert accuracy(*clusters(0, n=9000)) == pytest.approx(1 / 3, abs=0.03)


def test_the_linear_probe_sees_no_more_than_a_line_does() -> None:
    """Two classes on a circle and inside it: neighbours tell them, a line does not."""
    angle = torch.rand(4000, generator=stream("angle")) * 6.2832
    labels = torch.arange(4000) % 2
    codes = (0.2 + labels)[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    split = codes[:2000], labels[:2000], codes[2000:], labels[2000:]
    assert knn_accuracy(*split) == 1
    assert linear_probe_accuracy(*split) == pytest.approx(0.5, abs=0.1)


def vote(labels: list[int], k: int) -> int:
    """What k neighbours with these labels, nearest first, say of a code at 0."""
    codes = torch.arange(1.0, len(labels) + 1)[:, None]
    said = [
        knn_accuracy(codes, torch.tensor(labels), torch.zeros(1, 1), torch.tensor([label]), k=k) for label in range(4)
    ]
    assert sorted(said) == [0, 0, 0, 1]
    return said.index(1)


@pytest.mark.parametrize(
    ("labels", "k", "wanted"),
    [
        ([2, 1, 1], 1, 2),
        ([2, 1, 1], 3, 1),
        ([2, 1, 0, 1, 2], 5, 2),
        ([0, 1, 2, 2, 1], 5, 1),
        ([3, 2, 1], 3, 3),
        ([3, 2, 2, 1, 1, 1], 5, 2),
    ],
)
def test_neighbours_vote_and_the_nearest_breaks_a_tie(labels: list[int], k: int, wanted: int) -> None:
    assert vote(labels, k) == wanted


def test_neighbours_are_the_same_however_many_codes_are_asked_about_at_once() -> None:
    codes, labels, test_codes, test_labels = clusters(1, n=1800)
    parts = [knn_accuracy(codes, labels, test_codes[i : i + 100], test_labels[i : i + 100]) for i in range(0, 900, 100)]
    assert knn_accuracy(codes, labels, test_codes, test_labels) == pytest.approx(sum(parts) / 9)


@pytest.mark.parametrize("k", [0, 451])
def test_a_k_that_is_not_there(k: int) -> None:
    with pytest.raises(InvalidInput, match=r"k must be in 1 … 450, .* got"):
        knn_accuracy(*clusters(1), k=k)


def rotation(name: str, seed: int) -> Tensor:
    turn: Tensor = torch.linalg.qr(torch.randn(4, 4, generator=stream(name, seed)))[0]
    return turn


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_neighbours_stay_under_a_rotation(seed: int) -> None:
    codes, labels, test_codes, test_labels = clusters(1, seed=seed)
    turn = rotation("turn", seed)
    turned = knn_accuracy(codes @ turn, labels, test_codes @ turn, test_labels)
    assert turned == pytest.approx(knn_accuracy(codes, labels, test_codes, test_labels), abs=0.005)


@given(st.integers(0, 10_000), st.lists(st.floats(0.2, 5), min_size=4, max_size=4))
@settings(max_examples=25)
def test_a_linear_probe_hardly_notices_an_affine_map(seed: int, scale: list[float]) -> None:
    """Only its penalty does."""
    codes, labels, test_codes, test_labels = clusters(1, n=3000, seed=seed)
    matrix = rotation("before", seed) @ torch.diag(torch.tensor(scale)) @ rotation("after", seed)
    mapped = linear_probe_accuracy(codes @ matrix + 10, labels, test_codes @ matrix + 10, test_labels)
    assert mapped == pytest.approx(linear_probe_accuracy(codes, labels, test_codes, test_labels), abs=0.02)


def test_the_linear_probe_is_deterministic() -> None:
    split = clusters(1, n=3000)
    torch.manual_seed(0)
    first = linear_probe_accuracy(*split)
    torch.manual_seed(1)
    assert linear_probe_accuracy(*split) == first
