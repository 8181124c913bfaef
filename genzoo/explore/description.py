"""What the page is told of a model: its facts, its latents, pictures to begin with, points for its map."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from genzoo.api.data import open_data
from genzoo.datasets import Split
from genzoo.errors import GenzooError, InvalidInput
from genzoo.latent import in_blocks, latents, scale_of
from genzoo.models import Model
from genzoo.models.base import noise
from genzoo.pictures import is_drawable, is_picture
from genzoo.protocols import Decoder, Encoder, Generator
from genzoo.randomness import stream
from genzoo.registry import registry
from genzoo.spec import DatasetSpec

__all__ = ["as_bytes", "check_explorable", "describe", "held_out_of"]

BASES = 12
POINTS = 2000
PRIOR_SEED = 0
SPAN = 3.0  # standard deviations that a slider goes to either side


def check_explorable(model: Model) -> None:
    """InvalidInput (or UnsupportedVerb) unless the page can show what the model decodes."""
    model.decode  # noqa: B018  # refused here if it cannot
    if not is_drawable(model.input_shape):
        raise InvalidInput(
            f"{model.name} has data of shape {model.input_shape}, which are neither pictures nor points in one or two "
            f"dimensions; in Python: genzoo.load({model.name!r}).decode(z)"
        )


def held_out_of(model: Model, data_root: str | Path | None = None) -> Split:
    """The split that a model was measured on. Raises as `open_data` does, and InvalidInput without a checkpoint."""
    if model.checkpoint is None:
        raise InvalidInput(f"{model.name} has no record that names its data")
    dataset = registry().find(DatasetSpec, model.checkpoint.dataset, prefer=model.checkpoint.distribution)
    return open_data(dataset, dataset.held_out, root=data_root, shape=model.input_shape)


def describe(model: Model, data: Split | None, peers: Sequence[str] = ()) -> dict[str, Any]:
    """The description of a model, for JSON.

    Args:
        model: what decodes, pictures or points.
        data: where base images and the points of a map come from; without it base images are samples, where there are.
        peers: the models it may be compared with.
    """
    check_explorable(model)
    mean, std = scale_of(model)
    record = model.checkpoint
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
        "latents": [
            {
                "index": row.index,
                "kl": row.kl,
                "active": row.active,
                "label": row.label,
                "low": round((mean[row.index] - SPAN * std[row.index]).item(), 2),
                "high": round((mean[row.index] + SPAN * std[row.index]).item(), 2),
            }
            for row in latents(model)
        ],
        "metrics": {name: [entry["value"], entry["unit"]] for name, entry in record.metrics.items()} if record else {},
        "bases": _bases(model, data),
        "points": _points(model, data),
        "peers": list(peers),
    }


def _bases(model: Model, data: Split | None) -> dict[str, Any]:
    """Pictures to begin with, and their codes: of data, of the prior, or the one at the origin."""
    if data is not None and isinstance(model, Encoder):
        indices = _one_of_each(data)
        x = _examples(data, indices)
        labels = [] if data.labels is None else [str(label) for label in data.labels[indices].tolist()]
        return {"of": "data", "labels": labels, "pixels": _pack(as_bytes(x)), "codes": _pack(model.encode(x))}
    if isinstance(model, Generator):
        return {"of": "prior", "labels": [], "codes": _pack(noise(BASES, model.latent_dim, PRIOR_SEED))}
    return {"of": "origin", "labels": [], "codes": _pack(scale_of(model)[0])}


def _one_of_each(data: Split) -> Tensor:
    """Indices of the first example of each class, or of the first examples."""
    if data.labels is None:
        return torch.arange(min(BASES, len(data)))
    classes = data.labels.unique()[:BASES]
    return torch.stack([(data.labels == label).int().argmax() for label in classes])


def _points(model: Model, data: Split | None) -> dict[str, Any] | None:
    """The codes of data on the map of a model with two latents, and their classes."""
    if model.latent_dim != 2 or data is None or not isinstance(model, Encoder):
        return None
    codes = in_blocks(model.encode, _examples(data, torch.arange(min(POINTS, len(data)))))
    labels = [] if data.labels is None else data.labels[: len(codes)].tolist()
    return {"codes": _pack(codes), "labels": labels}


def _examples(data: Split, indices: Tensor) -> Float[Tensor, " n *data"]:
    (x,) = data.batches(indices, len(indices), generator=stream("explore"))
    return x


def as_bytes(images: Float[Tensor, " n *data"]) -> UInt8[Tensor, " n *data"]:
    """Values in [0, 1] as 256 levels."""
    return images.detach().cpu().float().clamp(0, 1).mul(255).round().to(torch.uint8)


def _pack(values: Tensor) -> str:
    """The bytes of a tensor (float32, or uint8) in base64."""
    return b64encode(values.detach().cpu().contiguous().numpy().tobytes()).decode()


def data_of(model: Model, data_root: str | Path | None, note: Any) -> Split | None:
    """`held_out_of`, or None and a note that says why there is none."""
    with suppress(GenzooError):
        return held_out_of(model, data_root)
    return None
