"""What the page's engine makes of ATen operations: the tables of explore/export.py."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

__all__ = ["JOINING", "UNARY", "Shape", "Value"]

aten = torch.ops.aten
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """What depends on z or on what the model is told: its number in the program, and its shape without the batch."""

    number: int
    shape: Shape


Write = Callable[..., Value]
"""Appends an operation, which gives the shape of the ATen operation or another `shape`. What follows writes one for an
ATen operation, or returns None: not with these arguments."""


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


def _group_norm(
    write: Write, x: Value, groups: int, weight: Tensor | None, bias: Tensor | None, epsilon: float, _: bool
) -> Value:
    """Mean 0 and variance 1 over each group of channels, then a scale and a shift of each channel."""
    value = write("group_norm", x, groups=groups, epsilon=epsilon)
    if weight is None and bias is None:
        return value
    return _affine(write, value, 1 if weight is None else weight, 0 if bias is None else bias)


def _layer_norm(write: Write, x: Value, over: Sequence[int], weight: Tensor | None, *given: Any) -> Value | None:
    """All channels as one group, unless it is over some axes alone, or scales each place differently."""
    if tuple(over) != x.shape or (weight is not None and len(x.shape) > 1):
        return None
    return _group_norm(write, x, 1, weight, *given)


def _instance_norm(
    write: Write,
    x: Value,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    variance: Tensor | None,
    of_itself: bool,
    momentum: float,
    epsilon: float,
    _: bool,
) -> Value | None:
    """Each channel as a group, or with the statistics that were learned."""
    if of_itself:
        return _group_norm(write, x, x.shape[0], weight, bias, epsilon, _)
    return _batch_norm(write, x, weight, bias, mean, variance, False, momentum, epsilon, _)


def _affine(
    write: Write, x: Value, scale: Tensor | float, shift: Tensor | float, *, shape: Shape | None = None
) -> Value:
    """scale · x + shift, for each channel or, of numbers, for all."""
    given = [torch.as_tensor(one).reshape(-1) for one in (scale, shift)]
    size = max(map(len, given))
    tensors = {key: one.expand(size) for key, one in zip(("scale", "shift"), given, strict=True)}
    return write("affine", x, shape=shape, tensors=tensors)


def _add(write: Write, a: Any, b: Any, *, alpha: float = 1) -> Value | None:
    """a + alpha · b."""
    match a, b:
        case Value(), Value() if pair := _large_and_small(a, b):
            if alpha == 1:
                return write("add", *pair)
            scaled = _affine(write, b, alpha, 0, shape=b.shape)
            return write("add", *(scaled if one is b else one for one in pair))
        case Value(), Value():
            return None
        case Value(), _:
            constant = _per_channel(b, a)
            return None if constant is None else _affine(write, a, 1, alpha * constant)
    constant = _per_channel(a, b)
    return None if constant is None else _affine(write, b, alpha, constant)


def _large_and_small(a: Value, b: Value) -> tuple[Value, Value] | None:
    """Two values that the engine joins, the one of one number for each channel behind; None if it does not."""
    for large, small in ((a, b), (b, a)):
        if small.shape in (large.shape, _one_of_each_channel(large)):
            return large, small
    return None


def _one_of_each_channel(x: Value) -> Shape:
    return (*x.shape[:1], *[1] * (len(x.shape) - 1))


def _per_channel(constant: Any, x: Value) -> Any:
    """A constant beside x as a number, or as one for each channel; None if it is neither."""
    if isinstance(constant, Tensor) and constant.numel() == 1:
        return constant.item()
    if isinstance(constant, Tensor):
        shape = tuple(constant.shape)
        behind_batch = shape[1:] if len(shape) > len(x.shape) and shape[0] == 1 else shape
        return constant.reshape(-1) if behind_batch == _one_of_each_channel(x) else None
    return constant if isinstance(constant, float | int) else None


def _subtract(write: Write, a: Any, b: Any, *, alpha: float = 1) -> Value | None:
    return _add(write, a, b, alpha=-alpha)


def _multiply(write: Write, a: Any, b: Any) -> Value | None:
    if isinstance(a, Value) and isinstance(b, Value):
        pair = _large_and_small(a, b)
        return write("multiply", *pair) if pair else None
    x, constant = (a, b) if isinstance(a, Value) else (b, a)
    factor = _per_channel(constant, x)
    return None if factor is None else _affine(write, x, factor, 0)


def _divide(write: Write, a: Any, b: Any) -> Value | None:
    if isinstance(a, Value) and isinstance(b, Value):
        return write("divide", a, b) if b.shape in (a.shape, _one_of_each_channel(a), (1,)) else None
    divisor = _per_channel(b, a) if isinstance(a, Value) else None
    return None if divisor is None else _affine(write, a, 1 / divisor, 0)


def _concatenate(write: Write, parts: Sequence[Any], axis: int = 0) -> Value | None:
    """Along the channels alone."""
    first = next(one for one in parts if isinstance(one, Value))
    if axis % (len(first.shape) + 1) != 1:
        return None
    values = [one if isinstance(one, Value) else _constant(write, one, first) for one in parts]
    return None if None in values else write("concatenate", *values)


def _constant(write: Write, constant: Tensor, x: Value) -> Value | None:
    """A constant beside x, of one number for each channel: a convolution of x whose weights are 0."""
    numbers = constant.reshape(*constant.shape[:2], -1)
    if len(numbers) != 1 or not torch.equal(numbers, numbers[..., :1].expand_as(numbers)):
        return None
    bias = numbers[0, :, 0]
    weight = torch.zeros(1, 1, x.shape[0], len(bias), dtype=bias.dtype, device=bias.device)
    tensors = {"weight": weight, "bias": bias}
    return write("conv", x, shape=(len(bias), *x.shape[1:]), tensors=tensors, stride=[1, 1], padding=[0, 0])


def _softplus(write: Write, x: Value, beta: float, _: float) -> Value | None:
    """torch is linear above the threshold, where float32 has no difference left."""
    return write("softplus", x) if beta == 1 else None


def _reshape(write: Write, x: Value, *_: Any) -> Value | None:
    value = write("reshape", x)
    return value if prod(value.shape) == prod(x.shape) else None  # no, if it took the batch for an axis


def _embedding(write: Write, weight: Tensor, indices: Any, *_: Any) -> Value | None:
    """A row of the table for an index, or for each of some."""
    return write("embedding", indices, tensors={"weight": weight}) if len(indices.shape) < 2 else None


def _all(write: Write, x: Value, axis: int, keep: bool) -> Value | None:
    return write("all", x) if len(x.shape) == axis == 1 and keep else None


def _sum(write: Write, x: Value, axes: Sequence[int], keep: bool, *, dtype: Any = None) -> Value | None:
    """Over the channels alone."""
    return write("sum", x) if list(axes) == [1] and len(x.shape) < 3 and not keep else None


def _expand(write: Write, x: Value, *_: Any, implicit: bool = False) -> Value | None:
    """The same number at all places of a channel."""
    value = write("upsample", x)
    return value if x.shape in (value.shape, _one_of_each_channel(value)) else None


def _elu(write: Write, x: Value, alpha: float, scale: float, input_scale: float) -> Value | None:
    return write("elu", x, alpha=alpha) if scale == input_scale == 1 else None


def _slice(write: Write, x: Value, axis: int, start: int | None, end: int | None, step: int) -> Value | None:
    """All of an axis: a ``:`` in an index."""
    return x if not start and (end is None or end == sys.maxsize) and step == 1 else None


def _chunk(write: Write, x: Value, count: int, axis: int) -> list[Value] | None:
    """Channels in parts of one size."""
    size, rest = divmod(x.shape[0], count)
    if axis != 1 or rest:
        return None
    return [write("slice", x, shape=(size, *x.shape[1:]), start=i * size) for i in range(count)]


def _upsample(write: Write, x: Value, *_: Any) -> Value | None:
    value = write("upsample", x)
    whole = all(after % before == 0 for before, after in zip(x.shape[1:], value.shape[1:], strict=True))
    return value if whole else None


def _bilinear(write: Write, x: Value, _: Any, align: bool, factors: Sequence[float] | None) -> Value | None:
    """`align`: corners lie on corners. A factor that is rounded for the size is not the ratio of the sizes."""
    value = write("bilinear", x, align=align)
    exact = [size * factor for size, factor in zip(x.shape[1:], factors or (), strict=False)]
    return value if exact == list(value.shape[1:] if factors else ()) else None


UNARY: dict[Any, Callable[..., Any]] = {
    aten.linear.default: _linear,
    aten.conv2d.default: _conv,
    aten.conv_transpose2d.input: _conv_transpose,
    aten.batch_norm.default: _batch_norm,
    aten.group_norm.default: _group_norm,
    aten.layer_norm.default: _layer_norm,
    aten.instance_norm.default: _instance_norm,
    aten.relu.default: lambda write, x: write("relu", x),
    aten.leaky_relu.default: lambda write, x, slope: write("leaky_relu", x, slope=slope),
    aten.elu.default: _elu,
    aten.gelu.default: lambda write, x, approximate="none": write("gelu", x, tanh=approximate == "tanh"),
    aten.silu.default: lambda write, x: write("silu", x),
    aten.sigmoid.default: lambda write, x: write("sigmoid", x),
    aten.tanh.default: lambda write, x: write("tanh", x),
    aten.softplus.default: _softplus,
    aten.clamp.default: lambda write, x, low, high: write("clamp", x, low=low, high=high),
    aten.hardtanh.default: lambda write, x, low, high: write("clamp", x, low=low, high=high),
    aten.unflatten.int: _reshape,
    aten.view.default: _reshape,
    aten.reshape.default: _reshape,
    aten.flatten.using_ints: _reshape,
    aten.slice.Tensor: _slice,
    aten.chunk.default: _chunk,
    aten.squeeze.dims: _reshape,
    aten.unsqueeze.default: _reshape,
    aten.upsample_nearest2d.vec: _upsample,
    aten.upsample_bilinear2d.vec: _bilinear,
    aten.pixel_shuffle.default: lambda write, x, _: write("pixel_shuffle", x),  # the factor, which the shape tells
    aten.dropout.default: lambda write, x, probability, training: x,
    aten.to.device: lambda write, x, *_: x,
    aten.to.dtype: lambda write, x, dtype, *_: x if dtype.is_floating_point else None,
    aten.expand.default: _expand,
    aten.isnan.default: lambda write, x: write("isnan", x),
    aten.logical_not.default: lambda write, x: _affine(write, x, -1, 1),  # of 0 and 1
    aten.all.dim: _all,
    aten.nan_to_num.default: lambda write, x, *given: write("nan_to_num", x) if given == (None, None, None) else None,
    aten.lt.Scalar: lambda write, x, other: write("less", x, other=other),
    aten.sum.dim_IntList: _sum,
    aten.sym_size.int: lambda write, x, axis: 1 if axis == 0 else None,  # of the batch: one z at a time
    aten._assert_tensor_metadata.default: lambda write, x, *_, **__: x,
}
"""Operations on a value, with constants behind it -> what writes the engine's."""

JOINING: dict[Any, Callable[..., Any]] = {
    aten.add.Tensor: _add,
    aten.sub.Tensor: _subtract,
    aten.mul.Tensor: _multiply,
    aten.div.Tensor: _divide,
    aten.cat.default: _concatenate,
    aten.embedding.default: _embedding,
    aten.expand_as.default: lambda write, number, x: number,
    aten.broadcast_tensors.default: lambda write, x: x,
}
"""Operations on several values, or on values and constants in any order."""
