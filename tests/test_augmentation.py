"""Random changes of pictures: what each does, and what it leaves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genzoo.augmentation import changed, flipped, shifted
from genzoo.batch import Batch
from genzoo.spec.sections import Training
from genzoo.training.loop import augmented


@st.composite
def pictures(draw: Any) -> Tensor:
    shape = draw(st.tuples(st.integers(1, 4), st.sampled_from([1, 3]), st.integers(1, 20), st.integers(1, 20)))
    return torch.rand(shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 1000))))


@given(x=pictures(), seed=st.integers(0, 1000))
def test_a_change_keeps_shape_and_range_and_is_the_same_for_a_seed(x: Tensor, seed: int) -> None:
    torch.manual_seed(seed)
    first = changed(x)
    torch.manual_seed(seed)
    assert torch.equal(changed(x), first)
    assert first.shape == x.shape
    assert first.dtype == x.dtype
    assert 0 <= first.min() <= first.max() <= 1


def test_a_change_is_differentiable() -> None:
    """By finite differences, where no value is at the edge of the range."""
    x = (0.45 + 0.1 * torch.rand(2, 3, 8, 8, dtype=torch.float64)).requires_grad_()

    def with_one_seed(x: Tensor) -> Tensor:
        torch.manual_seed(1)
        return changed(x)

    assert torch.autograd.gradcheck(with_one_seed, (x,))
    (gradient,) = torch.autograd.grad(with_one_seed(x).sum(), x)
    assert (gradient != 0).any(dim=(1, 2, 3)).all()


def test_changes_are_of_the_sizes_of_the_paper() -> None:
    """Of a grey picture half is covered at most, an eighth moved in, and its brightness within a quarter."""
    x = torch.full((4000, 1, 16, 16), 0.25)
    torch.manual_seed(0)
    y = changed(x)
    seen = torch.where(y == 0.5, torch.nan, y).flatten(1).nanmedian(1).values
    seen = seen[seen.isfinite()]
    assert 0.0 <= seen.min() < 0.01
    assert 0.49 < seen.max() <= 0.5
    covered = (y == 0.5).double().mean((1, 2, 3))
    whole = 0.25 + 1 - (14 / 16) ** 2  # the square, and beside it two rows and two columns
    assert covered.max() <= whole
    assert covered.min() >= 1 / 16  # a square in a corner
    assert 0.2 < covered.mean() < 0.35


@given(x=pictures(), seed=st.integers(0, 1000))
def test_flips_only_flip(x: Tensor, seed: int) -> None:
    which = torch.rand(len(x), generator=torch.Generator().manual_seed(seed)) < 0.5
    y = flipped(x, which)
    for before, after, mirrored in zip(x, y, which, strict=True):
        assert torch.equal(after, before.flip(-1) if mirrored else before)
    assert torch.equal(flipped(y, which), x)


@given(x=pictures(), down=st.integers(-5, 5), right=st.integers(-5, 5))
def test_shifts_move_whole_pixels_and_repeat_the_edge(x: Tensor, down: int, right: int) -> None:
    height, width = x.shape[2:]
    y = shifted(x, torch.tensor([[down / height, right / width]]).expand(len(x), 2))
    for row in range(height):
        for column in range(width):
            source = min(max(row - down, 0), height - 1), min(max(column - right, 0), width - 1)
            assert torch.equal(y[:, :, row, column], x[:, :, source[0], source[1]])


@settings(max_examples=20)
@given(x=pictures(), seed=st.integers(0, 1000))
def test_what_is_known_of_a_picture_is_mirrored_with_it(x: Tensor, seed: int) -> None:
    label = torch.arange(len(x))
    known = {"source": 1 - x, "label": label}
    torch.manual_seed(seed)
    batch = augmented(Batch(x=x, given={"source": 1 - x}, known=known), Training(epochs=1, flip=True, shift=0.2))
    assert torch.equal(batch.given["source"], 1 - batch.x)
    assert torch.equal(batch.known["source"], 1 - batch.x)
    assert torch.equal(batch.known["label"], label)


def test_half_of_the_pictures_are_mirrored() -> None:
    x = torch.arange(3.0).expand(2000, 1, 1, 3)
    torch.manual_seed(0)
    mirrored = augmented(Batch(x=x), Training(epochs=1, flip=True)).x[:, 0, 0, 0] == 2
    assert mirrored.double().mean().item() == pytest.approx(0.5, abs=0.05)
    batch = Batch(x=x)
    before = torch.get_rng_state()
    assert augmented(batch, Training(epochs=1)) is batch
    assert torch.equal(torch.get_rng_state(), before)
