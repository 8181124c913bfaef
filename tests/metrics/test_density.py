"""D → ½ and the Wasserstein-1 distance, where they are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import genzoo
from genzoo.batch import Batch
from genzoo.datasets import Split
from genzoo.metrics import Setting, measure, metrics_of
from genzoo.metrics.density import distance_from_half, wasserstein_1
from genzoo.models.gan import GAN
from genzoo.randomness import stream
from genzoo.spec import DatasetSpec
from genzoo.spec.sections import Evaluation


def critic(logit: float) -> GAN:
    """A GAN on a line whose discriminator says the same of every point."""
    gan = genzoo.create("gan-dense", input_shape=(1,), latent_dim=1, values="real", seed=0).eval()
    assert isinstance(gan, GAN)
    for parameter in gan.discriminator.parameters():
        torch.nn.init.zeros_(parameter)
    torch.nn.init.constant_(list(gan.discriminator.parameters())[-1], logit)
    return gan


@pytest.mark.parametrize("logit", [0.0, 3.0, -40.0])
def test_distance_from_half(logit: float) -> None:
    found = distance_from_half(critic(logit), Batch(x=torch.randn(7, 1)))
    wanted = abs(torch.tensor(logit).sigmoid().item() - 0.5)
    torch.testing.assert_close(found, torch.full((7,), wanted))


@given(st.integers(0, 2**31), st.floats(-100, 100), st.integers(1, 200))
def test_a_shift_is_as_far_as_it_goes(seed: int, shift: float, n: int) -> None:
    x = torch.randn(n, 1, generator=stream(seed), dtype=torch.float64)
    shuffled = x[torch.randperm(n, generator=stream(seed))]
    assert wasserstein_1(shuffled + shift, x) == pytest.approx(abs(shift), abs=1e-9)


def test_scaled_normals_are_as_far_as_in_closed_form() -> None:
    """W₁(N(0, 1), N(0, σ²)) = |σ − 1| √(2/π)."""
    a, b = (torch.randn(200_000, 1, generator=stream(name), dtype=torch.float64) for name in "ab")
    assert wasserstein_1(a, 3 * b) == pytest.approx(2 * (2 / torch.pi) ** 0.5, rel=0.02)


def test_a_gan_on_a_line_is_measured_against_its_data() -> None:
    record = DatasetSpec(name="line", target="nowhere:line", summary="", shape=(1,), values="real")

    def open_line(record: DatasetSpec, split: str) -> Split:
        return Split(source=torch.randn(5000, 1, generator=stream(split)), shape=(1,))

    told: dict[str, Any] = {"model": critic(0.0), "evaluation": Evaluation(), "dataset": record, "pictures": record}
    assert metrics_of(Setting(**told, open_split=open_line)).keys() == {"wasserstein_1"}
    told["dataset"] = told["pictures"] = replace(record, splits=("train",))
    alone = Setting(**told, open_split=open_line)
    assert measure(metrics_of(alone), alone)["wasserstein_1"].floor is None  # there are no others
    told["dataset"] = told["pictures"] = record
    here = Setting(**told, open_split=open_line, probability=True)
    found = measure(metrics_of(here), here)
    assert found.keys() == {"d_minus_half", "wasserstein_1"}
    assert found["d_minus_half"].value == 0.0
    floor = found["wasserstein_1"].floor or 0.0
    assert found["wasserstein_1"].value > 3 * floor > 0
