"""Other defaults of torch, and other threads, change no bit of what is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

import genzoo
from genzoo.api.build import combinations
from genzoo.api.defaults import plain_defaults
from genzoo.randomness import DrawFrom
from genzoo.registry import registry
from genzoo.spec import Architecture, DatasetSpec
from genzoo.testing.inputs import least
from genzoo.testing.surroundings import other_defaults


def state(model: Any) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in model.state_dict().items()}


def same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> bool:
    return found.keys() == wanted.keys() and all(
        found[key].dtype == value.dtype and found[key].device == value.device and torch.equal(found[key], value)
        for key, value in wanted.items()
    )


@pytest.fixture
def defaults_stay() -> Iterator[None]:
    before = torch.get_default_dtype(), torch.get_default_device(), torch.get_rng_state()
    yield
    assert (torch.get_default_dtype(), torch.get_default_device()) == before[:2]
    assert torch.equal(torch.get_rng_state(), before[2])


@pytest.mark.usefixtures("defaults_stay")
@pytest.mark.parametrize("name", sorted(combinations()))
def test_a_model_is_created_the_same_under_other_defaults(name: str) -> None:
    family, architecture = combinations()[name]
    shape = registry().find(Architecture, architecture).shapes[0]
    record = registry().find(genzoo.Family, family)
    config = {"input_shape": shape, **least(record.config), "parts": dict.fromkeys(record.parts, "ae-dense-mnist-2d")}
    wanted = state(genzoo.create(name, seed=3, **config))
    with other_defaults():
        found = state(genzoo.create(name, seed=3, **config))
        assert torch.get_default_dtype() == torch.float64
        assert torch.get_default_device().type == "meta"
    assert same(found, wanted)
    with torch.random.fork_rng():
        torch.manual_seed(3)  # a seed gives what torch's global generator gives with it
        assert same(state(genzoo.create(name, **config)), wanted)


@pytest.mark.usefixtures("defaults_stay")
@pytest.mark.parametrize("name", ["vae-dense-mnist", "ae-dense-mnist", "gan-dense-toy1d", "features-lenet-mnist"])
def test_a_checkpoint_is_loaded_the_same_under_other_defaults(name: str) -> None:
    wanted = state(genzoo.load(name, device="cpu"))
    with other_defaults():
        found = state(genzoo.load(name, device="cpu"))
    assert same(found, wanted)


@pytest.mark.parametrize(
    "name", sorted(n for n in registry().names(DatasetSpec) if n.startswith("toy") or n == "sprites")
)
def test_data_are_drawn_the_same_under_other_defaults(name: str) -> None:
    wanted = genzoo.open_data(name, "train").first(20)
    with other_defaults():
        split = genzoo.open_data(name, "train")
        found, printed = split.first(20), split.fingerprint()
    assert found.dtype == torch.float32
    assert torch.equal(found, wanted)
    assert printed == genzoo.open_data(name, "train").fingerprint()


POINTS = {"training.epochs": 1, "training.batch_size": 30_000}
PICTURES = {
    "training.epochs": 2,
    "training.batch_size": 4,
    "training.warmup_steps": 0,
    "model.hidden": [8],
    "model.latent_dim": 2,
    "model.likelihood": "gaussian",
    "objective.annealing_steps": 0,
    "evaluation.importance_draws": 2,
}


def train(recipe: str, folder: Path, overrides: dict[str, Any], **options: Any) -> dict[str, Tensor]:
    return state(genzoo.train(recipe, output=folder, overrides=overrides, device="cpu", progress=False, **options))


@pytest.fixture
def pictures(tmp_path: Path) -> str:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(8):
        Image.new("L", (28, 28), 30 * index).save(folder / f"{index}.png")
    return str(folder)


@pytest.mark.usefixtures("defaults_stay")
def test_training_gives_the_same_weights_and_numbers_under_other_defaults(pictures: str, tmp_path: Path) -> None:
    recipe, data = "vae-dense-mnist", f"folder:{pictures}"
    wanted = train(recipe, tmp_path / "a", PICTURES, data=data)
    with other_defaults():
        found = train(recipe, tmp_path / "b", PICTURES, data=data)
        numbers = genzoo.evaluate(tmp_path / "a", device="cpu", data_root=pictures)
    assert same(found, wanted)
    assert genzoo.show(tmp_path / "a").metrics == genzoo.show(tmp_path / "b").metrics == numbers


@pytest.mark.usefixtures("defaults_stay")
def test_a_gan_trains_the_same_under_other_defaults(tmp_path: Path) -> None:
    wanted = train("gan-dense-toy1d", tmp_path / "a", POINTS)
    with other_defaults():
        found = train("gan-dense-toy1d", tmp_path / "b", POINTS)
    assert same(found, wanted)


@pytest.mark.usefixtures("defaults_stay")
def test_threads_that_train_with_one_seed_get_the_same_weights(tmp_path: Path) -> None:
    folders = [tmp_path / str(index) for index in range(3)]
    with ThreadPoolExecutor(3) as pool:
        first, *others = pool.map(lambda folder: train("gan-dense-toy1d", folder, POINTS), folders)
    assert all(same(other, first) for other in others)


@pytest.mark.usefixtures("defaults_stay")
def test_threads_that_create_with_one_seed_get_the_same_weights() -> None:
    def create(_: int) -> dict[str, Tensor]:
        return state(genzoo.create("gan-dcgan", seed=1, input_shape=(1, 28, 28), latent_dim=8))

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(create, range(8))
    assert all(same(other, first) for other in others)


@pytest.mark.usefixtures("defaults_stay")
def test_the_defaults_come_back_after_the_last_of_blocks_that_overlap() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        first, second = plain_defaults(), plain_defaults()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert torch.get_default_dtype() == torch.float32
        second.__exit__(None, None, None)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


DRAWS: dict[str, Callable[[], Tensor]] = {
    "normal_": lambda: torch.empty(9).normal_(),
    "bernoulli_": lambda: torch.empty(9).bernoulli_(0.5),
    "rand": lambda: torch.rand(9),
    "randn_like": lambda: torch.randn_like(torch.empty(9)),
    "randint": lambda: torch.randint(1, 99, (9,)),
    "randperm": lambda: torch.randperm(9),
    "normal": lambda: torch.normal(0.0, 1.0, (9,)),
    "multinomial": lambda: torch.multinomial(torch.ones(9), 5),
    "truncated": lambda: torch.nn.init.trunc_normal_(torch.empty(9)),
    "orthogonal": lambda: torch.nn.init.orthogonal_(torch.empty(3, 3)),
}


@pytest.mark.usefixtures("defaults_stay")
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_generator_gives_what_the_global_one_would(draw: Callable[[], Tensor]) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        wanted = torch.stack([draw(), draw()])
    with DrawFrom(torch.Generator("cpu").manual_seed(5)):
        found = torch.stack([draw(), draw()])
    assert torch.equal(found, wanted)
