"""What the page is told of a model: what it is, its latents, pictures to begin with, the points of its map."""

from __future__ import annotations

import warnings
from base64 import b64encode
from math import prod
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from genzoo.api.data import find_dataset, open_data
from genzoo.catalog import list_models, show
from genzoo.datasets import Split
from genzoo.errors import GenzooError, GenzooWarning
from genzoo.explore.columns import as_rows, controls, examples_of
from genzoo.explore.panels import check_shown, code_of, panels_of
from genzoo.latent import Latent, components, in_blocks, latents
from genzoo.models import Model
from genzoo.pictures import is_picture
from genzoo.randomness import Noise, stream
from genzoo.registry import registry
from genzoo.spec import Family, Space

__all__ = ["as_bytes", "describe", "held_out_examples", "source_of"]

BASES = 10
EXAMPLES = 2000  # of which a map shows the codes
SEED = 0
SPAN = 3.0  # standard deviations to either side, as far as a slider goes
MOST_COMPONENTS = 32
LEAST_SHARE = 0.01  # of the variance of the first component, which a component must have to be shown
COMPONENTS = (
    "principal components of the first layer, in standard deviations of the noise, by their share of its variance"
)


def held_out_examples(model: Model, data_root: str | Path | None = None) -> Split | None:
    """The split that a checkpoint was measured on; None with a warning where it is not to be had."""
    record = model.checkpoint
    if record is None or not model.has("encode"):
        return None
    try:
        dataset = find_dataset(record.dataset, data_root, prefer=record.distribution)
        return open_data(dataset, dataset.held_out, root=data_root, shape=model.input_shape)
    except GenzooError as error:
        warnings.warn(GenzooWarning(f"the page of {model.name} is without data: {error.message}"), stacklevel=2)
        return None


def source_of(model: Model) -> str:
    """What genzoo.load takes to give this model; "" if it is nowhere but in memory."""
    record = model.checkpoint
    if record is None:
        return ""
    known = record.name in list_models() and show(record.name).sha256 == record.sha256
    return record.name if known else str(record.folder.resolve())


def describe(model: Model, data: Split | None) -> dict[str, Any]:
    """The description of a model, for JSON; pictures are base64 of their bytes. Of one that samples, and has no codes
    that could be moved, the page shows samples alone.

    Without `data` the page begins with samples, or at the origin.

    Raises:
        UnsupportedVerb: the model does not decode.
        InvalidInput: it cannot be shown; see `code_of` and `check_shown`.
    """
    panels, record = panels_of(model), model.checkpoint
    code = None if "draws" in panels and not {"sliders", "interpolate"} & {*panels} else code_of(model)
    check_shown(model)
    table: tuple[Latent, ...] = latents(model) if "sliders" in panels else ()
    rows = [_latent(row, table[0], prior="samples" in panels) for row in table]
    kind = registry().find(Family, model.spec.family).summary.partition(":")[0].capitalize()
    mean = [(row["low"] + row["high"]) / 2 for row in sorted(rows, key=itemgetter("index"))]
    moved = _components(model) if rows and "samples" in panels and not model.has("encode") else []
    bases = _bases(model, data, table, code) if code else []
    return {
        "name": model.name,
        "kind": kind,
        "dataset": record.dataset if record else "",
        "facts": _facts(model, kind, _codes(code)),
        "codes": _codes(code),
        "shape": list(model.input_shape),
        "code": list(code.shape) if code else None,
        "panels": [name for name in panels if name != "interpolate" or len(bases) > 1],
        "latents": moved or rows,
        "given": controls(model),
        "start": record.dataset if record and data else "a sample" if "samples" in panels else "the mean",
        "order": COMPONENTS if moved else _order(table, prior="samples" in panels),
        "mean": mean or [0.0] * prod(code.shape if code else ()),
        "bases": bases,
        **_drawing(model, data),
        "points": None if data is None or "map" not in panels else _points(model, data),
    }


def _codes(code: Space | None) -> str:
    if code is None:
        return "no codes to move"
    size = "×".join(map(str, code.shape))
    return f"{size} latent{'s'[: size != '1']}" if code.flat else f"codes of {size}"


def _facts(model: Model, kind: str, codes: str) -> str:
    record = model.checkpoint
    shape = "×".join(map(str, model.input_shape))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    known = record.dataset if record else "untrained"
    return f"{kind} · {known} · {shape} · {codes} · {parameters / 1e6:.2f} M parameters"


def _drawing(model: Model, data: Split | None) -> dict[str, str]:
    """The colours of the paper, which is the background of the data, in the corner of the first picture, and of ink."""
    if data is None or not is_picture(model.input_shape):
        corner = [0, 0, 0]
    else:
        corner = as_bytes(_at(data, torch.zeros(1, dtype=torch.int64, device="cpu"))[0, :, 0, 0]).expand(3).tolist()
    return {"paper": _hex(corner), "ink": _hex([0 if sum(corner) > 3 * 128 else 255] * 3)}


def _hex(colour: list[int]) -> str:
    return f"#{bytes(colour).hex()}"


def _at(data: Split, indices: Tensor) -> Float[Tensor, " n *data"]:
    (batch,) = data.batches(indices, len(indices), generator=stream("explore"))
    x: Tensor = batch.x
    return x


def _order(table: tuple[Latent, ...], *, prior: bool) -> str:
    if not table:
        return "the code is a map, and its numbers have no sliders"
    if table[0].kl is not None:
        return "in the order of KL: how many nats each one carries"
    if table[0].std is not None:
        return "in the order of their standard deviation over data"
    return "all alike under the prior N(0, 1)" if prior else ""


def _latent(row: Latent, first: Latent, *, prior: bool) -> dict[str, Any]:
    """A row of the page's sliders: what it carries, and of what the first does; `low` and `high` are `SPAN` standard
    deviations away, of the prior or of codes."""
    mean, std = (0.0, 1.0) if prior or row.mean is None or row.std is None else (row.mean, row.std)
    measure, most = (row.std, first.std) if first.kl is None else (row.kl, first.kl)
    told = {"index": row.index, "title": f"z{row.index} {row.label or ''}".strip(), "collapsed": row.active is False}
    told |= {"measure": measure, "share": measure and most and measure / most}
    return told | {"low": round(mean - SPAN * std, 3), "high": round(mean + SPAN * std, 3)}


def _components(model: Model) -> list[dict[str, Any]]:
    """Rows of the page's sliders that move noise along principal components; none of noise that fits on a map."""
    told = model.told(examples_of(model, None, torch.zeros(1, device="cpu")), 1, "decode")
    found = components(model, {name: value for name, (value,) in told.items()})
    if found is None or model.latent_dim < 3:
        return []
    shown = found[1] > LEAST_SHARE * found[1][0]
    directions, shares = (part[shown][:MOST_COMPONENTS].tolist() for part in found)
    rows = enumerate(zip(directions, shares, strict=True))
    return [_component(k, _rounded(direction), share, shares[0]) for k, (direction, share) in rows]


def _component(k: int, direction: list[float], share: float, first: float) -> dict[str, Any]:
    told = {"index": k, "title": f"c{k}", "collapsed": False, "measure": share, "share": share / first}
    return told | {"direction": direction, "low": -SPAN, "high": SPAN}


def _bases(model: Model, data: Split | None, table: tuple[Latent, ...], code: Space) -> list[dict[str, Any]]:
    """Codes to begin with and what they decode to: those of data, with its pictures, of the prior, or the mean."""
    told: list[dict[str, Any]]
    if data is not None:
        indices = _one_of_each(data)
        x = _at(data, indices)
        given = examples_of(model, data, indices)
        names = range(1, 1 + len(x)) if data.labels is None else data.labels[indices].tolist()
        what = "picture" if data.labels is None else "class"
        told = [{"name": f"{what} {name}", "pixels": _shown(model, one)} for name, one in zip(names, x, strict=True)]
        codes = model.encode(x, **given)
    elif "samples" in panels_of(model):
        codes = Noise(seed=SEED, n=BASES).normal(*code.shape)
        told = [{"name": f"sample {i}"} for i in range(BASES)]
        given = examples_of(model, None, torch.arange(BASES, device="cpu"))
    else:
        codes = torch.zeros(1, *code.shape, dtype=torch.float32, device="cpu")
        for row in table:
            codes[0, row.index] = row.mean or 0.0
        told, given = [{"name": "mean"}], examples_of(model, None, torch.zeros(1, device="cpu"))
    rows, decoded = as_rows(model, given, len(codes)), model.decode(codes, **given)
    return [
        one | {"code": _rounded(code), "given": row, "decoded": _shown(model, x)}
        for one, code, row, x in zip(told, codes.flatten(1).tolist(), rows, decoded, strict=True)
    ]


def _one_of_each(data: Split) -> Tensor:
    """Indices of the first example of each class, or of examples from everywhere where there are none."""
    if data.labels is None:
        return torch.randperm(len(data), generator=stream("bases"), device="cpu")[:BASES]
    return torch.stack([(data.labels == label).int().argmax() for label in torch.unique(data.labels)[:BASES]])


def _points(model: Model, data: Split) -> list[list[float]]:
    """The codes of examples on the map of two latents, each with its class behind."""
    indices = torch.arange(min(EXAMPLES, len(data)), device="cpu")
    x = _at(data, indices)
    labels = [0] * len(x) if data.labels is None else data.labels[: len(x)].tolist()
    codes = in_blocks(model.encode, x, model.told(examples_of(model, data, indices), len(x), "encode")).tolist()
    return [[*_rounded(code), label] for code, label in zip(codes, labels, strict=True)]


def _rounded(code: list[float]) -> list[float]:
    """As the link of the page has it."""
    return [round(value, 4) for value in code]


def _shown(model: Model, x: Tensor) -> str | list[float]:
    if not is_picture(model.input_shape):
        return x.flatten().tolist()
    return b64encode(as_bytes(x).contiguous().numpy().tobytes()).decode()


def as_bytes(images: Float[Tensor, " *data"]) -> UInt8[Tensor, " *data"]:
    """Values in [0, 1] as 256 levels."""
    return images.detach().cpu().float().clamp(0, 1).mul(255).round().to(torch.uint8)
