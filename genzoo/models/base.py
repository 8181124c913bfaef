"""What all families share: the record of what they are, checked inputs, and sampling in fixed blocks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import wraps
from math import isfinite
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, Protocol, Self, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genzoo import latent
from genzoo.arguments import typed
from genzoo.errors import InvalidInput, UnsupportedVerb
from genzoo.fields import whole
from genzoo.models import display
from genzoo.models.views import in_eval_mode, is_view, traced_in_eval_mode
from genzoo.randomness import stream
from genzoo.spec import Checkpoint, ModelSpec

if TYPE_CHECKING:
    from genzoo.explore.notebook import Exploration

__all__ = ["VERBS", "Model", "NetworkBuilder", "full_precision", "noise", "sample_in_blocks", "verb"]

P = ParamSpec("P")
R = TypeVar("R")

VERBS = ("encode", "decode", "reconstruct", "sample", "discriminate")
NOISE_ROWS = 64  # part of what a seed means: changing it changes every sample


class NetworkBuilder(Protocol):
    """Builds the network of a role: ``network("encoder", input_shape, outputs)``; see genzoo.Architecture."""

    def __call__(self, role: str, *shape: Any) -> nn.Module: ...


@typed
def verb(method: Callable[P, R]) -> Callable[P, R]:
    """Make a method a verb: it tracks no gradient, and runs in eval mode whatever mode the model is in.

    In training mode batch normalisation would make a result depend on its neighbours, and change the model. The model's
    own mode is neither changed nor looked at, so other threads may use the model at the same time, even to train it:
    `self` is a view of it (see genzoo.models.views), and attributes that the method sets are dropped.
    """

    @wraps(method)
    def run(*args: P.args, **options: P.kwargs) -> R:
        model, *others = args
        assert isinstance(model, nn.Module)
        if torch.compiler.is_compiling():
            with torch.no_grad(), traced_in_eval_mode(model):
                return method(*args, **options)
        view = model if is_view(model) else in_eval_mode(model)  # a verb that calls another one makes one view
        with torch.no_grad():
            return method(view, *others, **options)  # type: ignore[arg-type]  # the same types as before

    return run


class Model(nn.Module, ABC):
    """Base of every family.

    The verbs (`encode`, `decode`, `reconstruct`, `sample`, `discriminate`, as far as the family has them) do not track
    gradients and run in eval mode; the role networks, and what a family documents beside its verbs, do track them.
    `traverse`, `interpolate`, `manifold`, `latents` and `attribute_vector` look at the latent space through the verbs:
    see genzoo.latent. `explore` opens a page for it.

    Attributes:
        spec: family, architecture and config.
        name: the checkpoint's name, or ``family-architecture`` for an untrained model.
        checkpoint: the record this model was loaded from, or None.
        source: where its weights were loaded from, see genzoo.load; "" where they were not.
        sample_block: how many pictures are computed at once; fixed, so that a picture does not depend on how many
            others are asked for.
    """

    name: str
    checkpoint: Checkpoint | None = None
    source: str = ""
    sample_block: int = 64

    traverse = latent.traverse
    interpolate = latent.interpolate
    manifold = latent.manifold
    latents = verb(latent.latents)
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
        return self._reference.device

    @property
    def _reference(self) -> Tensor:
        """A tensor with the model's device and dtype."""
        return next(self.parameters(), torch.empty(0, dtype=torch.float32, device="cpu"))

    @property
    def verbs(self) -> tuple[str, ...]:
        """The verbs this model has."""
        return tuple(verb for verb in VERBS if hasattr(type(self), verb))

    def __getattr__(self, name: str) -> Any:
        if name in VERBS:
            _refuse_verb(self, name)
        return super().__getattr__(name)

    def __repr__(self) -> str:
        count = sum(p.numel() for p in self.parameters())
        shape = "×".join(map(str, self.input_shape))
        return f"<{self.name}: {shape}, {self.latent_dim} latents, {count:,} parameters; {', '.join(self.verbs)}>"

    def explore(self, **options: Any) -> Exploration:
        """A page with a slider for each latent, shown in a notebook; see genzoo.explore.notebook.explore."""
        from genzoo.explore.notebook import explore

        return explore(self, **options)

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
        where values are real. Where torch.compile or torch.export traces it, values are not checked."""
        x = self._checked(x, verb, self.input_shape)
        if torch.compiler.is_compiling():  # what is traced has no values yet
            return x
        low, high = (x.amin().item(), x.amax().item()) if x.numel() else (0.0, 1.0)
        if not (isfinite(low) and isfinite(high)):
            raise InvalidInput(f"{self.name}.{verb}: values must be finite; these lie in [{low:g}, {high:g}]")
        if self.values == "unit" and not 0 <= low <= high <= 1:
            raise InvalidInput(f"{self.name}.{verb}: values must lie in [0, 1]; these lie in [{low:g}, {high:g}]")
        return x

    def checked_latent(self, z: Tensor, verb: str) -> Tensor:
        """`z` on the model's device; InvalidInput unless it is floating, (n, latent_dim) and finite."""
        z = self._checked(z, verb, (self.latent_dim,))
        if not torch.compiler.is_compiling() and not z.isfinite().all():  # as above
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
        return value.to(self._reference)


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
    raise UnsupportedVerb(f"{model.name} ({model.spec.family}) cannot {verb}; it can {can}", suggestions=model.verbs)


def full_precision(output: Tensor) -> Tensor:
    """A network's output in at least float32: under autocast it comes in bfloat16, too coarse for losses."""
    return output.float() if output.dtype in (torch.bfloat16, torch.float16) else output


def noise(n: int, latent_dim: int, seed: int | str, start: int = 0) -> Float[Tensor, "n latent"]:
    """Rows start … start + n − 1 of the standard normal noise of `seed`; row i depends on (seed, i) alone.

    Drawn on the CPU in whole blocks of rows, each from a generator of its own, so that neither n nor the device
    matters.
    """
    first, last = start // NOISE_ROWS, (start + n - 1) // NOISE_ROWS
    blocks = [torch.empty(0, latent_dim, dtype=torch.float32, device="cpu")]
    for block in range(first, last + 1):
        draws = stream("noise", seed, block)
        blocks.append(torch.randn(NOISE_ROWS, latent_dim, generator=draws, dtype=torch.float32, device="cpu"))
    skip = start - first * NOISE_ROWS
    return torch.cat(blocks)[skip : skip + n]


@typed
def sample_in_blocks(model: Model, decode: Callable[[Tensor], Tensor], n: int, seed: int | None) -> Tensor:
    """`decode` of n rows of noise, computed in blocks of exactly `model.sample_block` rows.

    Every block is whole (what is beyond n is cut off): fast, and the reason why picture i is the same bits whatever n.
    Without a seed one is drawn from torch's global generator.
    """
    n = whole(n, f"{model.name}.sample: n")
    drawn = int(torch.randint(2**62, (), device="cpu").item()) if seed is None else seed
    seed = whole(drawn, f"{model.name}.sample: seed")
    reference = model._reference
    images = torch.empty(n, *model.input_shape, device=reference.device, dtype=reference.dtype)
    for start in range(0, n, model.sample_block):
        z = noise(model.sample_block, model.latent_dim, seed, start)
        images[start : start + model.sample_block] = decode(z.to(reference))[: n - start]
    return images
