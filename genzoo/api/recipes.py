"""Recipes by name, file, table or checkpoint, and like: a recipe for other data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unicodedata import normalize

from genzoo.api.data import split_root
from genzoo.catalog import find_checkpoint, is_path
from genzoo.errors import NotFound
from genzoo.files import user_path
from genzoo.hub.reference import is_reference
from genzoo.registry import registry
from genzoo.spec import OWN_DATA, DatasetSpec, RecipeFile
from genzoo.training import Recipe, Run

__all__ = ["find_recipe", "like", "like_own", "recipe_of", "recipe_of_run", "starting_from"]

MAX_NAME = 64


def like(recipe: Recipe, data: str, *, prefer: str = "") -> tuple[Recipe, Path | None]:
    """A recipe for other data, and where that lies, which is in no recipe.

    Everything but data, name, license and ``training.start`` stays; ``input_shape`` too where the data set has pictures
    of any size.

    Args:
        recipe: the one to take over.
        data: ``DATASET`` or ``DATASET:PATH``, e.g. ``fashion-mnist`` or ``folder:./faces``.
        prefer: the distribution whose names come first.

    Returns:
        The recipe, called ``<family>-<architecture>-<data>`` (``vae-conv-faces``), and PATH.

    Raises:
        NotFound: no such data set.
    """
    name, path = split_root(data)
    dataset = registry().find(DatasetSpec, name, prefer=prefer)
    model = {key: value for key, value in recipe.model.items() if key != "input_shape"}
    if dataset.shape is None:
        before, known = recipe.model.get("input_shape"), recipe.data["name"] != OWN_DATA
        if before or known:
            model["input_shape"] = before or registry().find(DatasetSpec, recipe.data["name"], prefer=prefer).shape
    pictures = path.resolve().name if path and dataset.shape is None else ""
    return _on(recipe, model, name, _slug(pictures) or dataset.name), path


def like_own(recipe: Recipe) -> Recipe:
    """A recipe for data of the caller's own: itself if it names no other, or what `like` makes of it."""
    if recipe.data["name"] == OWN_DATA:
        return recipe
    model = {key: value for key, value in recipe.model.items() if key != "input_shape"}
    return _on(recipe, model, OWN_DATA, OWN_DATA)


def _on(recipe: Recipe, model: Mapping[str, Any], data: str, word: str) -> Recipe:
    """The recipe for a model on other data, which its name has a word of."""
    words = (model["family"], model["architecture"].rpartition(":")[2], word)
    table = {**recipe.to_dict(), "name": "-".join(words)[:MAX_NAME], "license": "unstated"}
    table["training"] = {**table["training"], "start": ""}  # weights for other data
    return Recipe.parse({**table, "model": model, "data": {"name": data}}, recipe.name)


def _slug(text: str) -> str:
    """What a name may have of a text: ``Gäste 2`` is ``gaste-2``."""
    plain = normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def find_recipe(recipe: str | Path | Mapping[str, Any], *, data: str = "") -> tuple[Recipe, str]:
    """A recipe, and the distribution it came from ("" for a file or a table).

    `recipe` is the table of a TOML file, such a file, a recipe's name, or a checkpoint (a name or a folder), which
    records what trained it. `data` is the name of the data of a table or a file that names none.
    """
    if isinstance(recipe, Mapping):
        return Recipe.parse(recipe, "recipe", data=data), ""
    if is_reference(recipe):
        return recipe_of(recipe)
    if is_path(recipe) or str(recipe).endswith(".toml"):
        path = user_path(recipe)
        if not path.is_dir():
            return Recipe.read(path, data=data), ""
        return recipe_of(path)
    try:
        found = registry().find_entry(RecipeFile, str(recipe))
    except NotFound as error:
        try:
            return recipe_of(str(recipe))
        except NotFound:
            raise error from None
    return Recipe.read(found.record.path), found.owner


def starting_from(recipe: Recipe, start: str | Path) -> Recipe:
    """A recipe whose run begins with the weights of a checkpoint, of which it keeps the name and the sha256.

    Raises:
        NotFound: `start` is no checkpoint.
    """
    record = find_checkpoint(start).record
    return recipe.changed({"training.start": f"{record.name}@{record.sha256}"})


def recipe_of_run(folder: str | Path) -> tuple[Recipe, str] | None:
    """The recipe of the run in a folder, finished or not, and the distribution it came from; None if it holds none."""
    run = Run(user_path(folder))
    if not is_path(folder) or not run.recipe_path.is_file():
        return None
    try:
        owner = find_checkpoint(folder).owner
    except NotFound:  # not finished
        owner = ""
    return run.recipe(), owner


def recipe_of(name: str | Path) -> tuple[Recipe, str]:
    """The recipe that trained a checkpoint, and the distribution it came from."""
    found = find_checkpoint(name)
    if not found.record.recipe:
        raise NotFound(f"{name} was saved without a recipe: how it was trained is not recorded; write one of your own")
    return Recipe.parse(found.record.recipe, str(name)), found.owner
