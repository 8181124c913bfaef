"""What flow matching promises beyond the laws: the right network has no error, and samples follow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import genzoo
from genzoo import Batch, Column, Space
from genzoo_flow.family import Flow, MeanFlow
from genzoo_flow.objectives import conditional_flow_matching, mean_flow, optimal_transport_flow_matching

LABEL = {"label": Column.of(["a", "b"])}


class Known(nn.Module):
    """A network whose formula is known, which keeps what it was called with."""

    def __init__(self, formula: Callable[..., Tensor]) -> None:
        super().__init__()
        self.formula = formula
        self.called: tuple[Tensor, ...] = ()

    def forward(self, x: Tensor, *times: Tensor, given: Mapping[str, Tensor] | None = None) -> Tensor:
        self.called = (x, *times)
        return self.formula(x, *(t[:, None] for t in times))


def spec(family: str, length: int, given: Mapping[str, Column] | None = None) -> genzoo.ModelSpec:
    config = {"input_shape": (length,), "values": "real"}
    return genzoo.ModelSpec(family=family, architecture="unet", config=config, given=given or {})


def test_velocity_to_one_example_has_no_error_and_carries_everything_there() -> None:
    """With one example c the paths are straight lines to it, so v(x, t) = (c − x) / (1 − t), and Euler is exact."""
    c = torch.tensor([1.0, -2.0, 0.5])
    model = Flow(spec("flow", 3), Known(lambda x, t: (c - x) / (1 - t)))
    torch.testing.assert_close(model.sample(4, seed=0, sampler="euler:5"), c.expand(4, 3))
    loss = conditional_flow_matching(model, Batch(x=c.expand(64, 3)))["loss"]
    assert loss.shape == (64,)
    assert loss.max().item() < 1e-4


def test_transport_pairs_at_least_cost_among_examples_that_are_told_the_same() -> None:
    network = Known(lambda x, t: torch.zeros_like(x))
    model = Flow(spec("flow", 2, LABEL), network)
    x1, label = torch.randn(6, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 0, 0, 1, 1, 1])
    torch.manual_seed(1)
    drawn = torch.randn_like(x1)
    torch.manual_seed(1)
    optimal_transport_flow_matching(model, Batch(x=x1, given={"label": label}))
    path, t = network.called
    x0 = (path - t[:, None] * x1) / (1 - t[:, None])
    for rows in (slice(0, 3), slice(3, 6)):
        costs = [(x1[rows] - drawn[rows][list(order)]).square().sum() for order in permutations(range(3))]
        assert (x1[rows] - x0[rows]).square().sum().item() == pytest.approx(min(costs).item(), rel=1e-3)


MEAN, STD = 2.0, 0.5


def scale(t: Tensor) -> Tensor:
    return ((1 - t) ** 2 + t**2 * STD**2).sqrt()


def to_gaussian(x: Tensor, t: Tensor, span: Tensor) -> Tensor:
    """The mean velocity from N(0, 1) to N(MEAN, STD²): x at t + s is (t + s) MEAN + a(t + s) / a(t) (x − t MEAN), with
    the standard deviation a of the path."""
    end = t + span
    there = end * MEAN + scale(end) / scale(t) * (x - t * MEAN)
    velocity = MEAN + (t * STD**2 - (1 - t)) / scale(t) ** 2 * (x - t * MEAN)
    return torch.where(span > 1e-3, (there - x) / span.clamp(min=1e-3), velocity)


def test_right_mean_velocity_carries_noise_to_data_in_one_step() -> None:
    model = MeanFlow(spec("meanflow", 1), Known(to_gaussian))
    x = model.sample(4000, seed=0)
    assert x.mean().item() == pytest.approx(MEAN, abs=0.03)
    assert x.std().item() == pytest.approx(STD, abs=0.03)
    torch.testing.assert_close(model.sample(8, seed=0, sampler="mean-flow:4"), x[:8], atol=1e-3, rtol=0)


@pytest.mark.parametrize(("factor", "is_right"), [(1.0, True), (0.0, False)])
def test_mean_flow_has_no_gradient_at_the_right_mean_velocity_alone(factor: float, is_right: bool) -> None:
    """The expected gradient is that of the squared error to v + s du/dt; the velocity of the moment (`factor` 0) is not
    its mean over a time."""
    torch.manual_seed(0)
    off = torch.zeros(1, requires_grad=True)

    def formula(x: Tensor, t: Tensor, span: Tensor) -> Tensor:
        return to_gaussian(x, t, factor * span) + off * span * (x - t * MEAN)

    model = MeanFlow(spec("meanflow", 1), Known(formula))
    x1 = MEAN + STD * torch.randn(40_000, 1)
    mean_flow(model, Batch(x=x1))["error"].mean().backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    assert off.grad is not None
    assert (off.grad.abs().item() < 0.005) == is_right


def test_state_of_unequal_rows_is_refused() -> None:
    model = Flow(spec("flow", 3), Known(lambda x, t: x * t))
    torch.testing.assert_close(
        model.drift((torch.ones(2, 3), torch.tensor([0.0, 0.5]))).sum(1), torch.tensor([0.0, 1.5])
    )
    with pytest.raises(genzoo.InvalidInput, match="wants as many rows in each tensor; got 2 and 1"):
        model.drift((torch.ones(2, 3), torch.zeros(1)))


def test_pictures_lie_between_minus_one_and_one() -> None:
    model = genzoo.create("flow-unet", input_shape=(1, 8, 8), channels=(8, 8), seed=0)
    assert isinstance(model, Flow)
    torch.testing.assert_close(model.to_flow(torch.tensor([0.0, 0.5, 1.0])), torch.tensor([-1.0, 0.0, 1.0]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_shape": (2,), "values": "real"}, "which are no pictures"),
        ({"input_shape": (1, 27, 28)}, "height and width are multiples of 2"),
        ({"input_shape": (1, 28, 30), "patch": 2}, "height and width are multiples of 4"),
        ({"input_shape": (1, 8, 8), "channels": (8, 12)}, "multiples of 8, the groups of the normalisation; got 12"),
        ({"input_shape": (1, 8, 8), "heads": 3}, "heads must divide the channels of the coarsest scale, 64; got 3"),
    ],
)
def test_network_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(genzoo.InvalidInput, match=message):
        genzoo.create("flow-unet", **options)


def test_given_picture_of_another_size_is_seen_and_may_be_left_out() -> None:
    source = Column(space=Space(shape=(1, 4, 4), values="unit"), optional=True)
    model = genzoo.create("flow-unet", input_shape=(1, 8, 8), channels=(8, 8), given={"source": source}, seed=0)
    black, grey, white = (model.sample(1, seed=0, source=torch.full((1, 1, 4, 4), level)) for level in (0.0, 0.5, 1.0))
    assert not torch.equal(black, white)
    torch.testing.assert_close(model.sample(1, seed=0), grey)
