"""Whether tensors lie in a space."""

from __future__ import annotations

from math import isfinite
from typing import Any

import torch
from torch import Tensor

from genzoo.errors import InvalidInput
from genzoo.spec import Space, Spaces

__all__ = ["as_pictures", "checked"]


def checked(value: Any, space: Spaces, what: str, reference: Tensor) -> Any:
    """`value` on the device of `reference`, and in its dtype, or int64 if it is of indices. Of a space of pictures,
    also pictures of PIL and arrays: see genzoo.pictures.batch_of.

    Raises:
        InvalidInput: it is no tensor, or not of the shape, the dtype or the range of the space; `what` takes it.
    """
    if isinstance(space, tuple):
        if not isinstance(value, tuple | list) or len(value) != len(space):
            raise InvalidInput(f"{what} wants a tuple of {len(space)} tensors; got {_kind(value)}")
        found = tuple(
            checked(one, part, f"{what}[{index}]", reference)
            for index, (one, part) in enumerate(zip(value, space, strict=True))
        )
        if len(rows := dict.fromkeys(map(len, found))) > 1:
            raise InvalidInput(f"{what} wants as many rows in each tensor; got {' and '.join(map(str, rows))}")
        return found
    if not isinstance(value, Tensor) and (pictures := as_pictures(value, space, what)) is not None:
        value = pictures
    _check_kind(value, space, what)
    value = value.to(reference.device, torch.int64) if space.values == "index" else value.to(reference)
    if value.numel():
        _check_values(value, space, what)
    return value


def as_pictures(value: Any, space: Space, what: str) -> Tensor | None:
    """Pictures of PIL and arrays as a tensor, if that is what the space is of; None of anything else."""
    one = value[0] if isinstance(value, list | tuple) and value else value
    kinds = {kind.__module__.partition(".")[0] for kind in type(one).__mro__}
    if not kinds & {"PIL", "numpy"} or len(space.shape) != 3 or space.shape[0] not in (1, 3):
        return None
    if space.values not in ("unit", "binary"):
        return None
    from genzoo.pictures import batch_of  # which imports Pillow

    return batch_of(value, space.shape, what)


def _check_kind(value: Any, space: Space, what: str) -> None:
    """InvalidInput unless it is a tensor of the dtype and the shape of the space."""
    wanted = ", ".join(map(str, ("n", *space.shape))) + "," * (not space.shape)
    if not isinstance(value, Tensor):
        raise InvalidInput(f"{what} wants a tensor ({wanted}); got {type(value).__name__}")
    if space.values == "index":
        if value.is_floating_point() or value.is_complex() or value.dtype == torch.bool:
            raise InvalidInput(f"{what} wants a tensor of whole numbers; got {value.dtype}; x.long() makes it one")
    elif not value.is_floating_point():
        hint = "; x.float() / 255 turns bytes into [0, 1]" if value.dtype == torch.uint8 else ""
        raise InvalidInput(f"{what} wants a floating-point tensor; got {value.dtype}{hint}")
    if value.dim() != len(space.shape) + 1 or tuple(value.shape[1:]) != space.shape:
        hint = _shape_hint(tuple(value.shape), space.shape)
        raise InvalidInput(f"{what} wants shape ({wanted}); got {tuple(value.shape)}{hint}")


def _check_values(value: Tensor, space: Space, what: str) -> None:
    """InvalidInput unless the numbers are finite and in the range of the space."""
    low, high = (end.item() for end in value.aminmax())
    if space.values == "index":
        if not 0 <= low <= high < space.size:
            raise InvalidInput(f"{what} wants whole numbers from 0 to {space.size - 1}; these lie in [{low}, {high}]")
        return
    if not (isfinite(low) and isfinite(high)):
        raise InvalidInput(f"{what}: values must be finite; these lie in [{low:g}, {high:g}]")
    if space.values in ("unit", "binary") and not 0 <= low <= high <= 1:
        raise InvalidInput(f"{what}: values must lie in [0, 1]; these lie in [{low:g}, {high:g}]")


def _kind(value: Any) -> str:
    return f"{len(value)}" if isinstance(value, tuple | list) else type(value).__name__


def _shape_hint(got: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """What to type where a batch of `wanted` is easily made of what has shape `got`."""
    if got == wanted:
        return "; x[None] makes a batch of one"
    if len(got) == 4 and len(wanted) == 3 and got[2:] == wanted[1:]:
        if (got[1], wanted[0]) == (3, 1):
            return "; x.mean(1, keepdim=True) makes it grey"
        if (got[1], wanted[0]) == (1, 3):
            return "; x.expand(-1, 3, -1, -1) makes it RGB"
    return ""
