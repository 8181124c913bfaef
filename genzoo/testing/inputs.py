"""What laws give to a model: the same numbers on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from genzoo.fields import Field
from genzoo.models import Model
from genzoo.spec import Column, Space

__all__ = ["argument", "call", "data", "given", "latents", "least", "of_columns", "parts", "same"]


ROWS = 64


def data(model: Model, n: int) -> Tensor:
    """n examples, uniform in [0, 1] where they are numbers, on the model's device."""
    x: Tensor = of_space(model, "data", n)
    return x


def latents(model: Model, n: int) -> Tensor:
    """n codes on the model's device, standard normal where they are real numbers."""
    z: Tensor = of_space(model, "code", n)
    return z


def of_space(model: Model, name: str, n: int) -> Any:
    """n elements of one of the model's spaces."""
    space = model.spaces[name]
    if isinstance(space, tuple):
        return tuple(_drawn(part, n, name).to(model.device) for part in space)
    return _drawn(space, n, name).to(model.device)


def _drawn(space: Space, n: int, name: str, seed: int | None = None) -> Tensor:
    generator = torch.Generator(device="cpu").manual_seed(n if seed is None else seed)
    if space.values == "index":
        return torch.randint(space.size, (n, *space.shape), generator=generator, device="cpu")
    draw = torch.randn if space.values == "real" and name != "data" else torch.rand
    drawn = draw(n, *space.shape, generator=generator, device="cpu", dtype=torch.float32)
    return drawn.round() if space.values == "binary" else drawn


def given(model: Model, n: int) -> dict[str, Tensor]:
    """What a model is told of n examples, by name, on its device: the first rows are the same for every n."""
    return {name: rows.to(model.device) for name, rows in of_columns(model.spec.given, n).items()}


def of_columns(columns: Mapping[str, Column], n: int) -> dict[str, Tensor]:
    """n values of each column, on the CPU: the first rows are the same for every n."""
    drawn = {name: _drawn(column.space, ROWS, name, seed=1) for name, column in columns.items()}
    return {name: rows.repeat(1 + n // ROWS, *[1] * (rows.dim() - 1))[:n] for name, rows in drawn.items()}


def call(model: Any, verb: str, n: int = 2) -> Any:
    """What a verb makes of n elements of the space that it takes, or of seed 0, told what `given` has: one that edits,
    that they show what the next element is to show."""
    told: dict[str, Any] = dict(given(model, n))
    if model.verbs[verb].edits:
        told["original"] = {name: rows[1:] for name, rows in given(model, n + 1).items()}
    if model.verbs[verb].takes == "noise":
        return getattr(model, verb)(n, seed=0, **told)
    return getattr(model, verb)(argument(model, verb, n), **told)


def parts(value: Any) -> tuple[Tensor, ...]:
    """The tensors of what a verb takes or gives: one, or those of a code of several."""
    return value if isinstance(value, tuple) else (value,)


def same(value: Any, wanted: Any) -> bool:
    """Whether two outputs of a verb are equal, bit by bit."""
    return all(torch.equal(one, other) for one, other in zip(parts(value), parts(wanted), strict=True))


def argument(model: Any, verb: str, n: int) -> Any:
    """n elements of the space that a verb takes."""
    return of_space(model, model.verbs[verb].takes, n)


def least(fields: Mapping[str, Field]) -> dict[str, Any]:
    """The keys that have no default, with the least value that is allowed."""
    return {key: _least_of(rule) for key, rule in fields.items() if rule.required}


def _least_of(rule: Field) -> Any:
    low = 1 if rule.minimum is None else rule.minimum
    match rule.kind:
        case "str":
            return rule.choices[0] if rule.choices else "a"
        case "bool":
            return False
        case "ints":
            return (int(low),) * rule.length[0]
        case _:
            return low
