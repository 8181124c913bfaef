"""What flow matching promises beyond the laws: it follows its velocity, and the best velocity has no error."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import genzoo
from genzoo_flowmatching.family import FlowMatching
from genzoo_flowmatching.objective import conditional_flow_matching


class Velocity(nn.Module):
    """A velocity that is known."""

    def __init__(self, formula: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.formula = formula

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.formula(x, t.view(-1, 1))


def carried_by(formula: Callable[[Tensor, Tensor], Tensor], steps: int) -> FlowMatching:
    config = {"input_shape": (3,), "values": "real", "solver": "euler", "steps": steps}
    spec = genzoo.ModelSpec(family="flowmatching", architecture="unet", config=config)
    return FlowMatching(spec, Velocity(formula))


def test_the_velocity_to_one_example_has_no_error_and_carries_everything_there() -> None:
    """With one example c the paths are straight lines to it, so v(x, t) = (c − x) / (1 − t), and Euler is exact."""
    c = torch.tensor([1.0, -2.0, 0.5])
    model = carried_by(lambda x, t: (c - x) / (1 - t), 5)
    torch.testing.assert_close(model.sample(4, seed=0), c.expand(4, 3))
    loss = conditional_flow_matching(model, genzoo.Batch(x=c.expand(64, 3)), sigma_min=0.0)["loss"]
    assert loss.shape == (64,)
    assert loss.max().item() < 1e-4


def test_pictures_are_seen_between_minus_one_and_one() -> None:
    model = genzoo.create("flowmatching-unet", input_shape=(1, 8, 8), width=8, seed=0)
    assert isinstance(model, FlowMatching)
    torch.testing.assert_close(model.scaled(torch.tensor([0.0, 0.5, 1.0])), torch.tensor([-1.0, 0.0, 1.0]))


@pytest.mark.parametrize("shape", [(2,), (1, 27, 28), (1, 28, 30)])
def test_a_shape_that_cannot_be_halved_twice_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(genzoo.InvalidInput, match="multiples of 4"):
        genzoo.create("flowmatching-unet", input_shape=shape)


def test_a_width_that_has_no_groups_is_refused() -> None:
    with pytest.raises(genzoo.InvalidInput, match="multiple of 8"):
        genzoo.create("flowmatching-unet", input_shape=(1, 8, 8), width=12)
