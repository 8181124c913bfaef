"""Random numbers that are named by what they are for, so that a draw depends on nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["NOISE_ROWS", "DrawFrom", "Noise", "kept_random_state", "stream"]

NOISE_ROWS = 64  # part of what a seed means: changing it changes every sample


def stream(*name: object) -> torch.Generator:
    """A CPU generator whose draws depend on `name` alone, e.g. ``stream("noise", seed, block)``."""
    # torch's CPU generator keeps 32 bits of its seed, so the name is hashed into them.
    digest = blake2b("/".join(map(str, name)).encode(), digest_size=4).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest, "little"))


@contextmanager
def kept_random_state(seed: int | None = None) -> Iterator[None]:
    """What draws within, from the global generators of torch (on the CPU), numpy and Python, leaves them as they were.
    With `seed` they begin from it."""
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()
    try:
        if seed is not None:
            torch.default_generator.manual_seed(seed)
            np.random.seed(seed)  # the global one is what others draw from
            random.seed(seed)
        yield
    finally:
        torch.set_rng_state(before[0])
        np.random.set_state(before[1])
        random.setstate(before[2])


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Rows start … start + n − 1 of the random numbers of a seed.

    Row i of a draw depends on (seed, step, i) alone: not on n, on the batch it is drawn in, or on the device. Rows are
    drawn on the CPU in whole blocks, each from a generator of its own.

    Attributes:
        seed: whatever names them.
        n: how many rows.
        start: the index of the first.
        like: a tensor whose device and dtype draws have; float32 on the CPU without one.
    """

    seed: int | str
    n: int
    start: int = 0
    like: Tensor | None = field(default=None, repr=False, compare=False)

    def normal(self, *shape: int, step: int = 0) -> Float[Tensor, "n ..."]:
        """Standard normal numbers, (n, *shape). Draws of one seed that should differ have different steps."""
        return self._rows(torch.randn, "noise", shape, step)

    def uniform(self, *shape: int, step: int = 0) -> Float[Tensor, "n ..."]:
        """Numbers uniform in [0, 1), (n, *shape), independent of the normal ones."""
        return self._rows(torch.rand, "uniform", shape, step)

    def _rows(self, draw: Callable[..., Tensor], kind: str, shape: tuple[int, ...], step: int) -> Tensor:
        if self.n == 0:
            return self._placed(torch.empty(0, *shape, dtype=torch.float32, device="cpu"))
        first, last = self.start // NOISE_ROWS, (self.start + self.n - 1) // NOISE_ROWS
        later = (step,) if step else ()
        blocks = [
            draw(
                NOISE_ROWS, *shape, generator=stream(kind, self.seed, block, *later), dtype=torch.float32, device="cpu"
            )
            for block in range(first, last + 1)
        ]
        skip = self.start - first * NOISE_ROWS
        return self._placed(torch.cat(blocks)[skip : skip + self.n])

    def _placed(self, rows: Tensor) -> Tensor:
        return rows if self.like is None else rows.to(self.like)


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
