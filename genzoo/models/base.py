"""What all families share: the record of what they are, their verbs, and checked inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from math import isfinite
from typing import Any, NoReturn, ParamSpec, Protocol, Self, TypeVar, cast

import torch
from torch import Tensor, nn

from genzoo import latent
from genzoo.errors import InvalidInput, UnsupportedVerb
from genzoo.models import display
from genzoo.spec import Checkpoint, ModelSpec

__all__ = [
    "DECLARED",
    "Model",
    "NetworkBuilder",
    "Verb",
    "full_precision",
    "verb",
    "without_trace",
]

P = ParamSpec("P")
R = TypeVar("R")


class NetworkBuilder(Protocol):
    """Builds the network of a role: ``network("encoder", input_shape, outputs)``; see genzoo.Architecture."""

    def __call__(self, role: str, *shape: Any) -> nn.Module: ...


@dataclass(frozen=True, kw_only=True)
class Verb:
    """What a verb takes and gives: ``data`` is a batch of x, ``code`` one of z; a verb that takes ``noise`` is called
    as ``sample(n, seed=…)``. Other names are the family's own, as ``logit``."""

    name: str
    takes: str
    gives: str


DECLARED: dict[str, Verb] = {}
"""The verbs of all families that were imported, by name."""


def verb(*, takes: str, gives: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a method a verb: ``@verb(takes="data", gives="code")``. It runs as `without_trace` says.

    The command line, the page, the metrics, the laws and the golden outputs read what is declared here.
    """

    def declare(method: Callable[P, R]) -> Callable[P, R]:
        run = without_trace(method)
        run.verb = Verb(name=method.__name__, takes=takes, gives=gives)  # type: ignore[attr-defined]  # a function's own
        DECLARED.setdefault(method.__name__, run.verb)  # type: ignore[attr-defined]  # as above
        return run

    return declare


def without_trace(method: Callable[P, R]) -> Callable[P, R]:
    """Make a method track no gradient, and run in eval mode whatever mode the model is in.

    In training mode batch normalisation would make a result depend on its neighbours, and change the model.
    """

    @wraps(method)
    def run(*args: P.args, **options: P.kwargs) -> R:
        model = cast(nn.Module, args[0])
        training = model.training
        if training:
            model.eval()
        try:
            with torch.no_grad():
                return method(*args, **options)
        finally:
            if training:
                model.train()

    return run


class Model(nn.Module, ABC):
    """Base of every family.

    The verbs (`encode`, `decode`, `reconstruct`, `sample`, `discriminate`, and what a family declares of its own) track
    no gradients and run in eval mode. The role networks, and what a family documents beside its verbs, do track them.
    `traverse`, `interpolate`, `manifold`, `latents` and `attribute_vector` look at the latent space through the verbs:
    see genzoo.latent. `genzoo.explore(model)` opens a page for it.

    Attributes:
        spec: family, architecture and config.
        name: the checkpoint's name, or ``family-architecture`` for an untrained model.
        checkpoint: the record this model was loaded from, or None.
        source: where its weights were loaded from, see genzoo.load; "" where they were not.
        sampler: how it is sampled unless told otherwise, a sampler's name and options: ``heun:8``.
        sample_block: how many pictures are computed at once; fixed, so that a picture does not depend on how many
            others are asked for.
    """

    name: str
    checkpoint: Checkpoint | None = None
    source: str = ""
    sampler: str = "prior"
    sample_block: int = 64

    traverse = latent.traverse
    interpolate = latent.interpolate
    manifold = latent.manifold
    latents = without_trace(latent.latents)
    attribute_vector = latent.attribute_vector
    _repr_mimebundle_ = display.bundle

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.name = f"{spec.family}-{spec.architecture.rpartition(':')[2]}"

    @classmethod
    @abstractmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        """The model of `spec`, its role networks made by `network`."""

    @property
    @abstractmethod
    def players(self) -> Mapping[str, nn.Module]:
        """The parts that are trained in turn, by player name: one for a VAE, two for a GAN."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one x, (channels, height, width) for pictures."""
        return self.spec.input_shape

    @property
    def latent_dim(self) -> int:
        """Length of one z."""
        return self.spec.latent_dim

    @property
    def values(self) -> str:
        """What the numbers of one x are: ``unit`` for [0, 1], ``real`` for any."""
        return self.spec.values

    @property
    def commit(self) -> str:
        """The commit on the hub that its record names, 40 hex digits, or ""."""
        return self.checkpoint.commit if self.checkpoint else ""

    @property
    def sha256(self) -> str:
        """That of the weights it was loaded with, 64 hex digits, or ""."""
        return self.checkpoint.sha256 if self.checkpoint else ""

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.reference.device

    @property
    def reference(self) -> Tensor:
        """A tensor with the model's device and dtype."""
        return next(self.parameters(), torch.empty(0))

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """The verbs this model has, by name, as `verb` declared them."""
        kind = type(self)
        names = dict.fromkeys(name for part in reversed(kind.__mro__) for name in vars(part))
        declared = {name: getattr(getattr(kind, name, None), "verb", None) for name in names}
        return {name: found for name, found in declared.items() if isinstance(found, Verb)}

    def has(self, *names: str) -> bool:
        """Whether the model has all these verbs, methods or properties. What needs them asks this, and never for a
        family."""
        return all(hasattr(self, name) for name in names)

    def __getattr__(self, name: str) -> Any:
        if name in DECLARED:
            _refuse_verb(self, name)
        return super().__getattr__(name)

    def __repr__(self) -> str:
        count = sum(p.numel() for p in self.parameters())
        shape = "×".join(map(str, self.input_shape))
        return f"<{self.name}: {shape}, {self.latent_dim} latents, {count:,} parameters; {', '.join(self.verbs)}>"

    def output(self, logits: Tensor) -> Tensor:
        """What a network's unbounded output stands for: its sigmoid in [0, 1], or itself where values are real."""
        logits = full_precision(logits)
        return logits if self.values == "real" else logits.sigmoid()

    def check_values(self, values: str) -> None:
        """InvalidInput if data of these values (as in genzoo.DatasetSpec) is not what it models."""
        if (values == "real") != (self.values == "real"):
            raise InvalidInput(
                f"model.values is {self.values!r}, and the values of this data are {values}: "
                "leave model.values out, or take other data"
            )

    def checked_data(self, x: Tensor, verb: str) -> Tensor:
        """`x` on the model's device; InvalidInput unless it is floating, (n, *input_shape) and within [0, 1], or finite
        where values are real."""
        x = self._checked(x, verb, self.input_shape)
        low, high = (x.amin().item(), x.amax().item()) if x.numel() else (0.0, 1.0)
        if not (isfinite(low) and isfinite(high)):
            raise InvalidInput(f"{self.name}.{verb}: values must be finite; these lie in [{low:g}, {high:g}]")
        if self.values == "unit" and not 0 <= low <= high <= 1:
            raise InvalidInput(f"{self.name}.{verb}: values must lie in [0, 1]; these lie in [{low:g}, {high:g}]")
        return x

    def checked_latent(self, z: Tensor, verb: str) -> Tensor:
        """`z` on the model's device; InvalidInput unless it is floating, (n, latent_dim) and finite."""
        z = self._checked(z, verb, (self.latent_dim,))
        if not torch.compiler.is_compiling() and not z.isfinite().all():  # what is traced has no values yet
            raise InvalidInput(f"{self.name}.{verb}: codes must be finite; here is NaN or infinity")
        return z

    def _checked(self, value: Tensor, verb: str, shape: tuple[int, ...]) -> Tensor:
        wanted = ", ".join(map(str, ("n", *shape)))
        if not isinstance(value, Tensor):
            raise InvalidInput(f"{self.name}.{verb} wants a tensor ({wanted}); got {type(value).__name__}")
        if not value.is_floating_point():
            hint = "; x.float() / 255 turns bytes into [0, 1]" if value.dtype == torch.uint8 else ""
            raise InvalidInput(f"{self.name}.{verb} wants a floating-point tensor; got {value.dtype}{hint}")
        if tuple(value.shape[1:]) != shape or value.dim() != len(shape) + 1:
            hint = _shape_hint(tuple(value.shape), shape)
            raise InvalidInput(f"{self.name}.{verb} wants shape ({wanted}); got {tuple(value.shape)}{hint}")
        return value.to(self.reference)


def _shape_hint(got: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """What to type where a batch of `wanted` is easily made of what has shape `got`."""
    if got == wanted:
        return "; x[None] makes a batch of one"
    if len(got) == 4 and got[2:] == wanted[1:]:
        if (got[1], wanted[0]) == (3, 1):
            return "; x.mean(1, keepdim=True) makes it grey"
        if (got[1], wanted[0]) == (1, 3):
            return "; x.expand(-1, 3, -1, -1) makes it RGB"
    return ""


def _refuse_verb(model: Model, verb: str) -> NoReturn:
    can = ", ".join(model.verbs)
    message = f"{model.name} ({model.spec.family}) cannot {verb}; it can {can}"
    raise UnsupportedVerb(message, suggestions=tuple(model.verbs))


def full_precision(output: Tensor) -> Tensor:
    """A network's output in at least float32: under autocast it comes in bfloat16, too coarse for losses."""
    return output.float() if output.dtype in (torch.bfloat16, torch.float16) else output
