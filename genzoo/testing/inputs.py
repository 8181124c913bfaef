"""What laws give to a model: the same numbers on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from genzoo.fields import Field
from genzoo.models import Model

__all__ = ["argument", "call", "data", "latents", "least"]


def data(model: Model, n: int) -> Tensor:
    """n examples, uniform in [0, 1], on the model's device: of any model, as they are real numbers too."""
    return torch.rand(n, *model.input_shape, **_drawn_by(n)).to(model.device)


def latents(model: Model, n: int) -> Tensor:
    """n standard normal latents on the model's device."""
    return torch.randn(n, model.latent_dim, **_drawn_by(n)).to(model.device)


def _drawn_by(seed: int) -> dict[str, Any]:
    """What makes a draw the same whatever torch's defaults are."""
    return {"generator": torch.Generator("cpu").manual_seed(seed), "dtype": torch.float32, "device": "cpu"}


def argument(model: Model, verb: str, n: int) -> Tensor:
    """n rows of what a verb takes."""
    return latents(model, n) if verb == "decode" else data(model, n)


def call(model: Any, verb: str) -> Tensor:
    """What a verb makes of two examples, of two latents, or of seed 0."""
    if verb == "sample":
        result: Tensor = model.sample(2, seed=0)
    else:
        result = getattr(model, verb)(argument(model, verb, 2))
    return result


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
