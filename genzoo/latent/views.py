"""What a model decodes from codes that were chosen: pictures in which one thing changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from genzoo.arguments import typed
from genzoo.batch import NOTHING
from genzoo.errors import InvalidInput, UnsupportedVerb
from genzoo.fields import whole
from genzoo.latent.paths import Mode, along, between, plane
from genzoo.latent.table import BLOCK, latents, scale_of
from genzoo.protocols import Decoder, Encoder
from genzoo.spec import Space

if TYPE_CHECKING:
    from genzoo.models import Model

__all__ = ["attribute_vector", "codes_of", "in_blocks", "interpolate", "manifold", "traverse"]


@typed
def traverse(
    model: Model,
    start: Tensor,
    *,
    latent: int,
    span: tuple[float, float] = (-3.0, 3.0),
    steps: int = 11,
    **given: Any,
) -> Float[Tensor, "n steps *data"]:
    """Pictures in which one latent moves and the others stay (Higgins et al. 2017, fig. 2).

    Args:
        model: what decodes.
        start: x (n, *input_shape), whose codes are taken, or z (n, latent_dim); x where the two have one shape.
        latent: which one, counted from 0.
        span: its first and last value, in standard deviations of the prior, or without one of the recorded codes.
        steps: how many values, at least 2.
        given: what the model is told of each start.

    Returns:
        [i, k] is start i with the k-th value.

    Raises:
        UnsupportedVerb: the model has no decoder.
        InvalidInput: there is no such latent, or x is given to a model without an encoder.
    """
    told = _told(model, start, given, "traverse")
    z = codes_of(model, start, "traverse", told)
    latent = _index(model, latent)
    if not all(map(isfinite, span)):
        raise InvalidInput(f"{model.name}.traverse: span must be two finite numbers; got {span}")
    mean, std = scale_of(model)
    ticks = torch.linspace(*span, whole(steps, "steps", least=2), dtype=torch.float32, device="cpu")
    values = mean[latent] + std[latent] * ticks
    return _decode(model, along(z, latent, values), told)


@typed
def interpolate(
    model: Model, a: Tensor, b: Tensor, steps: int = 8, *, mode: Mode = "linear", **given: Any
) -> Float[Tensor, "n steps *data"]:
    """Pictures on the way from a to b in the latent space: [i, 0] is a's i-th, decoded, and [i, −1] is b's.

    Args:
        model: what decodes.
        a: x (n, *input_shape), whose codes are taken, or z (n, *code); x where the two have one shape.
        b: as many of either.
        steps: how many, with both ends, at least 2.
        mode: the way; see `between`.
        given: what the model is told of each way.

    Raises:
        UnsupportedVerb: the model has no decoder, or its codes are not real numbers.
        InvalidInput: what `between` refuses, or x is given to a model without an encoder.
    """
    told = _told(model, a, given, "interpolate")
    starts, ends = (codes_of(model, start, "interpolate", told) for start in (a, b))
    codes = between(starts.flatten(1), ends.flatten(1), steps, mode=mode)
    return _decode(model, codes.view(*codes.shape[:2], *starts.shape[1:]), told)


@typed
def manifold(model: Model, n: int = 20, *, extent: float | None = None, **given: Any) -> Float[Tensor, "n n *data"]:
    """The map of a model with two latents (Kingma & Welling 2014, fig. 4): n × n pictures, the first latent from left
    to right, the second upwards.

    Codes are those of `plane`, counted in standard deviations as in `traverse`: quantiles, or with `extent` equally
    spaced up to so many standard deviations. What is given holds for all of them, or for each row.

    Raises:
        UnsupportedVerb: the model has no decoder.
        InvalidInput: the model has not two latents; n is less than 2, or extent not positive.
    """
    if model.latent_dim != 2:
        raise InvalidInput(
            f"{model.name} has {model.latent_dim} latent{'s' * (model.latent_dim > 1)}, and a map shows 2; "
            "traverse shows one latent of any number",
            suggestions=["traverse"],
        )
    mean, std = scale_of(model)
    codes = mean + std * plane(n, extent)
    rows = model.told(given, len(codes), "manifold")
    return _decode(model, codes, rows)


@typed
def attribute_vector(
    model: Model, x: Float[Tensor, " n *data"], has: Bool[Tensor, " n"], **given: Any
) -> Float[Tensor, " latent"]:
    """The mean code of the examples that have an attribute minus that of the others (Larsen et al. 2016).

    ``model.decode(z + vector)`` gives it to z, ``model.decode(z - vector)`` takes it away.

    Args:
        model: what encodes.
        x: examples of both kinds.
        has: which have it: ``labels == 7``, or ``factors.of(indices)[:, 0] == 2``.
        given: what the model is told of each.

    Raises:
        UnsupportedVerb: the model has no encoder.
        InvalidInput: `has` is not a truth value for each of x, or all are of one kind.
    """
    codes = in_blocks(model.encode, x, _told(model, x, given, "attribute_vector"))
    if not isinstance(has, Tensor) or has.dtype != torch.bool or has.shape != (len(codes),):
        raise InvalidInput(
            f"{model.name}.attribute_vector wants has of shape ({len(codes)},) and bool: labels == 7, say"
        )
    has = has.to(codes.device)
    if has.all() or not has.any():
        raise InvalidInput(f"{model.name}.attribute_vector wants examples with the attribute and others without it")
    return codes[has].mean(0) - codes[~has].mean(0)


def codes_of(
    model: Model, start: Tensor, verb: str, given: Mapping[str, Tensor] = NOTHING
) -> Float[Tensor, " n *code"]:
    """The codes of what may be x or z; of x where the two have one shape and the model encodes.

    Raises:
        UnsupportedVerb: the model has no decoder to look at them with, or its codes are not real numbers.
        InvalidInput: it is neither; `verb` is what wanted it.
    """
    model.decode  # noqa: B018  # refused here if it cannot
    code = model.spaces["code"]
    if not isinstance(code, Space) or code.values != "real":
        kind = "indices" if isinstance(code, Space) else "several tensors"
        raise UnsupportedVerb(f"{model.name}.{verb} moves codes of real numbers, and those of {model.name} are {kind}")
    shape = tuple(start.shape[1:]) if isinstance(start, Tensor) and start.dim() else None
    if shape == model.input_shape and isinstance(model, Encoder):
        return in_blocks(model.encode, start, given)
    if shape == code.shape:
        z: Tensor = model.checked(start, "code", verb)
        return z
    data, found = ", ".join(map(str, ("n", *model.input_shape))), getattr(start, "shape", type(start).__name__)
    size = ", ".join(map(str, code.shape))
    wanted = f"z of shape (n, {size})"
    if isinstance(model, Encoder):
        wanted = f"x of shape ({data}) or {wanted}, x[None] for one alone"
    else:
        wanted += f", e.g. torch.randn(1, {size}), as it has no encoder"
    raise InvalidInput(f"{model.name}.{verb} wants {wanted}; got {found if isinstance(found, str) else tuple(found)}")


def in_blocks(verb: Callable[..., Tensor], rows: Tensor, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
    """What a verb makes of each row, a block of rows at a time, so that they may be many."""
    if not isinstance(rows, Tensor) or len(rows) <= BLOCK:
        return verb(rows, **given)
    blocks = [slice(start, start + BLOCK) for start in range(0, len(rows), BLOCK)]
    return torch.cat([verb(rows[block], **{name: values[block] for name, values in given.items()}) for block in blocks])


def _told(model: Model, start: Any, given: Mapping[str, Any], verb: str) -> Mapping[str, Tensor]:
    """What is given of each start; of what is no tensor `codes_of` tells what is wrong."""
    return model.told(given, len(start), verb) if isinstance(start, Tensor) and start.dim() else NOTHING


def _decode(model: Decoder, z: Float[Tensor, "n m latent"], given: Mapping[str, Tensor]) -> Float[Tensor, "n m *data"]:
    rows = {name: values.repeat_interleave(z.shape[1], dim=0) for name, values in given.items()}
    pictures = in_blocks(model.decode, z.flatten(0, 1), rows)
    return pictures.view(*z.shape[:2], *pictures.shape[1:])


def _index(model: Model, latent: int) -> int:
    number = whole(latent, f"{model.name}.traverse: latent")
    if number >= model.latent_dim:
        near = [str(row.index) for row in latents(model)[:3]]
        raise InvalidInput(
            f"{model.name} has no latent {number}: they are 0 to {model.latent_dim - 1}; try {' or '.join(near)}",
            suggestions=near,
        )
    return number
