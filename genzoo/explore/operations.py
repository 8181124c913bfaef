"""What the page's engine makes of ATen operations: the tables of explore/export.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

__all__ = ["ARITHMETIC", "UNARY", "Shape", "Value"]

aten = torch.ops.aten
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """What depends on z: its number in the program, and its shape without the batch."""

    number: int
    shape: Shape


Write = Callable[..., Value]
"""Appends an operation. What follows writes one for an ATen operation, or returns None: not with these arguments."""


def _linear(write: Write, x: Value, weight: Tensor, bias: Tensor | None) -> Value | None:
    """A convolution of one place."""
    one = weight[..., None, None]
    return _conv(write, x, one, bias, (1, 1), (0, 0), (1, 1), 1) if len(x.shape) == 1 else None


def _conv(
    write: Write,
    x: Value,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    op: str = "conv",
) -> Value | None:
    """Its weight is written (height, width, in, out)."""
    if groups != 1 or set(dilation) != {1}:
        return None
    tensors = {"weight": weight.permute(2, 3, 1, 0), "bias": bias}
    return write(op, x, tensors=tensors, stride=list(stride), padding=list(padding))


def _conv_transpose(write: Write, x: Value, weight: Tensor, *given: Any) -> Value | None:
    bias, stride, padding, _, groups, dilation = given  # without the output padding, which the shape tells
    return _conv(write, x, weight.transpose(0, 1), bias, stride, padding, dilation, groups, "conv_transpose")


def _batch_norm(
    write: Write,
    x: Value,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    variance: Tensor | None,
    training: bool,
    momentum: float,
    epsilon: float,
    _: bool,
) -> Value | None:
    """With what was learned once and for all it is a scale and a shift of each channel."""
    if training or mean is None or variance is None:
        return None
    scale = (variance + epsilon).rsqrt() * (1 if weight is None else weight)
    return _affine(write, x, scale, (0 if bias is None else bias) - mean * scale)


def _affine(write: Write, x: Value, scale: Tensor | float, shift: Tensor | float) -> Value:
    """scale · x + shift, for each channel or, of numbers, for all."""
    tensors = {"scale": scale, "shift": shift}
    return write("affine", x, tensors={key: torch.as_tensor(one).reshape(-1) for key, one in tensors.items()})


def _add(write: Write, a: Any, b: Any, *, alpha: float = 1) -> Value | None:
    """a + alpha · b."""
    match a, b:
        case Value(), Value() if a.shape == b.shape:
            return write("add", a, b if alpha == 1 else _affine(write, b, alpha, 0))
        case Value(), float() | int():
            return _affine(write, a, 1, alpha * b)
        case float() | int(), Value():
            return _affine(write, b, alpha, a)
    return None


def _subtract(write: Write, a: Any, b: Any, *, alpha: float = 1) -> Value | None:
    return _add(write, a, b, alpha=-alpha)


def _multiply(write: Write, a: Any, b: Any) -> Value | None:
    match a, b:
        case (Value() as x, float() | int() as factor) | (float() | int() as factor, Value() as x):
            return _affine(write, x, factor, 0)
    return None


def _divide(write: Write, a: Any, b: Any) -> Value | None:
    return _affine(write, a, 1 / b, 0) if isinstance(b, float | int) else None


def _softplus(write: Write, x: Value, beta: float, _: float) -> Value | None:
    """torch is linear above the threshold, where float32 has no difference left."""
    return write("softplus", x) if beta == 1 else None


def _reshape(write: Write, x: Value, *_: Any) -> Value | None:
    value = write("reshape", x)
    return value if prod(value.shape) == prod(x.shape) else None  # no, if it took the batch for an axis


def _upsample(write: Write, x: Value, *_: Any) -> Value | None:
    value = write("upsample", x)
    whole = all(after % before == 0 for before, after in zip(x.shape[1:], value.shape[1:], strict=True))
    return value if whole else None


UNARY: dict[Any, Callable[..., Any]] = {
    aten.linear.default: _linear,
    aten.conv2d.default: _conv,
    aten.conv_transpose2d.input: _conv_transpose,
    aten.batch_norm.default: _batch_norm,
    aten.relu.default: lambda write, x: write("relu", x),
    aten.leaky_relu.default: lambda write, x, slope: write("leaky_relu", x, slope=slope),
    aten.sigmoid.default: lambda write, x: write("sigmoid", x),
    aten.tanh.default: lambda write, x: write("tanh", x),
    aten.softplus.default: _softplus,
    aten.clamp.default: lambda write, x, low, high: write("clamp", x, low=low, high=high),
    aten.unflatten.int: _reshape,
    aten.view.default: _reshape,
    aten.reshape.default: _reshape,
    aten.flatten.using_ints: _reshape,
    aten.upsample_nearest2d.vec: _upsample,
    aten.pixel_shuffle.default: lambda write, x, _: write("pixel_shuffle", x),  # the factor, which the shape tells
    aten.dropout.default: lambda write, x, probability, training: x,
    aten.to.device: lambda write, x, *_: x,
    aten._assert_tensor_metadata.default: lambda write, x, *_, **__: x,
}
"""Operations on a value, with constants behind it -> what writes the engine's."""

ARITHMETIC: dict[Any, Callable[..., Any]] = {
    aten.add.Tensor: _add,
    aten.sub.Tensor: _subtract,
    aten.mul.Tensor: _multiply,
    aten.div.Tensor: _divide,
    aten.expand_as.default: lambda write, number, x: number,
    aten.broadcast_tensors.default: lambda write, x: x,
}
"""Operations on values and numbers in any order; what shape the numbers are given does not matter."""
