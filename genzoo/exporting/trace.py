"""A verb as a graph of ATen operations with a dynamic batch axis. Only this module calls `torch.export.export`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast, final

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram
from torch.export.graph_signature import TensorArgument

from genzoo.batch import NOTHING
from genzoo.errors import InvalidInput, UnsupportedVerb, did_you_mean
from genzoo.models import Model, Verb
from genzoo.spec import Space

__all__ = ["Port", "Trace", "exportable", "trace"]

BATCH = "batch"
ROWS = 2  # torch.export makes a dimension of 0 or 1 a constant

NAMES = {"data": "x", "code": "z"}
"""What inputs and outputs are called, by their spaces; others are called as the space."""


@dataclass(frozen=True)
class Port:
    """An input or output of a graph.

    Attributes:
        name: of the tensor.
        shape: without the batch axis, which comes first and may have any length.
        values: as in genzoo.Space.
        dtype: of the tensor.
        size: of an index's alphabet, as in genzoo.Space.
    """

    name: str
    shape: tuple[int, ...]
    values: str
    dtype: torch.dtype
    size: int = 0

    def __str__(self) -> str:
        """Its dtype, shape and range, e.g. ``float32 (n, 1, 28, 28) in [0, 1]``, ``int64 (n,) below 10``."""
        shape = ", ".join(map(str, ("n", *self.shape)))
        told = f"{self.dtype_name} ({shape}{'' if self.shape else ','})"
        if self.values == "index":
            return f"{told} below {self.size}"
        return f"{told} in [0, 1]" if self.values == "unit" else told

    @property
    def dtype_name(self) -> str:
        """The dtype without ``torch.``."""
        return str(self.dtype).removeprefix("torch.")


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A traced verb.

    Attributes:
        name: of the verb.
        program: its graph, with those weights of the model that the verb uses.
        takes: its input, or its inputs where the verb takes a tuple.
        given: what it is told, by name: further inputs.
        gives: its output.
    """

    name: str
    program: ExportedProgram
    takes: Port | tuple[Port, ...]
    given: tuple[Port, ...]
    gives: Port

    @property
    def inputs(self) -> tuple[Port, ...]:
        """All of them, those that it is told behind."""
        return (*(self.takes if isinstance(self.takes, tuple) else (self.takes,)), *self.given)

    def arguments(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """What the graph is called with, of the inputs by name."""
        return _filled(self.takes, self.given, lambda port: values[port.name])


def exportable(model: Model) -> tuple[str, ...]:
    """The verbs of a model that give one tensor, `decode` first if it has it. What draws random numbers is none, nor
    what edits: it is told each column twice, and is `decode` of `encode`."""
    names = [name for name, verb in model.verbs.items() if _is_graph(model, verb)]
    return tuple(sorted(names, key=lambda name: name != "decode"))


def _is_graph(model: Model, verb: Verb) -> bool:
    return not verb.edits and "noise" not in (verb.takes, verb.gives) and isinstance(model.spaces[verb.gives], Space)


def trace(model: Model, verb: str = "") -> Trace:
    """A verb of a model as a graph on the model's device, in eval mode, for any number of rows.

    Args:
        model: of any family. It is not changed.
        verb: one of `exportable`; "" is the first of them: `decode`, of what decodes.

    Raises:
        UnsupportedVerb: the model has no such verb, or it gives several tensors, or random ones.
        InvalidInput: `torch.export` cannot follow it; the message has the cause.
    """
    verb = _checked_verb(model, verb)
    takes = _input(model, verb)
    given = tuple(_port(name, column.space, model) for name, column in model.spec.given.items())
    rows = {0: Dim(BATCH)}
    inputs = _filled(takes, given, lambda port: _zeros(port, model))
    shapes = _filled(takes, given, lambda port: rows)
    try:
        with torch.no_grad():  # as a verb is computed; the graph would switch gradients off and on again
            program = torch.export.export(_Verb(model, verb), inputs, dynamic_shapes=shapes, strict=False)
    except Exception as error:  # a plugin's code may raise anything, and so does torch
        raise InvalidInput(f"{model.name}.{verb} cannot be exported: {_cause(error)}") from error
    _forget_source(program)
    _drop_unused(program)
    _freeze(program)
    return Trace(name=verb, program=program, takes=takes, given=given, gives=_output(model, verb, program))


def _cause(error: Exception) -> str:
    """Why `torch.export` gave up, in a line."""
    if "specialized it to be a constant" in str(error):
        return "it works for one number of rows alone (len(x) makes that a constant, x.shape[0] does not)"
    first = next(iter(str(error).strip().splitlines()), "")
    return f"torch.export cannot follow it: {first or type(error).__name__}"


def _checked_verb(model: Model, verb: str) -> str:
    can = exportable(model)
    if verb in can:
        return verb
    if not can:
        raise UnsupportedVerb(f"{model.name} has no verb that gives one tensor, and no other can be exported")
    if not verb:
        return can[0]
    if verb == "sample" and "decode" in can and model.has("latent_dim"):
        codes = "z ~ N(0, I)" if model.has("noise") else "draws from its prior"
        raise UnsupportedVerb(
            f"{model.name}.sample cannot be exported, because it draws random numbers: export decode, "
            f"and give it {codes} of shape (n, {model.latent_dim})",
            suggestions=["decode"],
        )
    hint, near = did_you_mean(verb, can)
    raise UnsupportedVerb(
        f"{model.name} ({model.spec.family}) cannot export {verb!r:.40}{hint}; it can export {', '.join(can)}",
        suggestions=near or can,
    )


@final
class _Verb(nn.Module):
    """A verb as the module that `torch.export` takes."""

    def __init__(self, model: Model, verb: str) -> None:
        super().__init__()
        self.model = model
        self.verb = getattr(model, verb)

    def forward(self, value: Any, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        result: Tensor = self.verb(value, **given)
        return result


def _filled(takes: Port | tuple[Port, ...], given: tuple[Port, ...], fill: Callable[[Port], Any]) -> tuple[Any, ...]:
    """Something for each input, as the graph takes them."""
    x = tuple(map(fill, takes)) if isinstance(takes, tuple) else fill(takes)
    return (x, {port.name: fill(port) for port in given}) if given else (x,)


def _input(model: Model, verb: str) -> Port | tuple[Port, ...]:
    space = model.spaces[model.verbs[verb].takes]
    name = NAMES.get(model.verbs[verb].takes, model.verbs[verb].takes)
    if isinstance(space, Space):
        return _port(name, space, model)
    return tuple(_port(f"{name}_{number}", part, model) for number, part in enumerate(space))


def _port(name: str, space: Space, model: Model) -> Port:
    dtype = torch.int64 if space.values == "index" else model.reference.dtype
    return Port(name, space.shape, space.values, dtype, space.size)


def _zeros(port: Port, model: Model) -> Tensor:
    return torch.zeros(ROWS, *port.shape, dtype=port.dtype, device=model.device)


def _output(model: Model, verb: str, program: ExportedProgram) -> Port:
    (node,) = program.graph.output_node().args[0]  # a tuple of one
    value, declared = node.meta["val"], model.verbs[verb]
    name = "reconstruction" if declared.takes == declared.gives else NAMES.get(declared.gives, declared.gives)
    space = cast(Space, model.spaces[declared.gives])
    return Port(name, tuple(value.shape[1:]), space.values, value.dtype, space.size)


def _graphs(program: ExportedProgram) -> Iterator[fx.Graph]:
    """Its graph and those inside it."""
    return (module.graph for module in program.graph_module.modules() if isinstance(module, fx.GraphModule))


def _forget_source(program: ExportedProgram) -> None:
    """Remove the places in source files, which are paths of this machine."""
    for graph in _graphs(program):
        for node in graph.nodes:
            node.meta.pop("stack_trace", None)


def _freeze(program: ExportedProgram) -> None:
    """Let no weight track gradients, as no verb does."""
    for name, tensor in program.state_dict.items():
        if isinstance(tensor, nn.Parameter):
            program.state_dict[name] = nn.Parameter(tensor.detach(), requires_grad=False)


def _drop_unused(program: ExportedProgram) -> None:
    """Remove the weights that the verb does not use: an encoder's file need not hold the decoder."""
    program.graph.eliminate_dead_code()
    specs = program.graph_signature.input_specs
    unused = {node.name: node for node in program.graph.find_nodes(op="placeholder") if not node.users}
    kept = []
    for spec in specs:
        if spec.target is None or not isinstance(spec.arg, TensorArgument) or spec.arg.name not in unused:
            kept.append(spec)
            continue
        program.graph.erase_node(unused[spec.arg.name])
        program.state_dict.pop(spec.target, None)
        program.constants.pop(spec.target, None)
    specs[:] = kept
    program.graph_module.recompile()
