"""A decoder as a short list of operations, in one safetensors file with its weights: what explore/web/engine.js runs.

`torch.export` writes ``model.decode`` down as ATen operations, the function that the family puts after its network
included. They are gone through in their order: what does not depend on z is computed here and now, and what does
becomes an operation of the engine, by the table at the end.

The list is JSON, under the key ``genzoo`` of the file's metadata: ``{"name", "latent", "shape", "ops"}``. Value 0 is z
and value i what the i-th operation gives: ``{"op": "conv", "of": [4], "shape": [64, 7, 7], "weight": "5.weight", …}``
is a convolution of value 4. Shapes are without the batch: the engine decodes one z at a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod
from operator import attrgetter
from typing import Any, final

import torch
from torch import Tensor, fx, nn

from genzoo.errors import InvalidInput
from genzoo.hub.files import encode_weights
from genzoo.models import Model

__all__ = ["export_decoder"]

aten = torch.ops.aten
Shape = tuple[int, ...]


def export_decoder(model: Model, *, dtype: torch.dtype = torch.float16) -> bytes:
    """The safetensors file with which the page's engine computes ``model.decode``.

    Args:
        model: of any family that decodes.
        dtype: of the weights with two or more axes, float16 or float32; the others are few and stay float32.

    Raises:
        UnsupportedVerb: the model does not decode.
        InvalidInput: `torch.export` cannot follow it, or it decodes with an operation that the engine does not have;
            the message names what.
    """
    program = _Program(model.name)
    with torch.no_grad():
        (picture,) = program.walk(_graph(model), _Value(0, (model.latent_dim,)))
    operations = program.operations[: picture.number]
    told = {"name": model.name, "latent": model.latent_dim, "shape": model.input_shape, "ops": operations}
    tensors = {key: tensor.to(dtype if tensor.dim() > 1 else torch.float32) for key, tensor in program.tensors.items()}
    return encode_weights(tensors, metadata=("genzoo", json.dumps(told)))


def _graph(model: Model) -> fx.GraphModule:
    """``model.decode`` of one z as ATen operations."""
    decoding = _Decoding(model)
    try:
        z = torch.zeros(1, model.latent_dim, device=model.device)
        return torch.export.export(decoding, (z,), strict=False).module()
    except Exception as error:  # a stranger's code, and torch raises of many types here
        cause = next(iter(str(error).splitlines()), "")
        raise _refusal(model.name, f"torch.export cannot follow it: {cause}") from error


@final
class _Decoding(nn.Module):
    """``model.decode`` as the module that `torch.export` wants."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        self.decode = model.decode

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.decode(z)
        return x


@dataclass(frozen=True)
class _Value:
    """What depends on z: its number in the program, and its shape without the batch."""

    number: int
    shape: Shape


@dataclass
class _Program:
    """The operations of the engine that are written so far, and their tensors."""

    name: str
    operations: list[dict[str, Any]] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def walk(self, module: fx.GraphModule, *inputs: Any) -> Any:
        """What the module returns of the inputs, each a _Value or a tensor."""
        known: dict[fx.Node, Any] = {}
        given = iter(inputs)
        for node in module.graph.nodes:
            args, kwargs = fx.node.map_arg((node.args, node.kwargs), known.__getitem__)
            if node.op == "placeholder":
                known[node] = next(given)
            elif node.op == "get_attr":
                known[node] = attrgetter(node.target)(module)
            elif node.op == "call_function":
                depends = any(isinstance(known[one], _Value) for one in node.all_input_nodes)
                known[node] = (self._translate if depends else _compute)(node, args, kwargs)
        return args[0]  # of the last node, which is the output

    def _translate(self, node: fx.Node, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What the tables make of an ATen operation on values."""
        if str(node.target) == "wrap_with_set_grad_enabled":  # (enabled, module, *inputs)
            return self.walk(*args[1:])
        translate: Callable[..., _Value | None] | None = _ARITHMETIC.get(node.target)
        if translate:
            args = [_as_number(one) for one in args]
        elif isinstance(args[0], _Value) and not any(isinstance(one, _Value) for one in args[1:]):
            translate = _UNARY.get(node.target)
        shape = tuple(getattr(node.meta.get("val"), "shape", ()))[1:]
        value = translate(partial(self._write, shape), *args, **kwargs) if translate else None
        if value is None:
            raise self._unknown(node)
        return value

    def _write(
        self, shape: Shape, op: str, *of: _Value, tensors: Mapping[str, Tensor | None] | None = None, **settings: Any
    ) -> _Value:
        value = _Value(len(self.operations) + 1, shape)
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
        return _refusal(self.name, f"{used}, which the page's engine does not have")


def _refusal(name: str, reason: str) -> InvalidInput:
    return InvalidInput(f"{name} cannot run in the browser alone: {reason}; what can run it: genzoo explore {name}")


def _compute(node: fx.Node, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The result of an operation that does not depend on z."""
    assert callable(node.target)
    return node.target(*args, **kwargs)


def _as_number(one: Any) -> Any:
    """A tensor of one number as the number."""
    return one.item() if isinstance(one, Tensor) and one.numel() == 1 else one


Write = Callable[..., _Value]
"""Appends an operation. What follows writes one for an ATen operation, or returns None: not with these arguments."""


def _linear(write: Write, x: _Value, weight: Tensor, bias: Tensor | None = None) -> _Value | None:
    """A convolution of one place."""
    return _conv(write, x, weight[..., None, None], bias) if len(x.shape) == 1 else None


def _conv(
    write: Write,
    x: _Value,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
    *,
    op: str = "conv",
) -> _Value | None:
    if groups != 1 or set(dilation) != {1}:
        return None
    kernel = weight.permute(2, 3, 1, 0)
    return write(op, x, tensors={"weight": kernel, "bias": bias}, stride=list(stride), padding=list(padding))


def _conv_transpose(
    write: Write,
    x: _Value,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0),
    _: Sequence[int] = (0, 0),  # output padding, which the shape tells
    groups: int = 1,
    dilation: Sequence[int] = (1, 1),
) -> _Value | None:
    """Its weight is written (out, in, height, width), as a convolution's is."""
    return _conv(write, x, weight.transpose(0, 1), bias, stride, padding, dilation, groups, op="conv_transpose")


def _batch_norm(
    write: Write,
    x: _Value,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    variance: Tensor | None,
    training: bool,
    momentum: float,
    epsilon: float,
    _: bool,
) -> _Value | None:
    """With what was learned once and for all it is a scale and a shift of each channel."""
    if training or mean is None or variance is None:
        return None
    scale = (variance + epsilon).rsqrt() * (1 if weight is None else weight)
    return _affine(write, x, scale, (0 if bias is None else bias) - mean * scale)


def _affine(write: Write, x: _Value, scale: Tensor | float, shift: Tensor | float) -> _Value:
    """scale · x + shift, for each channel or, of numbers, for all."""
    tensors = {"scale": scale, "shift": shift}
    return write("affine", x, tensors={key: torch.as_tensor(one).reshape(-1) for key, one in tensors.items()})


def _add(write: Write, a: Any, b: Any, *, alpha: float = 1) -> _Value | None:
    """a + alpha · b."""
    match a, b:
        case _Value(), _Value() if a.shape == b.shape:
            return write("add", a, b if alpha == 1 else _affine(write, b, alpha, 0))
        case _Value(), float() | int():
            return _affine(write, a, 1, alpha * b)
        case float() | int(), _Value():
            return _affine(write, b, alpha, a)
    return None


def _subtract(write: Write, a: Any, b: Any, *, alpha: float = 1) -> _Value | None:
    return _add(write, a, b, alpha=-alpha)


def _multiply(write: Write, a: Any, b: Any) -> _Value | None:
    match a, b:
        case (_Value() as x, float() | int() as factor) | (float() | int() as factor, _Value() as x):
            return _affine(write, x, factor, 0)
    return None


def _divide(write: Write, a: Any, b: Any) -> _Value | None:
    return _affine(write, a, 1 / b, 0) if isinstance(b, float | int) else None


def _softplus(write: Write, x: _Value, beta: float = 1, _: float = 20) -> _Value | None:
    """torch is linear above the threshold, where float32 has no difference left."""
    return write("softplus", x) if beta == 1 else None


def _reshape(write: Write, x: _Value, *_: Any) -> _Value | None:
    value = write("reshape", x)
    return value if prod(value.shape) == prod(x.shape) else None  # no, if it took the batch for an axis


def _upsample(write: Write, x: _Value, *_: Any) -> _Value | None:
    value = write("upsample", x)
    whole = all(after % before == 0 for before, after in zip(x.shape[1:], value.shape[1:], strict=True))
    return value if whole else None


_UNARY: dict[Any, Callable[..., Any]] = {
    aten.linear.default: _linear,
    aten.conv2d.default: _conv,
    aten.conv_transpose2d.input: _conv_transpose,
    aten.batch_norm.default: _batch_norm,
    aten.relu.default: lambda write, x: write("relu", x),
    aten.leaky_relu.default: lambda write, x, slope=0.01: write("leaky_relu", x, slope=slope),
    aten.sigmoid.default: lambda write, x: write("sigmoid", x),
    aten.tanh.default: lambda write, x: write("tanh", x),
    aten.softplus.default: _softplus,
    aten.clamp.default: lambda write, x, low=None, high=None: write("clamp", x, low=low, high=high),
    aten.unflatten.int: _reshape,
    aten.view.default: _reshape,
    aten.reshape.default: _reshape,
    aten.flatten.using_ints: _reshape,
    aten.upsample_nearest2d.vec: _upsample,
    aten.pixel_shuffle.default: lambda write, x, _: write("pixel_shuffle", x),  # the factor, which the shape tells
    aten.dropout.default: lambda write, x, probability, training: x,
    aten.to.device: lambda write, x, *_: x,
    aten._assert_tensor_metadata.default: lambda write, x, **_: x,
}
"""Operations on a value, with constants behind it -> what writes the engine's."""

_ARITHMETIC: dict[Any, Callable[..., Any]] = {
    aten.add.Tensor: _add,
    aten.sub.Tensor: _subtract,
    aten.mul.Tensor: _multiply,
    aten.div.Tensor: _divide,
    aten.expand_as.default: lambda write, number, x: number,
    aten.broadcast_tensors.default: lambda write, x: x,
}
"""Operations on values and numbers in any order; what shape the numbers are given does not matter."""
