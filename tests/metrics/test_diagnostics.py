"""Collapse and memorisation, on clouds where both are known."""

from __future__ import annotations

import pytest
import torch

from genzoo.metrics.diagnostics import class_shares, covered, distance_to_training
from tests.metrics.test_fidelity import cloud


def test_shares_sum_to_1_and_a_class_that_is_never_drawn_has_0() -> None:
    shares = class_shares(torch.tensor([0, 0, 1, 3]), 5)
    assert shares.tolist() == [0.5, 0.25, 0, 0.25, 0]


@pytest.mark.parametrize(("shares", "count"), [([0.25] * 4, 4), ([0.97, 0.03, 0, 0], 2), ([0.98, 0.02, 0, 0], 1)])
def test_a_class_is_covered_from_a_tenth_of_an_even_share_on(shares: list[float], count: int) -> None:
    assert covered(torch.tensor(shares, dtype=torch.float64)) == count


def test_copies_of_training_pictures_are_near_them_and_new_ones_are_not() -> None:
    training, new = cloud(2000, 4, "training"), cloud(300, 4, "new")
    copies = training[:300] + 0.001 * cloud(300, 4, "noise")
    assert distance_to_training(copies, training) < 0.05 * distance_to_training(new, training)
