"""Factors: a mixed-radix numbering."""

from __future__ import annotations

from itertools import product

import torch
from hypothesis import given
from hypothesis import strategies as st

from genzoo.datasets import Factors

grids = st.lists(st.integers(1, 50), min_size=1, max_size=6).map(
    lambda sizes: Factors({f"factor {place}": size for place, size in enumerate(sizes)})
)


@given(grids, st.data())
def test_indices_and_values_are_each_others_inverse(factors: Factors, data: st.DataObject) -> None:
    indices = torch.tensor(data.draw(st.lists(st.integers(0, len(factors) - 1), min_size=1, max_size=20)))
    values = factors.of(indices)
    assert torch.equal(factors.indices(values), indices)
    assert (values >= 0).all()
    assert (values < torch.tensor(list(factors.sizes.values()))).all()


def test_all_combinations_are_there_in_the_order_of_a_product() -> None:
    sizes = {"a": 2, "b": 3, "c": 4}
    values = Factors(sizes).of(torch.arange(24))
    assert values.tolist() == [list(row) for row in product(*map(range, sizes.values()))]
