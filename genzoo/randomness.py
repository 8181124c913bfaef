"""Random streams that are named by what they are for, so that a draw depends on nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, final

import torch
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["DrawFrom", "stream"]


def stream(*name: object) -> torch.Generator:
    """A CPU generator whose draws depend on `name` alone, e.g. ``stream("noise", seed, block)``."""
    # torch's CPU generator keeps 32 bits of its seed, so the name is hashed into them.
    digest = blake2b("/".join(map(str, name)).encode(), digest_size=4).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest, "little"))


@final
class DrawFrom(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves its base untyped
    """Within, what this thread draws on the CPU comes from `generator`, with the bits that torch's global generator
    would give in that state. The global one is neither read nor changed, so threads do not disturb each other.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.generator = generator

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if torch.Tag.nondeterministic_seeded in func.tags and options.get("generator") is None:
            func = _with_generator(func)
            options["generator"] = self.generator
        return func(*args, **options)


def _with_generator(operation: Any) -> Any:
    """The overload of a random operation that takes a generator: ``randint.low_generator`` of ``randint.low``."""
    if any(argument.name == "generator" for argument in operation._schema.arguments):
        return operation
    name = operation._overloadname
    return getattr(operation.overloadpacket, "generator" if name == "default" else f"{name}_generator")
