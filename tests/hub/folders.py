"""Checkpoint folders for tests: sound ones of untrained models, and those changed by hand."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import genzoo
from genzoo.hub.files import encode_weights
from genzoo.spec import Checkpoint


def write_checkpoint(folder: Path, weights: bytes, model: genzoo.Model) -> Path:
    """A checkpoint folder whose record fits `weights`, whatever they are."""
    record = Checkpoint(
        name="vae-dense-test",
        family=model.spec.family,
        architecture=model.spec.architecture,
        config=model.spec.config,
        given=model.spec.given,
        dataset="none",
        license="MIT",
        parameters=1,
        sha256=hashlib.sha256(weights).hexdigest(),
        size_bytes=len(weights),
    )
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "genzoo.json").write_text(record.to_json())
    return folder


def untrained(folder: Path, *hidden: int, seed: int = 0) -> Path:
    """A sound checkpoint folder of a VAE of 4×4 pictures, made if need be."""
    folder.mkdir(exist_ok=True)
    model = genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=2, hidden=list(hidden), seed=seed)
    return write_checkpoint(folder, encode_weights(model.state_dict()), model)


def change(folder: Path, **values: Any) -> Path:
    """Set keys of the record in a folder."""
    record = json.loads((folder / "genzoo.json").read_text())
    (folder / "genzoo.json").write_text(json.dumps(record | values))
    return folder
