"""What of a recipe is changed for pictures of the user's own: their size and colour, and how many there are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from math import ceil, log2
from statistics import median_low
from typing import Any

from genzoo.api.build import Blueprint
from genzoo.api.plan import model_for
from genzoo.datasets import Survey
from genzoo.errors import InvalidInput
from genzoo.registry import registry
from genzoo.spec import Architecture, DatasetSpec, Family, Objective
from genzoo.training import Recipe
from genzoo.training.origin import LENGTH

__all__ = ["proposed"]

SIDES = (64, 48, 32, 28)
"""Of the pictures that a model makes, unless its recipe has larger ones: more pixels want more than a few thousand
pictures, and more than an evening of two cores."""

MAX_WEIGHTS = 10_000_000
"""The most weights of what is proposed, if it can be had with fewer: fully connected networks have many more on large
pictures."""

STEPS = 3000
BATCHES = ((1000, 32), (5000, 64))
"""Of fewer pictures than the first number, so many make a batch; of more, as many as the recipe says."""

Shape = tuple[int, ...]


def proposed(
    recipe: Recipe,
    dataset: DatasetSpec,
    survey: Survey,
    overrides: Mapping[str, Any],
    *,
    kept: Collection[str] = (),
    prefer: str = "",
) -> tuple[Recipe, str]:
    """A recipe with what suits the pictures that were found, and a line that says it and how to choose otherwise.

    Args:
        recipe: for this data set, as genzoo.api.recipes.like makes it: its ``input_shape`` is that of other pictures.
        dataset: the record of the data set, with the columns found.
        survey: of the pictures.
        overrides: what the user says, which is not chosen: ``{"model.input_shape": [3, 32, 32]}``.
        kept: keys and sections that stay as they are: ``model`` where weights are taken over.
        prefer: the distribution in which names that clash are looked up first.

    Raises:
        NotFound, InvalidInput: the recipe names something that is not there, as a column of the data.
    """
    colour = survey.colour()
    asked: Any = overrides.get("model.input_shape")
    shapes = [tuple(asked)] if _is_picture(asked) else list(_shapes(recipe, survey, colour))
    chosen = _networks(recipe, dataset, shapes, overrides, prefer)
    chosen |= _likelihood(recipe, prefer)
    if registry().find(Objective, recipe.objective["name"], prefer=prefer).players:  # others are fitted at once
        chosen |= _length(recipe, survey.count, overrides)
    if dataset.classes and "classes" in recipe.model:
        chosen["model.classes"] = dataset.classes
    if recipe.evaluation.features:  # a network for pictures of another shape
        chosen["evaluation.features"] = ""
    said_otherwise = {*kept, *overrides, *(LENGTH if not overrides.keys().isdisjoint(LENGTH) else ())}
    chosen = {key: value for key, value in chosen.items() if said_otherwise.isdisjoint((key, key.partition(".")[0]))}
    if not chosen:
        return recipe, ""
    pictures = f"{survey.count:,} picture{'s' * (survey.count != 1)} {'in colour' if colour else 'in grey'}"
    said = " ".join(f"{key}={str(value).replace(' ', '') or repr('')}" for key, value in chosen.items())
    way = "choose otherwise by --set KEY=VALUE, as in --set 'model.input_shape=[3,32,32]'"
    return recipe.changed(chosen), f"chosen for {pictures}: {said}; {way}"


def _is_picture(shape: Any) -> bool:
    return isinstance(shape, list | tuple) and len(shape) == 3 and all(type(n) is int and n > 0 for n in shape)


def _side(recipe: Recipe) -> int:
    """The longer side of the pictures that a recipe was for; 0 if it was for none."""
    shape: Any = recipe.model.get("input_shape")
    return max(shape[1:]) if _is_picture(shape) else 0


def _shapes(recipe: Recipe, survey: Survey, colour: bool) -> Iterator[Shape]:
    """Those in question, the best first: what all pictures have, if it is small, or else the largest square that most
    of them fill."""
    channels, largest = 3 if colour else 1, max(_side(recipe), *SIDES)
    if len(survey.sizes) == 1 and all(min(SIDES) <= side <= largest for side in next(iter(survey.sizes))):
        yield (channels, *next(iter(survey.sizes)))
    typical = median_low([min(size) for size, count in survey.sizes.items() for _ in range(count)])
    for side in sorted({*SIDES, largest}, reverse=True):
        if side <= max(typical, min(SIDES)):
            yield channels, side, side


def _networks(
    recipe: Recipe, dataset: DatasetSpec, shapes: list[Shape], overrides: Mapping[str, Any], prefer: str
) -> dict[str, Any]:
    """The first shape that the networks of a recipe can have and do not become too large by, or else the one by which
    they become least large, with the depth that goes with it; nothing if they can have none."""
    found: list[tuple[int, dict[str, Any]]] = []
    for shape in shapes:
        chosen = {"model.input_shape": list(shape), **_depth(recipe, shape, prefer)}
        spec = model_for(recipe.changed({**chosen, **overrides}), dataset, prefer)
        try:
            network = Blueprint.of(spec, recipe.name, prefer=prefer).skeleton()
        except InvalidInput:  # of the last one, whoever makes the plan says why
            continue
        weights = sum(parameter.numel() for parameter in network.parameters())
        if weights <= MAX_WEIGHTS:
            return chosen
        found.append((weights, chosen))
    return min(found, key=lambda fit: fit[0])[1] if found else {}


def _depth(recipe: Recipe, shape: Shape, prefer: str) -> dict[str, Any]:
    """How often networks halve a picture of this shape: so often that no more is left at the bottom than before."""
    architecture = registry().find(Architecture, recipe.model["architecture"], prefer=prefer)
    key, side = architecture.halvings, _side(recipe)
    if not key or not side:
        return {}
    before: int = recipe.model.get(key, architecture.config[key].default)
    depth = max(1, before + ceil(log2(max(shape[1:]) / side)))
    return {f"model.{key}": depth} if depth != before else {}


def _likelihood(recipe: Recipe, prefer: str) -> dict[str, Any]:
    """One of 256 levels, where the recipe has one of 0 and 1."""
    rule = registry().find(Family, recipe.model["family"], prefer=prefer).config.get("likelihood")
    if rule is None or "logistic" not in rule.choices or recipe.model.get("likelihood", rule.default) != "bernoulli":
        return {}
    return {"model.likelihood": "logistic"}


def _length(recipe: Recipe, count: int, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The batch, and as many epochs as make STEPS steps."""
    most = next((batch for fewer, batch in BATCHES if count < fewer), recipe.training.batch_size)
    chosen = {"training.batch_size": max(1, min(most, count))}
    batch = {**chosen, **overrides}["training.batch_size"]
    if type(batch) is int and 0 < batch <= count:
        chosen["training.epochs"] = ceil(STEPS / (count // batch))
    return chosen
