"""genzoo: a zoo of deep generative models. ``genzoo.load("vae-conv-mnist").sample(16)`` gives pictures.

Names are imported when they are first used, so that ``import genzoo`` does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genzoo.api.build import create as create
    from genzoo.api.build import load as load
    from genzoo.api.data import open_data as open_data
    from genzoo.api.evaluate import evaluate as evaluate
    from genzoo.api.evaluate import verify as verify
    from genzoo.api.export import export as export
    from genzoo.api.publish import push as push
    from genzoo.api.train import train as train
    from genzoo.catalog import list_models as list_models
    from genzoo.catalog import show as show
    from genzoo.datasets import Split as Split
    from genzoo.errors import GenzooError as GenzooError
    from genzoo.errors import InvalidInput as InvalidInput
    from genzoo.errors import NotFound as NotFound
    from genzoo.fields import Field as Field
    from genzoo.hookspecs import hookimpl as hookimpl
    from genzoo.metrics import Setting as Setting
    from genzoo.models import Model as Model
    from genzoo.models import NetworkBuilder as NetworkBuilder
    from genzoo.models import sample_in_blocks as sample_in_blocks
    from genzoo.models import verb as verb
    from genzoo.pictures import animate as animate
    from genzoo.pictures import grid as grid
    from genzoo.pictures import strip as strip
    from genzoo.protocols import Decoder as Decoder
    from genzoo.protocols import Discriminator as Discriminator
    from genzoo.protocols import Encoder as Encoder
    from genzoo.protocols import Generator as Generator
    from genzoo.spec import Alias as Alias
    from genzoo.spec import Architecture as Architecture
    from genzoo.spec import Checkpoint as Checkpoint
    from genzoo.spec import Command as Command
    from genzoo.spec import DatasetSpec as DatasetSpec
    from genzoo.spec import Family as Family
    from genzoo.spec import MetricSpec as MetricSpec
    from genzoo.spec import ModelSpec as ModelSpec
    from genzoo.spec import Objective as Objective
    from genzoo.spec import Record as Record
    from genzoo.spec import Tombstone as Tombstone
    from genzoo.spec import shipped as shipped

__all__ = [
    "Alias",
    "Architecture",
    "Checkpoint",
    "Command",
    "DatasetSpec",
    "Decoder",
    "Discriminator",
    "Encoder",
    "Family",
    "Field",
    "Generator",
    "GenzooError",
    "InvalidInput",
    "MetricSpec",
    "Model",
    "ModelSpec",
    "NetworkBuilder",
    "NotFound",
    "Objective",
    "Record",
    "Setting",
    "Split",
    "Tombstone",
    "__version__",
    "animate",
    "create",
    "evaluate",
    "export",
    "grid",
    "hookimpl",
    "list_models",
    "load",
    "open_data",
    "push",
    "sample_in_blocks",
    "shipped",
    "show",
    "strip",
    "train",
    "verb",
    "verify",
]

__version__ = "0.1.0"

_HOME = {
    "Alias": "genzoo.spec",
    "Architecture": "genzoo.spec",
    "Checkpoint": "genzoo.spec",
    "Command": "genzoo.spec",
    "DatasetSpec": "genzoo.spec",
    "Decoder": "genzoo.protocols",
    "Discriminator": "genzoo.protocols",
    "Encoder": "genzoo.protocols",
    "Family": "genzoo.spec",
    "Field": "genzoo.fields",
    "Generator": "genzoo.protocols",
    "GenzooError": "genzoo.errors",
    "InvalidInput": "genzoo.errors",
    "MetricSpec": "genzoo.spec",
    "Model": "genzoo.models",
    "ModelSpec": "genzoo.spec",
    "NetworkBuilder": "genzoo.models",
    "NotFound": "genzoo.errors",
    "Objective": "genzoo.spec",
    "Record": "genzoo.spec",
    "Setting": "genzoo.metrics",
    "Split": "genzoo.datasets",
    "animate": "genzoo.pictures",
    "Tombstone": "genzoo.spec",
    "create": "genzoo.api.build",
    "evaluate": "genzoo.api.evaluate",
    "export": "genzoo.api.export",
    "grid": "genzoo.pictures",
    "hookimpl": "genzoo.hookspecs",
    "list_models": "genzoo.catalog",
    "load": "genzoo.api.build",
    "open_data": "genzoo.api.data",
    "push": "genzoo.api.publish",
    "sample_in_blocks": "genzoo.models",
    "shipped": "genzoo.spec",
    "show": "genzoo.catalog",
    "strip": "genzoo.pictures",
    "train": "genzoo.api.train",
    "verb": "genzoo.models",
    "verify": "genzoo.api.evaluate",
}


def __getattr__(name: str) -> Any:
    if name == "testing":
        from importlib import import_module

        return import_module("genzoo.testing")
    if name not in _HOME:
        raise AttributeError(f"module 'genzoo' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
