"""In whose features samples of a model are compared with pictures."""

from __future__ import annotations

from genzoo.api.build import Blueprint, load
from genzoo.errors import AmbiguousName, InvalidInput, MissingDependency, NotFound, PluginError
from genzoo.metrics import FeatureSpace, Setting
from genzoo.metrics.inception import inception
from genzoo.pictures import is_picture
from genzoo.protocols import Generator
from genzoo.registry import registry
from genzoo.spec import Checkpoint

__all__ = ["feature_space", "find_features"]


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
    model, pictures = setting.model, setting.pictures
    if not isinstance(model, Generator) or not is_picture(model.input_shape):
        return None
    if asked := setting.evaluation.features:
        name = find_features(asked, model.input_shape, "evaluation.features", prefer=prefer)
    elif pictures.features:
        name = _of_data_set(setting, prefer)
    else:
        return inception(model.device, fetch=fetch)
    network = load(name, device=model.device)
    return FeatureSpace.of(network)


def _of_data_set(setting: Setting, prefer: str) -> str:
    pictures = setting.pictures
    try:
        return find_features(pictures.features, setting.model.input_shape, pictures.name, prefer=prefer)
    except AmbiguousName:
        raise
    except NotFound:
        raise MissingDependency(
            f"pictures of {pictures.name} are compared in the features of {pictures.features}, and there is no such "
            "checkpoint; see: genzoo plugins"
        ) from None
    except InvalidInput as error:
        raise PluginError(f"the feature network of {error.message}") from None
