"""In whose features samples of a model are compared with pictures, and what is seen in pictures by them."""

from __future__ import annotations

from typing import Any

from genzoo.api.build import Blueprint, load
from genzoo.catalog import find_data
from genzoo.errors import AmbiguousName, InvalidInput, MissingDependency, NotFound, PluginError
from genzoo.metrics import FeatureSpace, Setting
from genzoo.metrics.inception import inception
from genzoo.models import Model
from genzoo.pictures import is_picture
from genzoo.protocols import Generator
from genzoo.registry import registry
from genzoo.spec import Checkpoint, DatasetSpec

__all__ = ["feature_space", "find_features", "seer"]


def find_features(name: str, shape: tuple[int, ...], where: str, *, prefer: str = "") -> str:
    """The full name of a feature network for pictures of this shape.

    Args:
        name: that of its checkpoint.
        shape: of the pictures.
        where: what named it, for the message.
        prefer: the distribution in which a name that clashes is looked up first.

    Raises:
        NotFound: there is no such checkpoint.
        InvalidInput: it is of another family, or for pictures of another shape.
    """
    found = registry().find_entry(Checkpoint, name, prefer=prefer)
    checkpoint = found.record
    if not Blueprint.of(checkpoint.spec, name, prefer=found.owner).skeleton().has(*FeatureSpace.NEEDS):
        raise InvalidInput(f"{where}: {name} is no feature network, but a {checkpoint.family}")
    if checkpoint.input_shape != shape:
        raise InvalidInput(f"{where}: {name} is for pictures of shape {checkpoint.input_shape}, not {shape}")
    return f"{found.owner}:{checkpoint.name}"


def feature_space(setting: Setting, *, prefer: str, fetch: bool) -> FeatureSpace | None:
    """That of the network which the recipe names, or the data set, or else Inception's; None if no pictures are made.

    `fetch` says whether Inception's weights may be downloaded.
    """
    model = setting.model
    if not (isinstance(model, Generator) or model.has("edit")) or not is_picture(model.input_shape):
        return None
    name = _network(setting.evaluation.features, setting.pictures, model.input_shape, prefer)
    if name:
        return FeatureSpace.of(load(name, device=model.device))
    return inception(model.device, fetch=fetch) if isinstance(model, Generator) else None


def seer(model: Model) -> Any:
    """The feature network that sees in pictures what a model is told of them: that of its recipe, or of its data set;
    None where there is none."""
    if model.checkpoint is None or (dataset := find_data(model.checkpoint)) is None:
        return None
    prefer = model.checkpoint.distribution
    pictures = registry().find(DatasetSpec, dataset.pictures, prefer=prefer) if dataset.pictures else dataset
    asked = (model.checkpoint.recipe.get("evaluation") or {}).get("features", "")
    name = _network(asked, pictures, model.input_shape, prefer)
    return load(name, device=model.device) if name else None


def _network(asked: str, pictures: DatasetSpec, shape: tuple[int, ...], prefer: str) -> str:
    """The full name of the feature network that a recipe asks for, or a data set names; "" if neither does.

    Raises:
        MissingDependency: the data set's is not there.
    """
    if asked:
        return find_features(asked, shape, "evaluation.features", prefer=prefer)
    return _of_data_set(pictures, shape, prefer) if pictures.features else ""


def _of_data_set(pictures: DatasetSpec, shape: tuple[int, ...], prefer: str) -> str:
    try:
        return find_features(pictures.features, shape, pictures.name, prefer=prefer)
    except AmbiguousName:
        raise
    except NotFound:
        raise MissingDependency(
            f"pictures of {pictures.name} are compared in the features of {pictures.features}, and there is no such "
            "checkpoint; see: genzoo plugins"
        ) from None
    except InvalidInput as error:
        raise PluginError(f"the feature network of {error.message}") from None
