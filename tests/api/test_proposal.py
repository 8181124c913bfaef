"""What ``--like`` chooses for pictures of the user's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from genzoo.api.build import Blueprint
from genzoo.api.plan import Plan, model_for
from genzoo.api.proposal import proposed
from genzoo.api.recipes import find_recipe, like
from genzoo.datasets import Survey
from genzoo.errors import InvalidInput
from genzoo.registry import registry
from genzoo.spec import Column, DatasetSpec, RecipeFile
from genzoo.training import Recipe

FOLDER = registry().find(DatasetSpec, "folder")


def found(
    name: str,
    *sizes: tuple[int, int],
    count: int = 200,
    colour: bool = True,
    label: tuple[str, ...] = (),
    overrides: Mapping[str, Any] | None = None,
    kept: Collection[str] = (),
) -> tuple[Recipe, str]:
    """What is proposed like a recipe for so many pictures of these sizes."""
    columns = {"label": Column.of(label)} if label else {}
    survey = Survey(
        columns=columns, splits=("train", "test"), count=count, sizes=dict.fromkeys(sizes, 1), colour=lambda: colour
    )
    recipe, owner = find_recipe(name)
    base = like(recipe, "folder:./mine", prefer=owner)[0]
    return proposed(base, replace(FOLDER, columns=columns), survey, overrides or {}, kept=kept, prefer=owner)


NETWORKS: dict[str, tuple[str, list[tuple[int, int]], bool, dict[str, Any]]] = {
    "photographs": ("vae-conv-mnist", [(480, 640), (640, 480)], True, {"input_shape": (3, 64, 64), "depth": 4}),
    "grey ones": ("vae-conv-mnist", [(480, 640), (640, 480)], False, {"input_shape": (1, 64, 64), "depth": 4}),
    "thumbnails": ("vae-conv-mnist", [(40, 36), (36, 50)], True, {"input_shape": (3, 32, 32), "depth": 3}),
    "as those before": ("vae-conv-mnist", [(28, 28)], False, {"input_shape": (1, 28, 28), "depth": 2}),
    "small ones": ("ae-conv-mnist", [(20, 30)], True, {"input_shape": (3, 28, 28), "depth": 2}),
    "all alike": ("ae-conv-mnist", [(45, 60)], True, {"input_shape": (3, 45, 60), "depth": 4}),
    "which dcgan cannot be": ("gan-dcgan-mnist", [(45, 60)], True, {"input_shape": (3, 32, 32)}),
    "which dcgan can be": ("gan-dcgan-mnist", [(40, 56)], True, {"input_shape": (3, 40, 56)}),
    "larger before": ("vae-conv-sprites", [(28, 28)], True, {"input_shape": (3, 28, 28), "depth": 1}),
    "fully connected": ("ae-dense-mnist", [(300, 300)], True, {"input_shape": (3, 32, 32)}),
    "of points": ("gan-dense-toy1d", [(300, 300)], True, {"input_shape": (3, 64, 64)}),
}


@pytest.mark.parametrize(("name", "sizes", "colour", "chosen"), NETWORKS.values(), ids=NETWORKS)
def test_size_and_depth_suit_the_pictures_and_the_networks(
    name: str, sizes: list[tuple[int, int]], colour: bool, chosen: dict[str, Any]
) -> None:
    recipe, said = found(name, *sizes, colour=colour)
    model = recipe.model
    assert {key: tuple(model[key]) if key == "input_shape" else model[key] for key in chosen} == chosen
    shape = ",".join(map(str, chosen["input_shape"]))
    assert said.startswith(f"chosen for 200 pictures in {'colour' if colour else 'grey'}: model.input_shape=[{shape}] ")


@pytest.mark.parametrize("name", registry().names(RecipeFile))
def test_every_recipe_can_be_used_on_photographs(name: str) -> None:
    recipe, owner = find_recipe(name)
    told = [*recipe.model.get("given", ()), *recipe.model.get("predicts", ())]
    without = {f"model.{key}": ["label"] for key in ("given", "predicts") if recipe.model.get(key)}
    if told and told != ["label"]:
        with pytest.raises(InvalidInput, match=r"folder has no column .* what makes columns of yours:"):
            found(name, (300, 400), label=("cat", "dog"))
    chosen, _ = found(name, (300, 400), label=("cat", "dog"), overrides=without)
    dataset = replace(FOLDER, columns={"label": Column.of(["cat", "dog"])})
    if chosen.model.get("parts"):  # they have their shape and likelihood
        with pytest.raises(InvalidInput, match="take the data") if "vae" in name else nullcontext():
            assert Plan.of(chosen.changed(without), prefer=owner, dataset=dataset).estimate
        return
    model = Blueprint.of(model_for(chosen.changed(without), dataset, owner), name, prefer=owner).skeleton()
    assert model.input_shape[0] == 3
    assert getattr(model, "likelihood", "logistic") != "bernoulli"


@pytest.mark.parametrize(
    ("count", "batch", "epochs"), [(8, 8, 3000), (180, 32, 600), (999, 32, 97), (4500, 64, 43), (70_000, 128, 6)]
)
def test_a_run_has_a_few_thousand_steps_however_many_pictures(count: int, batch: int, epochs: int) -> None:
    training = found("ae-conv-mnist", (64, 64), count=count)[0].training
    assert (training.batch_size, training.epochs) == (batch, epochs)
    assert 3000 <= count // batch * epochs < 3600


def test_networks_whose_weights_are_taken_over_and_a_length_that_is_said_are_not_chosen() -> None:
    before = find_recipe("vae-conv-mnist")[0]
    recipe, said = found("vae-conv-mnist", (300, 300), kept=("model", "evaluation"), overrides={"training.steps": 50})
    assert {key: value for key, value in recipe.model.items() if key != "input_shape"} == before.model
    assert tuple(recipe.model["input_shape"]) == (1, 28, 28)
    assert said.startswith("chosen for 200 pictures in colour: training.batch_size=32; ")


def test_what_the_user_sets_is_not_chosen() -> None:
    overrides = {
        "model.input_shape": [3, 96, 96], "model.likelihood": "gaussian", "training.batch_size": 10,
    }  # fmt: skip
    recipe, said = found("vae-conv-mnist", (300, 300), count=100, overrides=overrides)
    assert said.partition("; ")[0] == "chosen for 100 pictures in colour: model.depth=4 training.epochs=300"
    assert "likelihood" not in recipe.model
    assert found("ae-conv-mnist", (28, 28), overrides={"training.epochs": 5, "training.batch_size": 5})[1] == (
        "chosen for 200 pictures in colour: model.input_shape=[3,28,28]; "
        "choose otherwise by --set KEY=VALUE, as in --set 'model.input_shape=[3,32,32]'"
    )
