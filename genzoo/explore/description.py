"""What the page is told of a model: what it is, its latents, pictures to begin with, the points of its map."""

from __future__ import annotations

import warnings
from base64 import b64encode
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from genzoo.api.data import open_data
from genzoo.datasets import Split
from genzoo.errors import GenzooError, GenzooWarning, InvalidInput
from genzoo.latent import Latent, in_blocks, latents
from genzoo.models import Model
from genzoo.models.base import noise
from genzoo.pictures import is_drawable, is_picture
from genzoo.protocols import Encoder, Generator
from genzoo.randomness import stream
from genzoo.registry import registry
from genzoo.spec import DatasetSpec

__all__ = ["as_bytes", "describe", "held_out_examples"]

BASES = 10
EXAMPLES = 2000  # of which a map shows the codes
SEED = 0
SPAN = 3.0  # standard deviations to either side, as far as a slider goes


def held_out_examples(model: Model, data_root: str | Path | None = None) -> Split | None:
    """The split that a checkpoint was measured on; None with a warning where it is not to be had."""
    record = model.checkpoint
    if record is None or not isinstance(model, Encoder):
        return None
    try:
        dataset = registry().find(DatasetSpec, record.dataset, prefer=record.distribution)
        return open_data(dataset, dataset.held_out, root=data_root, shape=model.input_shape)
    except GenzooError as error:
        warnings.warn(GenzooWarning(f"the page of {model.name} is without data: {error.message}"), stacklevel=2)
        return None


def describe(model: Model, data: Split | None) -> dict[str, Any]:
    """The description of a model, for JSON; tensors are base64 of their bytes, codes float32, pictures uint8.

    Without `data` the page begins with samples, or at the origin.

    Raises:
        UnsupportedVerb: the model does not decode.
        InvalidInput: what it decodes is neither pictures nor points in one or two dimensions.
    """
    model.decode  # noqa: B018  # refused here if it cannot
    if not is_drawable(model.input_shape):
        raise InvalidInput(
            f"{model.name} has data of shape {model.input_shape}, which are neither pictures nor points in one or two "
            f"dimensions; in Python: genzoo.load({model.name!r}).decode(z)"
        )
    record = model.checkpoint
    examples = _examples(model, data)
    table = latents(model)
    if examples is not None and table[0].std is None and len(examples):
        table = latents(model, examples)
    return {
        "name": model.name,
        "family": model.spec.family,
        "dataset": record.dataset if record else "",
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "trained": record is not None,
        "shape": list(model.input_shape),
        "latent": model.latent_dim,
        "encodes": isinstance(model, Encoder) and is_picture(model.input_shape),
        "samples": isinstance(model, Generator),
        "latents": [_latent(row, prior=isinstance(model, Generator)) for row in table],
        "metrics": {name: [entry["value"], entry["unit"]] for name, entry in record.metrics.items()} if record else {},
        "bases": _bases(model, data, table),
        "points": None if examples is None or model.latent_dim != 2 else _points(model, data, examples),
    }


def _examples(model: Model, data: Split | None) -> Float[Tensor, " n *data"] | None:
    return None if data is None else _at(data, torch.arange(min(EXAMPLES, len(data)))).to(model.device)


def _at(data: Split, indices: Tensor) -> Float[Tensor, " n *data"]:
    (x,) = data.batches(indices, len(indices), generator=stream("explore"))
    return x


def _latent(row: Latent, *, prior: bool) -> dict[str, Any]:
    """A row of the page's sliders: `low` and `high` are `SPAN` standard deviations away, of the prior or of codes."""
    mean, std = (0.0, 1.0) if prior or row.mean is None or row.std is None else (row.mean, row.std)
    told = {"index": row.index, "kl": row.kl, "std": row.std, "active": row.active, "label": row.label}
    return told | {"low": round(mean - SPAN * std, 3), "high": round(mean + SPAN * std, 3)}


def _bases(model: Model, data: Split | None, table: tuple[Latent, ...]) -> dict[str, Any]:
    """Codes to begin with, and what they decode to: those of data with its pictures, of the prior, or the mean."""
    told: dict[str, Any] = {"of": "mean", "labels": []}
    if data is not None:
        indices = _one_of_each(data)
        x = _at(data, indices)
        labels = [] if data.labels is None else [str(label) for label in data.labels[indices].tolist()]
        told = {"of": "data", "labels": labels, "pixels": _packed(_shown(model, x))}
        codes = model.encode(x)
    elif isinstance(model, Generator):
        told["of"], codes = "prior", noise(BASES, model.latent_dim, SEED)
    else:
        means = {row.index: row.mean or 0.0 for row in table}
        codes = torch.tensor([[means[index] for index in range(model.latent_dim)]])
    return told | {"codes": _packed(codes.float()), "decoded": _packed(_shown(model, model.decode(codes)))}


def _one_of_each(data: Split) -> Tensor:
    """Indices of the first example of each class, or of the first examples where there are none."""
    if data.labels is None:
        return torch.arange(min(BASES, len(data)))
    return torch.stack([(data.labels == label).int().argmax() for label in data.labels.unique()[:BASES]])


def _points(model: Model, data: Split | None, examples: Tensor) -> dict[str, Any]:
    """The codes of examples on the map of two latents, and their classes."""
    labels = [] if data is None or data.labels is None else data.labels[: len(examples)].tolist()
    return {"codes": _packed(in_blocks(model.encode, examples).float()), "labels": labels}


def _shown(model: Model, x: Tensor) -> Tensor:
    return as_bytes(x) if is_picture(model.input_shape) else x.float()


def as_bytes(images: Float[Tensor, " n *data"]) -> UInt8[Tensor, " n *data"]:
    """Values in [0, 1] as 256 levels."""
    return images.detach().cpu().float().clamp(0, 1).mul(255).round().to(torch.uint8)


def _packed(values: Tensor) -> str:
    return b64encode(values.detach().cpu().contiguous().numpy().tobytes()).decode()
