"""A recipe that cannot be used: the key is named, with what is allowed, and nothing is written."""

from __future__ import annotations

import contextlib
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import genzoo
from genzoo.api.plan import Plan
from genzoo.errors import GenzooError, InvalidInput, NotFound
from genzoo.spec.sections import Optimizer, Training
from genzoo.training import Recipe

GOOD = """
name = "vae-dense-test"
[model]
family = "vae"
architecture = "dense"
latent_dim = 2
[objective]
name = "elbo"
[data]
name = "mnist-dynamic"
[training]
epochs = 1
"""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)

BAD = {
    "not TOML": ("name = ", "is not TOML"),
    "empty": ("", "name is missing"),
    "bad name": (GOOD.replace("vae-dense-test", "../evil"), "must be 1 to 64 of"),
    "unknown key": ("colour = 1\n" + GOOD, "has no key 'colour'"),
    "unknown section": (GOOD + "[modle]\nx = 1\n", "has no key 'modle'"),
    "unknown model key": (GOOD.replace("latent_dim", "latent_dims"), "model has no key 'latent_dims'; did you mean"),
    "absurd size": (GOOD.replace("latent_dim = 2", "latent_dim = 1099511627776"), "latent_dim must be .* 65536"),
    "wrong type": (GOOD.replace("latent_dim = 2", 'latent_dim = "2"'), "latent_dim must be a whole number"),
    "no epochs": (GOOD.replace("epochs = 1", ""), r"training\.epochs is missing"),
    "zero epochs": (GOOD.replace("epochs = 1", "epochs = 0"), r"training\.epochs must be .* from 1"),
    "epochs and steps": (GOOD + "steps = 500\n", r"training\.epochs = 1 and .*training\.steps = 500 both say how long"),
    "negative steps": (GOOD.replace("epochs = 1", "steps = -1"), r"training\.steps must be a whole number from 0"),
    "unknown training key": (GOOD + "epoch = 1\n", r"training has no key 'epoch'; did you mean epochs\?"),
    "section is no table": (
        GOOD.replace('[data]\nname = "mnist-dynamic"', "") + "[optimizer]\n",
        "data.name is missing",
    ),
    "unknown objective": (GOOD.replace('"elbo"', '"elbow"'), r"no objective is called 'elbow'; did you mean elbo\?"),
    "another family's objective": (GOOD.replace('"elbo"', '"mse"'), "is an objective of ae, not of vae"),
    "objective option": (GOOD.replace('name = "elbo"', 'name = "elbo"\nbeta = -1'), r"objective\.beta must be"),
    "unknown data": (GOOD.replace("mnist-dynamic", "mnist-dynamik"), "did you mean mnist-dynamic"),
    "path as data": (GOOD.replace("mnist-dynamic", "/etc/passwd"), "no dataset is called '/etc/passwd'"),
    "code as architecture": (GOOD.replace('"dense"', '"os:system"'), "no architecture is called 'os:system'"),
    "no such split": (GOOD.replace('"mnist-dynamic"', '"mnist-dynamic"\nsplit = "x"'), "one of train, test"),
    "grey data": (GOOD.replace("mnist-dynamic", "mnist"), "or take binarised data"),
    "missing role": (GOOD.replace('"dense"', '"dcgan"'), "builds no encoder and no decoder"),
    "shape of the data": (
        GOOD.replace("latent_dim", "input_shape = [1, 9, 9]\nlatent_dim"),
        r"not \(1, 9, 9\)",
    ),
    "player": (GOOD + "[optimizer.generator]\nbeta1 = 0.5\n", r"optimizer\.generator: the players are model"),
    "table for a number": (GOOD + "[optimizer.learning_rate]\nx = 1\n", r"optimizer\.learning_rate must be a number"),
    "no such optimizer": (GOOD + '[optimizer]\nname = "lion"\n', r"optimizer\.name must be one of adam, adamw, sgd"),
    "momentum of Adam": (GOOD + "[optimizer]\nmomentum = 0.9\n", r"optimizer\.momentum is for sgd, .* is 'adam'"),
    "momentum of a player's Adam": (
        GOOD + '[optimizer]\nname = "sgd"\nmomentum = 0.9\n[optimizer.model]\nname = "adamw"\n',
        r"optimizer\.model\.momentum is for sgd, .* is 'adamw'",
    ),
    "density of bits": (
        GOOD.replace("latent_dim", 'likelihood = "gaussian"\nlatent_dim'),
        "is a density of real values",
    ),
    "flipped points": (
        GOOD.replace("mnist-dynamic", "toy2d-ring").replace("latent_dim", 'likelihood = "gaussian"\nlatent_dim')
        + "flip = true\n",
        r"training\.flip changes pictures, and these are examples of shape \(2,\)",
    ),
    "NaN": (GOOD + "ema = nan\n", r"training\.ema must be a number from 0"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_bad_recipe_is_refused_and_nothing_written(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "my.toml"
    path.write_text(text)
    with pytest.raises(GenzooError, match=message):
        genzoo.train(path, output=tmp_path / "run", data_root=tmp_path / "data")
    assert list(tmp_path.iterdir()) == [path]


def test_a_recipe_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        genzoo.train(tmp_path / "my.toml")
    with pytest.raises(NotFound, match="no recipe is called 'vae-nothing'"):
        genzoo.train("vae-nothing")


def test_a_recipe_survives_its_dictionary(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text(GOOD + "[optimizer]\nlearning_rate = 0.1\n[optimizer.model]\nbeta1 = 0.5\n")
    recipe = Recipe.read(path)
    assert Recipe.parse(recipe.to_dict(), "again") == recipe
    assert recipe.to_dict()["optimizer"]["model"] == {"beta1": 0.5}
    assert recipe.optimizer_of("model") == Optimizer(learning_rate=0.1, beta1=0.5)
    assert recipe.optimizer_of("other") == Optimizer(learning_rate=0.1)


def test_steps_that_are_set_take_the_place_of_epochs() -> None:
    recipe = Recipe.parse(tomllib.loads(GOOD), "good")
    steps = recipe.changed({"training.steps": 500})
    assert (steps.training.epochs, steps.training.steps) == (0, 500)
    assert steps.changed({"training.epochs": 1}) == recipe
    with pytest.raises(InvalidInput, match="both say how long"):
        recipe.changed({"training.steps": 500, "training.epochs": 2})
    with pytest.raises(InvalidInput, match=r"training\.epochs must be .* from 1"):
        recipe.changed({"training.epochs": 0})


@given(st.integers(1, 10_000), st.integers(1, 300), st.integers(1, 5_000))
def test_a_run_of_steps_has_the_epochs_that_hold_them(examples: int, batch_size: int, steps: int) -> None:
    batch_size = min(batch_size, examples)
    training = Training(steps=steps, batch_size=batch_size)
    per_epoch = examples // batch_size
    assert training.steps_of(examples) == steps
    assert (training.epochs_of(examples) - 1) * per_epoch < steps <= training.epochs_of(examples) * per_epoch
    epochs = Training(epochs=3, batch_size=batch_size)
    assert (epochs.steps_of(examples), epochs.epochs_of(examples)) == (3 * per_epoch, 3)


SECTIONS = ["model", "objective", "data", "optimizer", "training"]
KEYS = [
    "family",
    "architecture",
    "latent_dim",
    "input_shape",
    "hidden",
    "name",
    "split",
    "beta",
    "every",
    "epochs",
    "x",
]


@given(
    st.one_of(
        st.dictionaries(st.sampled_from(["name", "license", *SECTIONS, "x"]), json_values),
        st.dictionaries(st.sampled_from(SECTIONS), st.dictionaries(st.sampled_from(KEYS), json_values, max_size=2)),
    )
)
def test_a_changed_recipe_is_planned_or_refused(change: dict[str, Any]) -> None:
    table: dict[str, Any] = tomllib.loads(GOOD)
    for key, value in change.items():
        both = isinstance(value, dict) and isinstance(table.get(key), dict)
        table[key] = {**table[key], **value} if both else value
    with contextlib.suppress(GenzooError):  # nothing else may be raised
        assert Plan.of(Recipe.parse(table, "table")).blueprint.spec.latent_dim >= 1


def test_a_device_or_a_fifo_as_a_recipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.toml")
    for path in (Path("/dev/zero"), tmp_path / "fifo.toml"):
        with pytest.raises(InvalidInput, match="not a regular file"):
            genzoo.train(path)
