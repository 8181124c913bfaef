"""The log as a picture."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from genzoo.training.curves import curves


@pytest.mark.parametrize(("terms", "size"), [(1, (400, 260)), (3, (1200, 260)), (4, (1200, 520))])
@pytest.mark.parametrize("epochs", [2, 50])
def test_each_term_has_a_panel(terms: int, size: tuple[int, int], epochs: int) -> None:
    log = [
        {"epoch": epoch, "step": 10 * epoch, "seconds": 0.1, **{f"term_{i}": 1 / (epoch + i + 1) for i in range(terms)}}
        for epoch in range(1, epochs + 1)
    ]
    del log[0][next(reversed(log[0]))]  # whose player did not move in this epoch
    with Image.open(io.BytesIO(curves(log))) as picture:
        assert picture.size == size
        assert picture.convert("L").getextrema() == (0, 255)
    assert curves(log) == curves(log)
