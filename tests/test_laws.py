"""The laws, over the whole registry: every architecture of every family, and every checkpoint."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import genzoo
from genzoo.api.build import combinations
from genzoo.models import Model
from genzoo.registry import load_target, registry
from genzoo.spec import Architecture, Family, Objective
from genzoo.testing import LAWS, Law
from genzoo.training import Recipe

SHAPES = ((1, 28, 28), (3, 32, 32), (1, 28, 24))
COMBINATIONS = sorted(combinations())
DENSE = [name for name in COMBINATIONS if combinations()[name][1] == "dense"]  # it takes data of any shape
UNIT_ALONE = ("bce",)

laws = pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)


def untrained(name: str, shape: tuple[int, ...], **config: Any) -> Model:
    needed = {"classes": 3} if name.startswith("features-") else {}
    return genzoo.create(name, input_shape=shape, latent_dim=5, seed=0, **needed, **config).eval()


def of_points(name: str) -> Model:
    """The combination for real numbers, two of them."""
    family = registry().find(Family, combinations()[name][0])
    likelihood = {"likelihood": "gaussian"} if "likelihood" in family.config else {}
    return untrained(name, (2,), values="real", **likelihood)


def variants() -> Iterator[tuple[str, str, Any]]:
    """Every choice that is not the default, and every optional part (a number that is 0) switched on."""
    for name, (family, architecture) in sorted(combinations().items()):
        fields = {**registry().find(Family, family).config, **registry().find(Architecture, architecture).config}
        for key, field in fields.items():
            values = field.choices if field.kind == "str" else (1,) if not field.required and field.default == 0 else ()
            yield from ((name, key, value) for value in values if value != field.default)


@laws
@pytest.mark.parametrize("name", COMBINATIONS)
def test_every_combination_keeps_the_laws(name: str, law: Law) -> None:
    for shape in SHAPES[:2]:
        law(untrained(name, shape))


@laws
@pytest.mark.parametrize(("name", "key", "value"), list(variants()))
def test_every_choice_of_a_config_keeps_the_laws(name: str, key: str, value: Any, law: Law) -> None:
    law(untrained(name, SHAPES[0], **{key: value}))


@laws
@pytest.mark.parametrize("name", DENSE)
def test_every_family_keeps_the_laws_on_real_values(name: str, law: Law) -> None:
    law(of_points(name))


@laws
@pytest.mark.parametrize("name", genzoo.list_models())
def test_every_checkpoint_keeps_the_laws(name: str, law: Law) -> None:
    law(genzoo.load(name))


PAIRS = [
    (objective, name)
    for objective, _, record in registry().entries(Objective)
    for name, (family, _) in combinations().items()
    if family == record.family
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("objective", "name"), PAIRS)
def test_every_objective_reaches_every_parameter(objective: str, name: str, shape: tuple[int, ...]) -> None:
    assert_reaches_every_parameter(objective, untrained(name, shape))


@pytest.mark.parametrize(
    ("objective", "name"),
    [(objective, name) for objective, name in PAIRS if name in DENSE if objective not in UNIT_ALONE],
)
def test_every_objective_reaches_every_parameter_on_real_values(objective: str, name: str) -> None:
    assert_reaches_every_parameter(objective, of_points(name))


def assert_reaches_every_parameter(objective: str, model: Model) -> None:
    record = registry().find(Objective, objective)
    model.train()
    x = torch.bernoulli(torch.full((4, *model.input_shape), 0.5))
    options = {key: field.default for key, field in record.config.items()}
    options |= {"data_size": 100, "labels": torch.tensor([0, 1, 2, 0])}
    for player, target in record.players.items():
        model.zero_grad()
        loss = load_target(target, objective)
        taken = inspect.signature(loss).parameters
        terms = loss(model, x, **{key: value for key, value in options.items() if key in taken})
        assert all(term.shape == (4,) for term in terms.values()), {key: term.shape for key, term in terms.items()}
        terms["loss"].mean().backward()
        for key, parameter in model.players[player].named_parameters():
            assert parameter.grad is not None, f"{objective}: {player} gives {key} no gradient"
            assert parameter.grad.isfinite().all(), f"{objective}: {key}"
            if parameter.dim() > 1:  # a critic's score may be shifted: its last bias needs no gradient
                assert parameter.grad.abs().max() > 0, f"{objective}: the gradient of {key} is 0"


@pytest.mark.parametrize("name", genzoo.list_models())
def test_a_shipped_recipe_is_the_one_that_trained_the_checkpoint(name: str) -> None:
    from genzoo.api.train import find_recipe

    recorded = genzoo.show(name).recipe
    assert Recipe.parse(recorded, name) == find_recipe(name)[0]
