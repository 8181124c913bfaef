"""What models decode from chosen codes, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

import genzoo
from genzoo.datasets.sprites import FACTORS, render
from genzoo.errors import UnsupportedVerb
from genzoo.latent import in_blocks, plane, scale_of
from genzoo.models import Model
from genzoo.randomness import Noise

load = cache(genzoo.load)


def test_a_traversal_is_the_start_but_for_one_latent() -> None:
    model, z = load("vae-conv-mnist"), Noise(seed=0, n=2).normal(32)
    pictures = model.traverse(z, latent=13, span=(-2, 2), steps=5)
    assert pictures.shape == (2, 5, 1, 28, 28)
    z[:, 13] = torch.linspace(-2, 2, 5)[3]
    torch.testing.assert_close(pictures[:, 3], model.decode(z))


def test_an_active_latent_changes_the_picture_and_a_collapsed_one_does_not() -> None:
    model = load("vae-conv-mnist")
    table = model.latents()
    change = [
        model.traverse(Noise(seed=0, n=8).normal(32), latent=row.index).std(1).mean().item()
        for row in (table[0], table[-1])
    ]
    assert table[0].active
    assert not table[-1].active
    assert change[0] > 20 * change[1]


def test_x_stands_for_its_code() -> None:
    model = load("ae-dense-mnist")
    x = load("gan-dcgan-mnist").sample(2, seed=0)
    z = model.encode(x)
    assert torch.equal(model.traverse(x, latent=3), model.traverse(z, latent=3))
    way = model.interpolate(x[:1], z[1:], 4, mode="spherical")
    torch.testing.assert_close(way[0, [0, -1]], model.reconstruct(x))


def test_a_traversal_of_an_autoencoder_goes_as_far_as_its_codes() -> None:
    model = load("ae-dense-mnist-5d")
    mean, std = scale_of(model)
    detail = genzoo.show("ae-dense-mnist-5d").metrics["active_latents"].detail
    torch.testing.assert_close(std, torch.tensor(detail["std_per_latent"]))
    z = torch.zeros(1, 5)
    z[0, 2] = mean[2] + 3 * std[2]
    torch.testing.assert_close(model.traverse(torch.zeros(1, 5), latent=2)[:, -1], model.decode(z))


@pytest.mark.parametrize("name", ["vae-conv-mnist", "gan-dcgan-mnist"])
def test_what_is_drawn_from_the_prior_is_measured_by_it(name: str) -> None:
    mean, std = scale_of(load(name))
    assert (set(mean.tolist()), set(std.tolist())) == ({0.0}, {1.0})


def test_a_map_is_decoded_from_its_plane() -> None:
    model = load("ae-dense-mnist-2d")
    mean, std = scale_of(model)
    pictures = model.manifold(6, extent=2)
    assert pictures.shape == (6, 6, 1, 28, 28)
    torch.testing.assert_close(pictures[0, 5], model.decode((mean + std * torch.tensor([2.0, 2.0]))[None])[0])
    torch.testing.assert_close(model.manifold(4)[1], model.decode(mean + std * plane(4)[1]))


def test_what_is_looked_at_is_the_same_twice_in_training_mode_too() -> None:
    model = genzoo.create("vae-conv", input_shape=(1, 28, 28), latent_dim=2, seed=0)
    views = [torch.cat([model.manifold(3), model.interpolate(a, a + 1, 3)]) for a in 2 * [torch.zeros(1, 2)]]
    assert torch.equal(*views)
    assert not views[0].requires_grad
    assert model.training


def test_many_rows_are_computed_a_block_at_a_time() -> None:
    sizes: list[int] = []

    def double(rows: Tensor) -> Tensor:
        sizes.append(len(rows))
        return 2 * rows

    rows = torch.rand(1203, 2)
    assert torch.equal(in_blocks(double, rows), 2 * rows)
    assert sizes == [500, 500, 203]


def test_an_attribute_is_given_and_taken() -> None:
    """Where all of a kind are alike, the vector leads from the one code to the other."""
    values = torch.tensor([[shape, 5, 0, 16, 16] for shape in (0, 0, 2, 2)])
    x, is_heart = render(values).float() / 255, values[:, 0] == 2
    model = genzoo.create("ae-dense", input_shape=(1, 64, 64), latent_dim=3, hidden=[8], seed=0)
    vector = model.attribute_vector(x, is_heart)
    codes = model.encode(x)
    assert vector.shape == (3,)
    torch.testing.assert_close(codes[0] + vector, codes[2])
    torch.testing.assert_close(vector, -model.attribute_vector(x, ~is_heart))
    assert len(FACTORS.sizes) == values.shape[1]


def test_ones_with_the_vector_of_sevens_are_sevens(data_root: Any) -> None:
    from genzoo.api.data import open_data

    data = open_data("mnist", "test", root=data_root)
    assert data.labels is not None
    x, labels = data.first(2000), data.labels[:2000]
    model, judge = load("vae-conv-mnist"), load("features-lenet-mnist")
    some = (labels == 1) | (labels == 7)
    vector = model.attribute_vector(x[some], labels[some] == 7)
    ones = model.encode(x[labels == 1][:100])
    classes = [judge.classify(model.decode(ones + t * vector)).argmax(1) for t in (0, 1)]
    assert (classes[0] == 1).float().mean() > 0.9
    assert (classes[1] == 7).float().mean() > 0.7


ONE = torch.zeros(1, 1, 28, 28)
REFUSED: dict[str, tuple[str, Callable[[Model], object], str]] = {
    "no such latent": ("vae-conv-mnist", lambda m: m.traverse(ONE, latent=32), "0 to 31; try 13 or 3 or 15"),
    "a latent below 0": ("vae-conv-mnist", lambda m: m.traverse(ONE, latent=-1), "latent must be a whole number"),
    "a latent that is none": ("vae-conv-mnist", lambda m: m.traverse(ONE, latent=True), "got True"),
    "one step": ("vae-conv-mnist", lambda m: m.traverse(ONE, latent=0, steps=1), "steps must be .* at least 2"),
    "NaN": ("vae-conv-mnist", lambda m: m.traverse(torch.full((1, 32), torch.nan), latent=0), "must be finite"),
    "a span": ("vae-conv-mnist", lambda m: m.traverse(ONE, latent=0, span=(0, torch.inf)), "two finite numbers"),
    "no batch": (
        "vae-conv-mnist",
        lambda m: m.traverse(ONE[0], latent=0),
        r"x\[None\] for one alone; got \(1, 28, 28\)",
    ),
    "a list": ("vae-conv-mnist", lambda m: m.traverse([0.0], latent=0), "got list"),  # type: ignore[arg-type]
    "x for a GAN": ("gan-dcgan-mnist", lambda m: m.traverse(ONE, latent=0), r"torch.randn\(1, 100\), as it has no enc"),
    "two for one": ("vae-conv-mnist", lambda m: m.interpolate(ONE, torch.zeros(2, 32)), "got 1 and 2"),
    "five latents": ("ae-dense-mnist-5d", lambda m: m.manifold(), "has 5 latents, and a map shows 2; traverse"),
    "one latent": ("gan-dense-toy1d", lambda m: m.manifold(), "has 1 latent, and a map shows 2"),
    "all are one": ("ae-dense-mnist", lambda m: m.attribute_vector(ONE, torch.tensor([True])), "and others without"),
    "no truth": ("ae-dense-mnist", lambda m: m.attribute_vector(ONE, torch.tensor([1])), "and bool"),
}


@pytest.mark.parametrize(("name", "view", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_looked_at_is_refused(name: str, view: Callable[[Model], object], message: str) -> None:
    with pytest.raises(genzoo.InvalidInput, match=message):
        view(load(name))


def test_a_model_without_the_role_says_what_it_can() -> None:
    with pytest.raises(UnsupportedVerb, match="cannot decode; it can encode"):
        load("features-lenet-mnist").traverse(ONE, latent=0)
    with pytest.raises(UnsupportedVerb, match="cannot encode; it can decode"):
        load("gan-dcgan-mnist").attribute_vector(ONE, torch.tensor([True]))
