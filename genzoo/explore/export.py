"""A decoder as a short list of operations, in one safetensors file with its weights: what explore/web/engine.js runs.

The graph of ``model.decode`` that `genzoo.exporting.trace` makes has the function that the family puts after its
network, too. Its ATen operations are gone through in their order, for one z: what depends neither on z nor on what the
model is told is computed here and now, and what does becomes an operation of the engine, by the tables of
explore/operations.py or by a plugin's genzoo.OperationSpec.

The list is JSON, under the key ``genzoo`` of the file's metadata: ``{"name", "latent", "shape", "given", "ops"}``.
Value 0 is z, then come the columns that the model is told, of which ``given`` has what they are unless told otherwise,
and then what each operation gives: ``{"op": "conv", "of": [4], "shape": [64, 7, 7], "weight": "5.weight", …}`` is a
convolution of value 4. Shapes are without the batch: the engine decodes one z at a time.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, fx

from genzoo.errors import InvalidInput, UnsupportedVerb
from genzoo.explore.columns import columns_of, unchosen
from genzoo.explore.description import source_of
from genzoo.explore.operations import JOINING, UNARY, Shape, Value
from genzoo.explore.panels import code_of
from genzoo.exporting import trace
from genzoo.hub.files import encode_weights
from genzoo.models import Model
from genzoo.models.given import not_told
from genzoo.registry import load_target, registry
from genzoo.spec import OperationSpec

__all__ = ["Decoder", "export_decoder"]


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """A decoder for the page's engine.

    Attributes:
        data: a safetensors file.
        scripts: the JavaScript of the operations in it that plugins bring, by name.
    """

    data: bytes
    scripts: Mapping[str, str]


def export_decoder(model: Model, *, dtype: torch.dtype = torch.float16) -> Decoder:
    """The file with which the page's engine computes ``model.decode``.

    Args:
        model: of any family that decodes.
        dtype: of the weights with two or more axes, float16 or float32; the others are few and stay float32.

    Raises:
        UnsupportedVerb: the model does not decode.
        InvalidInput: the page cannot move its codes, `torch.export` cannot follow it, or it decodes with an operation
            that the engine does not have; the message names what.
    """
    shape, columns = code_of(model).shape, columns_of(model)
    program = _Program(model, first=1 + len(columns))
    code = Value(0, (prod(shape),))
    told = {name: Value(1 + i, column.space.shape) for i, (name, column) in enumerate(columns.items())}
    pictures = {name: not_told(column, 1, model.reference) for name, column in model.spec.given.items()}
    with torch.no_grad():
        z = code if code.shape == shape else program.reshaped(code, shape)
        (picture,) = program.walk(_graph(model), z, *(pictures | told).values())
    header = {
        "name": model.name,
        "latent": prod(shape),
        "shape": model.input_shape,
        "given": [unchosen(column) for column in columns.values()],
        "ops": program.operations[: picture.number + 1 - program.first],
    }
    tensors = {key: tensor.to(dtype if tensor.dim() > 1 else torch.float32) for key, tensor in program.tensors.items()}
    return Decoder(data=encode_weights(tensors, metadata=("genzoo", json.dumps(header))), scripts=program.scripts)


def _graph(model: Model) -> fx.GraphModule:
    """``model.decode`` as ATen operations."""
    try:
        return trace(model, "decode").program.module(check_guards=False)
    except UnsupportedVerb:
        raise
    except InvalidInput as error:
        raise _refusal(model, error.message) from error


@dataclass
class _Program:
    """The operations of the engine that are written so far, and their tensors; `first` is the number of what the first
    of them gives."""

    model: Model
    first: int
    operations: list[dict[str, Any]] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)

    def walk(self, module: fx.GraphModule, *inputs: Any) -> Any:
        """What the module returns of the inputs, each a Value or a tensor."""
        known: dict[fx.Node, Any] = {}
        given = iter(inputs)
        for node in module.graph.nodes:
            args, kwargs = fx.node.map_arg((node.args, node.kwargs), known.__getitem__)
            if node.op == "placeholder":
                known[node] = next(given)
            elif node.op == "get_attr":
                known[node] = attrgetter(node.target)(module)
            elif node.op == "call_function":
                depends = any(isinstance(known[one], Value) for one in node.all_input_nodes)
                known[node] = (self._translate if depends else _compute)(node, args, kwargs)
        return args[0]  # of the last node, which is the output

    def reshaped(self, value: Value, shape: Shape) -> Value:
        """The same numbers in another shape."""
        return self._write(shape, "reshape", value)

    def _translate(self, node: fx.Node, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What the tables make of an ATen operation on values."""
        if str(node.target) == "wrap_with_set_grad_enabled":  # (enabled, module, *inputs)
            return self.walk(*args[1:])
        translate: Callable[..., Any] | None = JOINING.get(node.target)
        if not translate and isinstance(args[0], Value) and not any(isinstance(one, Value) for one in args[1:]):
            translate = UNARY.get(node.target)
        shape = tuple(getattr(node.meta.get("val"), "shape", ()))[1:]
        given = (*args, *_defaults(node, args, kwargs))
        if not all(isinstance(size, int) for size in shape):  # one that depends on the batch
            value = None
        elif translate:
            value = translate(partial(self._write, shape), *given, **kwargs)
        else:
            value = self._translate_by_plugin(node, shape, given, kwargs)
        if value is None:
            raise self._unknown(node)
        return value

    def _translate_by_plugin(
        self, node: fx.Node, shape: Shape, given: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Value | None:
        """What the first plugin makes of an operation that brings one; None if there is none."""
        for _, plugin, record in registry().entries(OperationSpec):
            if record.operation == str(node.target):
                name = f"{plugin.distribution}:{record.name}"
                translate = load_target(record.target, f"operation {record.name}")
                value: Value | None = translate(partial(self._write, shape, name), *given, **kwargs)
                if value is not None:
                    self.scripts[name] = record.script
                return value
        return None

    def _write(
        self,
        result: Shape,
        op: str,
        *of: Value,
        shape: Shape | None = None,
        tensors: Mapping[str, Tensor | None] | None = None,
        **settings: Any,
    ) -> Value:
        shape = result if shape is None else shape
        value = Value(len(self.operations) + self.first, shape)
        operation = {"op": op, "of": [one.number for one in of], "shape": shape, **settings}
        for key, tensor in (tensors or {}).items():
            if tensor is not None:
                operation[key] = f"{value.number}.{key}"
                self.tensors[operation[key]] = tensor.clone()  # safetensors refuses tensors that share memory
        self.operations.append(operation)
        return value

    def _unknown(self, node: fx.Node) -> InvalidInput:
        given = (*node.args, *node.kwargs.values())
        settings = ", ".join(str(one) for one in given if not isinstance(one, fx.Node))
        places = [place.removeprefix("model.") for place, _ in node.meta.get("nn_module_stack", {}).values()]
        where = max(places, key=len, default="") or "decode"
        used = f"{where} uses {node.target}({settings})"
        return _refusal(self.model, f"{used}, which the page's engine does not have")


def _refusal(model: Model, reason: str) -> InvalidInput:
    source = source_of(model)
    way = f"genzoo explore {shlex.quote(source)}" if source else "genzoo.explore(model) in Python"
    return InvalidInput(f"{model.name} cannot run in the browser alone: {reason}; what can run it: {way}")


def _compute(node: fx.Node, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The result of an operation that does not depend on z."""
    assert callable(node.target)
    return node.target(*args, **kwargs)


def _defaults(node: fx.Node, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """The arguments that an ATen operation was not given; an exported graph leaves those out that are the default."""
    rest = node.target._schema.arguments[len(args) :]  # type: ignore[union-attr]
    return [one.default_value for one in rest if not one.kwarg_only and one.name not in kwargs]
