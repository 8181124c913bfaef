"""The known densities: normalised, and those of the points."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

import genzoo
from genzoo.api.data import open_data
from genzoo.datasets.toy import DENSITIES
from genzoo.registry import registry
from genzoo.spec import DatasetSpec

NAMES = sorted(DENSITIES)
REACH = 4.5  # beyond it no density has more than 1e-6 of its mass


def cells(dim: int, per_side: int, finer: int) -> tuple[Tensor, float]:
    """The centres of a grid over [−REACH, REACH]^dim, `finer`^dim in each of `per_side`^dim cells, and their volume."""
    count = per_side * finer
    width = 2 * REACH / count
    axis = (torch.arange(count) + 0.5) * width - REACH
    points = axis[:, None] if dim == 1 else torch.cartesian_prod(axis, axis)
    return points, width**dim


def masses(name: str, per_side: int, finer: int) -> Tensor:
    """The mass of the density in each cell, (per_side,) * dim."""
    dim = DENSITIES[name].means.shape[1]
    points, volume = cells(dim, per_side, finer)
    mass = torch.cat([DENSITIES[name].log_prob(part) for part in torch.split(points, 20_000)]).double().exp() * volume
    shape = (per_side, finer) if dim == 1 else (per_side, finer, per_side, finer)
    return mass.view(shape).sum(1) if dim == 1 else mass.view(shape).sum((1, 3))


@pytest.mark.parametrize("name", NAMES)
def test_the_density_integrates_to_one(name: str) -> None:
    assert masses(name, 45, 8).sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", NAMES)
def test_the_points_are_drawn_from_the_density(name: str, split: str) -> None:
    """A χ² test on the cells that expect more than ten points: its statistic is freedom ± √(2 freedom)."""
    points = open_data(name, split).first(100_000)
    expected = masses(name, 45, 8).flatten() * len(points)
    index = ((points + REACH) / (2 * REACH) * 45).floor().long()
    assert ((index >= 0) & (index < 45)).all()
    flat = index[:, 0] if points.shape[1] == 1 else index[:, 0] * 45 + index[:, 1]
    counts = flat.bincount(minlength=len(expected))
    often = expected > 10
    chi_squared = ((counts - expected).square() / expected)[often].sum().item()
    freedom = int(often.sum()) - 1
    assert abs(chi_squared - freedom) < 4 * (2 * freedom) ** 0.5


@pytest.mark.parametrize("name", NAMES)
def test_the_splits_are_fixed_and_different_and_know_their_density(name: str) -> None:
    train, test = (open_data(name, split) for split in ("train", "test"))
    assert (len(train), len(test)) == (60_000, 10_000)
    first = train.first(100)
    assert first.shape == (100, *train.shape)
    assert torch.equal(first, open_data(name, "train").first(100))
    assert not torch.equal(first, test.first(100))
    assert train.log_prob is not None
    normals = Independent(Normal(DENSITIES[name].means, DENSITIES[name].scale), 1)
    mixture = MixtureSameFamily(Categorical(torch.ones(len(DENSITIES[name].means))), normals)
    torch.testing.assert_close(train.log_prob(first), mixture.log_prob(first))  # type: ignore[no-untyped-call]  # torch's


def test_every_toy_is_a_data_set_of_real_values() -> None:
    for name in NAMES:
        record = registry().find(DatasetSpec, name)
        assert (record.values, record.shape) == ("real", (DENSITIES[name].means.shape[1],))


def test_the_density_of_a_single_normal_is_torchs() -> None:
    from genzoo.datasets.toy import Mixture

    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    normal = torch.distributions.Independent(torch.distributions.Normal(torch.tensor([0.5, -1.0]), 0.7), 1)
    torch.testing.assert_close(Mixture(torch.tensor([[0.5, -1.0]]), 0.7).log_prob(x), normal.log_prob(x))  # type: ignore[no-untyped-call]  # torch's


@pytest.mark.parametrize("family", ["gan", "vae", "ae"])
def test_a_model_of_points_trains(family: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("toy")
    objective = {"gan": "non-saturating", "vae": "elbo", "ae": "mse"}[family]
    likelihood = 'likelihood = "gaussian"\n' if family == "vae" else ""
    (folder / "toy.toml").write_text(
        f'name = "{family}-dense-mine"\n[model]\nfamily = "{family}"\narchitecture = "dense"\nlatent_dim = 1\n'
        f'hidden = [16]\n{likelihood}[objective]\nname = "{objective}"\n[data]\nname = "toy2d-ring"\n'
        "[training]\nepochs = 1\nbatch_size = 2000\n"
    )
    model = genzoo.train(folder / "toy.toml", output=folder / "run")
    assert model.values == "real"
    assert genzoo.load(folder / "run").values == "real"
    assert (folder / "run" / "samples" / "epoch-0001.png").exists()
