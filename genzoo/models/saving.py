"""save: a model as a checkpoint, whoever trained it."""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from genzoo import __version__
from genzoo.errors import GenzooError, InvalidInput, OutputExists
from genzoo.files import atomic_write, user_path, writable_folder
from genzoo.hub.files import encode_weights, parse_weights
from genzoo.spec import PARTS_FOLDER, RECORD_FILE, UNKNOWN_DATA, WEIGHTS_FILE, Checkpoint, record_bytes

if TYPE_CHECKING:
    from genzoo.models.base import Model

__all__ = ["save"]

FILES = (WEIGHTS_FILE, RECORD_FILE, PARTS_FOLDER)


def save(model: Model, folder: str | Path, license_: str, *, force: bool) -> Path:
    """See Model.save."""
    path = user_path(folder)
    _check_folder(path, force=force)
    files = dict(_files(model, license_))
    for name, data in files.items():
        writable_folder((path / name).parent)
        atomic_write(path / name, data)
    return path


def _files(model: Model, license_: str) -> list[tuple[str, bytes]]:
    """The files of a checkpoint by their place in its folder, the record last: what is without it is none."""
    weights = _weights(model)
    found = []
    for role, part in model.parts.items():
        parts = _files(part, "")
        pin = model.spec.parts[role]
        if sha256(dict(parts)[WEIGHTS_FILE]).hexdigest() != pin.sha256:
            raise InvalidInput(
                f"{model.name} cannot be saved: its part {role}, {pin.name}, is not as it was loaded; a model stands "
                "on checkpoints as they are, so save the part alone, and create the model on it"
            )
        found += [(f"{PARTS_FOLDER}/{role}/{name}", data) for name, data in parts]
    record = record_bytes(_record(model, weights, license_))
    return [*found, (WEIGHTS_FILE, weights), (RECORD_FILE, record)]


def _weights(model: Model) -> bytes:
    if not model.layout:
        raise InvalidInput(f"{model.name} cannot be saved: it was not made by genzoo.create or genzoo.load")
    weights = encode_weights(model.state_dict())
    try:
        parse_weights(weights, model.layout, model.name)
    except GenzooError as error:
        raise InvalidInput(f"it could not be loaded back: {error.message}{_hint(model)}") from None
    return weights


def _hint(model: Model) -> str:
    return "" if model.reference.dtype == torch.float32 else "; model.float() before"


def _record(model: Model, weights: bytes, license_: str) -> Checkpoint:
    digest, there = sha256(weights).hexdigest(), model.checkpoint
    if there is not None and there.sha256 == digest:
        recipe = {**there.recipe, "license": license_} if license_ and there.recipe else there.recipe
        return replace(
            there, name=model.name, license=license_ or there.license, recipe=recipe, repo="", commit="", folder=Path()
        )
    return Checkpoint.of(
        model.spec,
        name=model.name,
        dataset=UNKNOWN_DATA,
        license=license_ or "unstated",
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        sha256=digest,
        size_bytes=len(weights),
        trained={
            "by": "hand",
            "genzoo": __version__,
            "torch": torch.__version__,
            **({"start": there.sha256} if there else {}),
        },
        distribution=model.distribution,
    )


def _check_folder(folder: Path, *, force: bool) -> None:
    """Refuse a folder that something else is in; nothing is written."""
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is not a folder; give another name")
    there = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if foreign := [name for name in there if name not in FILES]:
        what = "a run" if "recipe.json" in foreign else f"other files ({foreign[0]:.80})"
        raise InvalidInput(f"{folder} holds {what}; a checkpoint is saved into a folder of its own")
    if there and not force:
        raise OutputExists(f"{folder} holds a checkpoint already; force=True replaces it, or give another folder")
