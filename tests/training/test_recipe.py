"""A recipe that cannot be used: the key is named, with what is allowed, and nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import genzoo
from genzoo.errors import GenzooError, InvalidInput, NotFound
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
    "grey data": (GOOD.replace("mnist-dynamic", "mnist"), "take binarised data"),
    "missing role": (GOOD.replace('"dense"', '"dcgan"'), "builds no encoder and no decoder"),
    "shape of the data": (
        GOOD.replace("latent_dim", "input_shape = [1, 9, 9]\nlatent_dim"),
        r"not \(1, 9, 9\)",
    ),
    "player": (GOOD + "[optimizer.generator]\nbeta1 = 0.5\n", r"optimizer\.generator: the players are model"),
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
    assert recipe.optimizer_of("model") == {"learning_rate": 0.1, "beta1": 0.5, "beta2": 0.999}
    assert recipe.optimizer_of("other")["beta1"] == 0.9


@given(
    st.dictionaries(
        st.sampled_from(["name", "license", "model", "objective", "data", "optimizer", "training", "x"]), json_values
    )
)
def test_any_table_is_a_recipe_or_refused(table: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Recipe.parse(table, "table")
