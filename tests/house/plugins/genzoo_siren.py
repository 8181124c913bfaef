"""Sinusoidal networks (Sitzmann et al. 2020): torch.sin, which the page's engine does not have, comes along for it."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from genzoo import Architecture, Field, OperationSpec, Record, hookimpl

GENZOO_API = 2


class Sine(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(3 * x)


def encoder(shape: tuple[int, ...], outputs: int, *, width: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), width), Sine(), nn.Linear(width, outputs))


def decoder(latent_dim: int, shape: tuple[int, ...], *, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(latent_dim, width), Sine(), nn.Linear(width, prod(shape)), nn.Unflatten(1, shape))


def translate(write: Any, x: Any) -> Any:
    return write(x)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    yield Architecture(
        name="siren",
        summary="one hidden layer of sines",
        roles={"encoder": "genzoo_siren:encoder", "decoder": "genzoo_siren:decoder"},
        config={"width": Field(kind="int", doc="units", default=32, minimum=1, maximum=4096)},
    )
    yield OperationSpec(
        name="sine",
        target="genzoo_siren:translate",
        summary="the sine of each number",
        operation="aten.sin.default",
        script="(op, y, x) => () => { for (let i = 0; i < y.data.length; i++) y.data[i] = Math.sin(x.data[i]); }",
    )
