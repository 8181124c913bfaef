"""What a flow promises beyond the laws: its density is one, and it learns that of the data."""

import os
from pathlib import Path

import pytest
import torch

import genzoo
from genzoo_coupling.family import Flow

FOLDER = Path(__file__).parent.parent / "src" / "genzoo_coupling" / "recipes"
RING, CODES = FOLDER / "coupling-spline-toy2d-ring.toml", FOLDER / "coupling-spline-mnist-codes.toml"
QUICK = {"training.epochs": 1, "training.batch_size": 250, "optimizer.learning_rate": 5e-3}
data_is_there = pytest.mark.skipif(
    not (Path(os.environ.get("GENZOO_DATA", "")) / "MNIST" / "raw").is_dir(), reason="GENZOO_DATA has no MNIST"
)


def flow(size: int) -> Flow:
    """An untrained flow whose affine map is not the identity either."""
    model = (
        genzoo.create("coupling-spline", input_shape=(size,), latent_dim=size, values="real", seed=1).double().eval()
    )
    assert isinstance(model, Flow)
    for parameter in model.bijection.affine.parameters():
        torch.nn.init.constant_(parameter, 0.3)
    return model


def test_the_density_is_that_of_a_change_of_variables() -> None:
    model, x = flow(5), torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for each in x:
        jacobian = torch.autograd.functional.jacobian(lambda point: model.bijection(point[None])[0][0], each)
        normal = torch.distributions.Normal(0.0, 1.0).log_prob(model.encode(each[None])).sum()
        torch.testing.assert_close(model.log_prob(each[None])[0], normal + jacobian.det().abs().log())


def test_the_density_sums_to_one() -> None:
    side = torch.linspace(-8, 8, 200, dtype=torch.float64)
    points = torch.cartesian_prod(side, side)
    with torch.no_grad():
        mass = flow(2).log_prob(points).exp().sum() * (side[1] - side[0]) ** 2
    assert mass.item() == pytest.approx(1, abs=1e-3)


def test_it_learns_the_density_of_the_data(tmp_path: Path) -> None:
    """No density can be better than the data's own, −E log p; an epoch brings a flow near it, from 2 nats away."""
    model = genzoo.train(RING, overrides=QUICK, output=tmp_path / "run")
    data = genzoo.open_data("toy2d-ring", "test")
    x = data.first(len(data))
    with torch.no_grad():
        found = -model.log_prob(x).mean().item()
    entropy = -data.log_prob(x).mean().item()
    assert -0.01 < found - entropy < 0.15, f"{found} nats; the data has {entropy}"


@pytest.mark.parametrize("data", ["mnist", "mnist-dynamic"])
def test_levels_have_no_density(data: str, tmp_path: Path) -> None:
    with pytest.raises(genzoo.InvalidInput, match="real"):
        genzoo.train(RING, overrides={"data.name": data}, output=tmp_path / "run")


def test_one_number_cannot_be_coupled() -> None:
    with pytest.raises(genzoo.InvalidInput, match="two numbers at least"):
        genzoo.create("coupling-spline", input_shape=(1,), latent_dim=1, values="real")


def test_there_are_as_many_latents_as_numbers() -> None:
    with pytest.raises(genzoo.InvalidInput, match="write latent_dim = 2"):
        genzoo.create("coupling-spline", input_shape=(2,), latent_dim=3, values="real")


@data_is_there
def test_codes_are_digits_that_a_flow_can_be_trained_on() -> None:
    codes, digits = genzoo.open_data("mnist-codes", "test"), genzoo.open_data("mnist", "test")
    coder = genzoo.load("ae-dense-mnist", device="cpu")
    torch.testing.assert_close(coder.decode(codes.first(8)), coder.reconstruct(digits.first(8)))
    assert codes.labels is not None
    assert torch.equal(codes.labels, digits.labels)
