"""What all families share: the record of what they are, their verbs, and checked inputs."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NoReturn, ParamSpec, Protocol, Self, TypeVar

import torch
from torch import Tensor, nn

from genzoo import latent
from genzoo.arguments import typed
from genzoo.batch import NOTHING
from genzoo.errors import InvalidInput, UnsupportedVerb
from genzoo.models import display, saving
from genzoo.models.checks import checked
from genzoo.models.given import check_known, resolve
from genzoo.models.views import in_eval_mode, is_view, traced_in_eval_mode
from genzoo.spec import Checkpoint, Column, ModelSpec, Space, Spaces

__all__ = [
    "DECLARED",
    "Model",
    "NetworkBuilder",
    "Parts",
    "Verb",
    "full_precision",
    "verb",
    "without_trace",
]

P = ParamSpec("P")
R = TypeVar("R")


class NetworkBuilder(Protocol):
    """Builds the network of a role: ``network("encoder", input_shape, outputs)``; see genzoo.Architecture. That of a
    model that is told something is called with ``given`` beside its input."""

    def __call__(self, role: str, *shape: Any) -> nn.Module: ...


@dataclass(frozen=True, kw_only=True)
class Verb:
    """The spaces of what a verb takes and gives, by their names in the model's `spaces`: ``data`` is x, ``code`` is z.
    A verb that takes ``noise`` is called as ``sample(n, seed=…)``; one that `edits` is told what its input shows as
    ``original={…}``, beside what its output is to show."""

    name: str
    takes: str
    gives: str
    edits: bool = False


DECLARED: dict[str, Verb] = {}
"""The verbs of all families that were imported, by name."""


@typed
def verb(*, takes: str, gives: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a method a verb: ``@verb(takes="data", gives="code")``. It runs as `without_trace` says, and its input is
    checked first: what is not in the space that it takes is an InvalidInput.

    What a model is told comes by keyword, ``encode(x, label=3)``, is checked too, and reaches the method as tensors,
    one row for each example: as ``**given``, or as the parameters that it has of these names.

    The command line, the page, the metrics, the laws and the golden outputs read what is declared here.
    """

    def declare(method: Callable[P, R]) -> Callable[P, R]:
        run = without_trace(_checking(method, takes))
        run.verb = Verb(name=method.__name__, takes=takes, gives=gives)  # type: ignore[attr-defined]  # a function's own
        DECLARED.setdefault(method.__name__, run.verb)  # type: ignore[attr-defined]  # as above
        return run

    return declare


def _checking(method: Callable[P, R], space: str) -> Callable[P, R]:
    """`method` with its first argument checked, and what is given; of what takes noise, which is n, `method` checks
    them itself."""
    _, first, *others = signature(method).parameters.values()
    own = {parameter.name for parameter in others if parameter.kind is not Parameter.VAR_KEYWORD}
    takes_any = len(own) < len(others)

    @wraps(method)
    def run(*args: P.args, **options: P.kwargs) -> R:
        if torch.compiler.is_compiling():  # what is traced has no values yet
            return method(*args, **options)
        model: Any
        model, *inputs = args
        columns = {name: column for name, column in model.spec.given.items() if takes_any or name in own}
        given = {name: value for name, value in options.items() if name in columns or name not in {first.name, *own}}
        what = f"{model.name}.{method.__name__}"
        if space == "noise" and not takes_any:
            resolve({}, given, 0, what, model.reference)  # refuses what is given
        elif space != "noise" and (inputs or first.name in options):
            value = model.checked(inputs[0] if inputs else options.pop(first.name), space, method.__name__)
            inputs[:1] = [value]
            n = len(value[0] if isinstance(value, tuple) else value)
            options = {**options, **resolve(columns, given, n, what, model.reference)}  # type: ignore[assignment]  # P's
        return method(model, *inputs, **options)  # type: ignore[arg-type]  # the same types as before

    return run


class _Editing:
    """A verb that edits: an attribute of those models alone that are told something, encode and decode."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self.method = without_trace(method)
        self.method.verb = Verb(name=method.__name__, takes="data", gives="data", edits=True)  # type: ignore[attr-defined]  # a function's own
        DECLARED[method.__name__] = self.method.verb  # type: ignore[attr-defined]  # as above

    def __get__(self, model: Any, kind: type) -> Callable[..., Any]:
        if model is None:
            return self.method
        if not _can_edit(model):
            raise AttributeError(self.method.__name__)  # see Model.__getattr__
        bound: Callable[..., Any] = self.method.__get__(model, kind)
        return bound


def _can_edit(model: Model) -> bool:
    return bool(model.editable) and all(hasattr(type(model), name) for name in ("encode", "decode"))


def without_trace(method: Callable[P, R]) -> Callable[P, R]:
    """Make a method track no gradient, and run in eval mode whatever mode the model is in.

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

    The verbs (`encode`, `decode`, `reconstruct`, `sample`, `discriminate`, what a family declares of its own, and
    `edit` of every model that is told something, encodes and decodes) track no gradients and run in eval mode. The role
    networks, and what a family documents beside its verbs, do track them. `traverse`, `interpolate`, `manifold`,
    `latents` and `attribute_vector` look at the latent space through the verbs: see genzoo.latent. `save` writes a
    checkpoint, and `genzoo.explore(model)` opens a page for it.

    What a model is told, the columns in `spec.given`, the verbs take by keyword, one value for all examples or one for
    each: ``sample(9, seed=0, label=3)``, ``encode(x, label=["bag", "coat"])``. Family.build gets networks that take
    them as ``network(x, given=given)``; `genzoo.models.run` calls one of any model.

    Attributes:
        spec: family, architecture, config and what it is told.
        name: the checkpoint's name, or ``family-architecture`` for an untrained model.
        checkpoint: the record this model was loaded from, or None.
        distribution: that of its architecture; "" of a model that was made otherwise than by `create` and `load`.
        layout: tensors without values, like those of its weights as it was made.
        source: where its weights were loaded from, see genzoo.load; "" where they were not.
        parts: the models that it stands on, by name: frozen, in eval mode, and shared with other models that stand on
            them, so that they are neither saved nor trained with it.
        sampler: how it is sampled unless told otherwise, a sampler's name and options: ``heun:8``.
        sample_block: how many pictures are computed at once; fixed, so that a picture does not depend on how many
            others are asked for.
    """

    name: str
    checkpoint: Checkpoint | None = None
    distribution: str = ""
    layout: Mapping[str, Tensor] = MappingProxyType({})
    source: str = ""
    parts: Mapping[str, Model] = MappingProxyType({})
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
        if spec.sampler:
            self.sampler = spec.sampler
        self.name = f"{spec.family}-{spec.architecture.rpartition(':')[2]}"

    @classmethod
    @abstractmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec) -> Self:
        """The model of `spec`, its role networks made by `network`."""

    @property
    @abstractmethod
    def players(self) -> Mapping[str, nn.Module]:
        """The parts that are trained in turn, by player name: one for a VAE, two for a GAN."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:  # torch's
        """To another device or dtype, with its parts: copies of them, which other models stand on as they are."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        if self.parts:
            self.parts = Parts({name: _moved(part, fn) for name, part in self.parts.items()})
        return self

    @_Editing
    def edit(self, x: Any, *, original: Mapping[str, Any] = NOTHING, **given: Any) -> Any:
        """x with what is told of it changed: decode(encode(x)), where the encoder is told what x shows and the decoder
        the same but for `given` (Kingma et al. 2014, fig. 1). ``edit(x, original={"label": 3}, label=5)`` draws a 5 in
        the hand of a 3.

        `genzoo.edit` reads from the pictures what they show, and knows which values exclude each other.

        Args:
            x: (n, *input_shape), values as `encode` takes them.
            original: what x shows, by name, one value for all or one for each. A column that may be left out need not
                be told.
            given: what the result is to show, in the same way. All other columns are told as x shows them.

        Returns:
            (n, *input_shape); row i depends on row i of x and of what is told alone.

        Raises:
            UnsupportedVerb: the model is told nothing, or does not encode and decode.
            InvalidInput: x, a column or a value that cannot be used; a column that must be told and is not.
        """
        x = self.checked(x, "data", "edit")
        n = len(x[0] if isinstance(x, tuple) else x)
        if not isinstance(original, Mapping):
            raise InvalidInput(f"{self.name}.edit: original is what x shows, {{name: value}}; got {original!r:.80}")
        check_known(self.spec.given, given, f"{self.name}.edit")
        shown = self.told(original, n, "edit: original")
        wanted = self.told({**shown, **given}, n, "edit")
        return self.decode(self.encode(x, **shown), **wanted)  # of any family that has the two

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one x, (channels, height, width) for pictures."""
        return self.spec.input_shape

    @property
    def editable(self) -> Mapping[str, Column]:
        """The columns that `encode` and `decode` are told, which `edit` therefore changes."""
        return self.spec.given

    @property
    def spaces(self) -> Mapping[str, Spaces]:
        """What its verbs take and give, by the names that they declare: ``data``, and of a family with a flat code
        ``code`` and ``noise``. A family adds its own."""
        return self.spec.spaces

    @property
    def latent_dim(self) -> int:
        """Length of one z; UnsupportedVerb of a family whose codes are no vectors of real numbers, or that has none."""
        code = self.spaces.get("code")
        if not isinstance(code, Space) or not code.flat:
            raise AttributeError("latent_dim")  # see __getattr__
        return code.shape[0]

    @property
    def predicts(self) -> Mapping[str, Column]:
        """What it predicts of x, by name, and learns from the data."""
        return self.spec.predicts

    @property
    def values(self) -> Literal["unit", "real", "index"]:
        """What the numbers of one x are: ``unit`` for [0, 1], ``real`` for any, ``index`` for tokens."""
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
        return next(self.parameters(), torch.empty(0, dtype=torch.float32, device="cpu"))

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """The verbs this model has, by name, as `verb` declared them."""
        kind = type(self)
        names = dict.fromkeys(name for part in reversed(kind.__mro__) for name in vars(part))
        declared = {name: getattr(getattr(kind, name, None), "verb", None) for name in names}
        found = {name: verb for name, verb in declared.items() if isinstance(verb, Verb)}
        edits = {name: verb for name, verb in found.items() if verb.edits and _can_edit(self)}
        return {name: verb for name, verb in found.items() if not verb.edits} | edits

    def has(self, *names: str) -> bool:
        """Whether the model has all these verbs, methods, properties or spaces. What needs them asks this, and never
        for a family."""
        return all(hasattr(self, name) or name in self.spaces for name in names)

    def __getattr__(self, name: str) -> Any:
        if name in DECLARED:
            _refuse_verb(self, name)
        if name == "latent_dim":  # its property has raised, and torch's modules look for it here then
            raise UnsupportedVerb(f"{self.name} ({self.spec.family}) has no flat code, and so no latents")
        return super().__getattr__(name)

    def __repr__(self) -> str:
        count = sum(p.numel() for p in self.parameters())
        shape = "×".join(map(str, self.input_shape))
        latents = f"{self.latent_dim} latents, " if self.has("latent_dim") else ""
        return f"<{self.name}: {shape}, {latents}{count:,} parameters; {', '.join(self.verbs)}>"

    def output(self, logits: Tensor) -> Tensor:
        """What a network's unbounded output stands for: its sigmoid in [0, 1], or itself where values are real."""
        logits = full_precision(logits)
        return logits if self.values == "real" else logits.sigmoid()

    def check_values(self, values: str) -> None:
        """InvalidInput if data of these values (as in genzoo.DatasetSpec) is not what it models."""
        if {"binary": "unit"}.get(values, values) != self.values:
            raise InvalidInput(
                f"model.values is {self.values!r}, and the values of this data are {values}: "
                "leave model.values out, or take other data"
            )

    @typed
    def save(self, folder: str | Path, *, license: str = "", force: bool = False) -> Path:  # noqa: A002  # the record's
        """Write it as a checkpoint, which ``load(folder)`` and every command take; returns the folder.

        The record is that of the checkpoint it was loaded from if its weights still are. Of others it says what the
        model is, by its `name`, and that it was trained by hand: no recipe, no data and no metrics. The parts that it
        stands on are written beside it.

        Args:
            folder: where to; made if need be. It may hold nothing else.
            license: SPDX licence of the weights; without one that of the record, or ``unstated``.
            force: replace the checkpoint that the folder holds.

        Raises:
            OutputExists: it holds a checkpoint already, and not `force`.
            InvalidInput: it holds other files or a run, or cannot be written to; or the model could not be loaded back:
                it was made otherwise than by `create` or `load`, its layers or their dtype were changed, a weight is
                NaN, or its `name` is none.
        """
        return saving.save(self, folder, license, force=force)

    def told(self, given: Mapping[str, Any], n: int, verb: str) -> dict[str, Tensor]:
        """What is given of n examples as tensors, a row for each, of every column that the model is told; InvalidInput,
        which says what a column wants, if it cannot be used."""
        return resolve(self.spec.given, given, n, f"{self.name}.{verb}", self.reference)

    def checked(self, value: Any, space: str, verb: str) -> Any:
        """`value` on the model's device; InvalidInput unless it lies in one of the model's `spaces`."""
        return checked(value, self.spaces[space], f"{self.name}.{verb}", self.reference)


class Parts(dict[str, Model]):
    """The parts of a model, which its copies share."""

    def __deepcopy__(self, memo: Any) -> Parts:
        return self


def _moved(part: Model, fn: Callable[[Tensor], Tensor]) -> Model:
    before = part.reference
    after = fn(before)
    alike = (after.device, after.dtype) == (before.device, before.dtype)
    return part if alike else copy.deepcopy(part)._apply(fn)


def _refuse_verb(model: Model, verb: str) -> NoReturn:
    can = ", ".join(model.verbs)
    message = f"{model.name} ({model.spec.family}) cannot {verb}; it can {can}"
    if DECLARED[verb].edits:
        message += '. A model can that is told something, encodes and decodes; a recipe says given = ["label"]'
    raise UnsupportedVerb(message, suggestions=tuple(model.verbs))


def full_precision(output: Tensor) -> Tensor:
    """A network's output in at least float32: under autocast it comes in bfloat16, too coarse for losses."""
    return output.float() if output.dtype in (torch.bfloat16, torch.float16) else output
