"""Laws of the arithmetic: other precisions, and what the compiler and the exporter of torch read of a model."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import jaxtyping
import torch
from torch import Tensor

from genzoo.exporting import exportable, trace
from genzoo.spec import Space
from genzoo.testing.inputs import argument, call, given, latents, parts

__all__ = ["TRACING", "assert_compiles", "keeps_in_bfloat16", "keeps_in_float64"]

FINE = 1e-4  # float32 through some twenty layers
COARSE = 0.05  # bfloat16 has 8 bits: 0.4 % for each layer, most of which cancel
SMALL = 0.01


def keeps_in_float64(model: Any) -> None:
    """In float64 every verb gives float64, and the same numbers up to float32's rounding."""
    twin = copy.deepcopy(model).double()
    for verb in model.verbs:
        for value, wanted in zip(parts(call(twin, verb)), parts(call(model, verb)), strict=True):
            if wanted.is_floating_point():
                assert value.dtype == torch.float64, f"{model.name}.{verb} in float64 gives {value.dtype}"
                _assert_near(value, wanted, FINE, f"{model.name}.{verb} in float64")


def keeps_in_bfloat16(model: Any) -> None:
    """In bfloat16 every verb runs, and is 5 % of its mean size away from float32 at most, in the mean."""
    twin = copy.deepcopy(model).bfloat16()
    for verb in model.verbs:
        for value, wanted in zip(parts(call(twin, verb)), parts(call(model, verb)), strict=True):
            if wanted.is_floating_point():
                distance, size = (value.float() - wanted).abs().mean().item(), wanted.abs().mean().item()
                what = f"{model.name}.{verb} in bfloat16 is {distance:.3g} away, of {size:.3g}"
                assert distance <= COARSE * size + SMALL, what


def decode_compiles(model: Any) -> None:
    """torch.compile reads `decode` as one graph, without a break, that gives the same."""
    if "decode" in model.verbs and isinstance(model.spaces["code"], Space):
        told = given(model, 3)
        assert_compiles(lambda z: model.decode(z, **told), latents(model, 3), f"{model.name}.decode")


def verbs_export(model: Any) -> None:
    """torch.export takes each verb that gives one tensor, and its graph gives the same for any number of rows."""
    for verb in exportable(model):
        program = trace(model, verb).program.module()
        for n in (1, 5):
            x, told, what = argument(model, verb, n), given(model, n), f"{model.name}.{verb} of {n}, exported,"
            try:
                value = program(x, told) if told else program(x)
            except Exception as error:  # whatever the graph stumbles over
                raise AssertionError(f"{what} fails: {_first_line(error)}") from error
            _assert_near(value, getattr(model, verb)(x, **told), FINE, what)


def assert_compiles(function: Callable[[Tensor], Tensor], argument: Tensor, what: str) -> None:
    """AssertionError unless torch.compile reads `function` as one graph that gives the same.

    The graph is run by torch itself (``backend="eager"``): what a model can break is the reading, and generating code
    would need a C++ compiler and minutes. Checks of shapes by jaxtyping, which break every graph, are off meanwhile.
    """
    checks = jaxtyping.config.jaxtyping_disable
    torch.compiler.reset()  # there is a limit on how many graphs one function may have
    try:
        jaxtyping.config.update("jaxtyping_disable", True)
        value = torch.compile(function, backend="eager", fullgraph=True)(argument)
    except Exception as error:  # whatever the compiler stumbles over
        raise AssertionError(f"{what} does not compile in one graph: {_first_line(error)}") from error
    finally:
        jaxtyping.config.update("jaxtyping_disable", checks)
    _assert_near(value, function(argument), FINE, f"{what}, compiled,")


TRACING = (decode_compiles, verbs_export)
"""The laws that take a second: of one model of each combination."""


def _assert_near(value: Tensor, wanted: Tensor, tolerance: float, what: str) -> None:
    distance, size = (value - wanted).abs().max().item(), max(1.0, wanted.abs().max().item())
    assert distance <= tolerance * size, f"{what} is {distance:.3g} away, more than {tolerance * size:.3g}"


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
