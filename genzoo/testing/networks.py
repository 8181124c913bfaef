"""Laws of an architecture's role networks, each built alone: the calls that genzoo.Architecture documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from genzoo.randomness import DrawFrom
from genzoo.registry import load_target
from genzoo.spec import Architecture
from genzoo.testing.inputs import least, of_columns
from genzoo.testing.precision import assert_compiles

__all__ = ["NETWORK_LAWS", "ROLES", "NetworkLaw"]

NetworkLaw = Callable[[Architecture, str], None]
OUTPUTS = 7
LATENT_DIM = 5
ROLES = ("encoder", "decoder", "generator", "discriminator")
"""The roles whose calls are documented. What another is called with is its family's affair."""


def role_keeps_its_shapes(architecture: Architecture, role: str) -> None:
    """The network takes batches of 1 and 2 of every claimed shape, and gives finite float32 of the documented shape."""
    for shape in architecture.shapes:
        network, what = _build(architecture, role, shape), f"{architecture.name}'s {role} for {shape}"
        for n in (1, 2):
            with torch.no_grad():
                value = network(_input(role, shape, n), **_told(architecture, role, n))
            wanted = (n, *_output_shape(role, shape))
            assert tuple(value.shape) == wanted, f"{what} gives {tuple(value.shape)}, not {wanted}"
            assert value.dtype == torch.float32, f"{what} gives {value.dtype}"
            assert value.isfinite().all(), f"{what} gives {int((~value.isfinite()).sum())} values that are not finite"


def role_compiles(architecture: Architecture, role: str) -> None:
    """torch.compile reads the network as one graph, without a break, that gives the same."""
    shape = architecture.shapes[0]
    with torch.no_grad():
        network, told = _build(architecture, role, shape), _told(architecture, role, 3)
        what = f"{architecture.name}'s {role} for {shape}"
        assert_compiles(lambda x: network(x, **told), _input(role, shape, 3), what)


NETWORK_LAWS: tuple[NetworkLaw, ...] = (role_keeps_its_shapes, role_compiles)


def _build(architecture: Architecture, role: str, shape: tuple[int, ...]) -> nn.Module:
    fields = architecture.config
    options = {key: rule.default for key, rule in fields.items() if not rule.required} | least(fields)
    arguments: tuple[Any, ...] = (shape,)
    if role == "encoder":
        arguments = (shape, OUTPUTS)
    elif role in ("decoder", "generator"):
        arguments = (LATENT_DIM, shape)
    if _told(architecture, role, 0):
        options["given"] = architecture.columns
    with DrawFrom(torch.Generator("cpu").manual_seed(0)):
        network: nn.Module = load_target(architecture.roles[role], architecture.name)(*arguments, **options)
    return network.eval()


def _told(architecture: Architecture, role: str, n: int) -> dict[str, Any]:
    """What a network is called with besides: the columns that it cannot do without."""
    told = role in architecture.given and architecture.columns
    return {"given": of_columns(architecture.columns, n)} if told else {}


def _input(role: str, shape: tuple[int, ...], n: int) -> Tensor:
    wanted = (LATENT_DIM,) if role in ("decoder", "generator") else shape
    return torch.rand(n, *wanted, generator=torch.Generator().manual_seed(n))


def _output_shape(role: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    return {"encoder": (OUTPUTS,), "discriminator": ()}.get(role, shape)
