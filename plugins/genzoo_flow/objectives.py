"""What velocities learn."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from genzoo import Batch
from genzoo_flow.family import Carried, MeanFlow

__all__ = ["conditional_flow_matching", "mean_flow", "optimal_transport_flow_matching"]

AHEAD = 4
"""One example in so many learns a mean over a time, the others v itself (Geng et al. 2025, table 1a)."""

APART = 1e-3
"""Half the time between the two ends of a central difference."""

Loss = Float[Tensor, " n"]


def conditional_flow_matching(model: Carried, batch: Batch) -> dict[str, Loss]:
    """‖v(xₜ, t, c) − (x₁ − x₀)‖² / D at xₜ = (1 − t) x₀ + t x₁ on the straight path from noise x₀ to the example x₁,
    with t uniform in [0, 1] (Lipman et al. 2023, eq. 23, with σ = 0)."""
    x1 = model.to_flow(batch.x)
    return _matching(model, batch, torch.randn_like(x1), x1)


def optimal_transport_flow_matching(model: Carried, batch: Batch) -> dict[str, Loss]:
    """The same, where noise and examples of a batch are paired so that the sum of ‖x₁ − x₀‖² is least (Tong et al.
    2024, §3.2 and algorithm 3): paths cross less, and so bend less.

    Noise is exchanged between examples that are told the same alone: what is told would say something of the noise
    otherwise, which it does not when samples are drawn (Cheng & Schwing 2025, §3).
    """
    x1 = model.to_flow(batch.x)
    x0 = torch.randn_like(x1)
    cost = torch.cdist(x1.detach().flatten(1).float(), x0.flatten(1).float()).square()
    cost = cost.masked_fill(~_told_the_same(batch), torch.inf)
    _, noise = linear_sum_assignment(cost.cpu().numpy())
    return _matching(model, batch, x0[torch.from_numpy(noise).to(x0.device)], x1)


def mean_flow(model: MeanFlow, batch: Batch) -> dict[str, Loss]:
    """w ‖u(xₜ, t, s, c) − (v + s du/dt)‖² / D with v = x₁ − x₀ (Geng et al. 2025, eq. 6 to 11, their time reversed).

    du/dt is the derivative along the path, where t + s is fixed, and gives no gradient: here a central difference, as
    not every operation of a network has a forward derivative, and float32 is exact enough. t and t + s have
    logit-normal distributions, and s is 0 for three examples of four. w is one over the error itself, and gives no
    gradient either.

    Returns:
        ``loss``, and ``error``, which is without the weight.
    """
    x1 = model.to_flow(batch.x)
    x0 = torch.randn_like(x1)
    n, v = len(x1), x1 - x0
    ends = (0.4 + torch.randn(2, n, device=x1.device, dtype=x1.dtype)).sigmoid()
    t, span = ends.amin(0), ends.amax(0) - ends.amin(0)
    ahead = -(-n // AHEAD)
    span[ahead:] = 0
    x = x0 + _like(t, v) * v
    told = {name: values[:ahead] for name, values in batch.given.items()}
    slope = _derivative(model, x[:ahead], t[:ahead], span[:ahead], v[:ahead], told)
    wanted = torch.cat([v[:ahead] + _like(span[:ahead], v) * slope, v[ahead:]])
    error = (model.mean_velocity(x, t, span, batch.given) - wanted).square().flatten(1).mean(1)
    return {"loss": error / (error.detach() + 1e-3), "error": error}


def _derivative(model: MeanFlow, x: Tensor, t: Tensor, span: Tensor, v: Tensor, given: Mapping[str, Tensor]) -> Tensor:
    """du/dt along dx/dt = v, where t + s is fixed; without gradient, and in full precision."""
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        after = model.mean_velocity(x + APART * v, t + APART, span - APART, given)
        before = model.mean_velocity(x - APART * v, t - APART, span + APART, given)
    return (after - before) / (2 * APART)


def _matching(model: Carried, batch: Batch, x0: Tensor, x1: Tensor) -> dict[str, Loss]:
    """The squared error of the velocity somewhere on the straight paths from x₀ to x₁."""
    t = torch.rand(len(x1), device=x1.device, dtype=x1.dtype)
    time = _like(t, x1)
    error = model.velocity((1 - time) * x0 + time * x1, t, batch.given) - (x1 - x0)
    return {"loss": error.square().flatten(1).mean(1)}


def _told_the_same(batch: Batch) -> Bool[Tensor, "n n"]:
    """Which examples are told what which others are."""
    same = torch.ones(len(batch), len(batch), dtype=torch.bool, device=batch.x.device)
    for values in batch.given.values():
        rows = values.nan_to_num(torch.inf) if values.is_floating_point() else values
        _, which = torch.unique(rows, dim=0, return_inverse=True)
        same &= which[:, None] == which
    return same


def _like(t: Tensor, x: Tensor) -> Tensor:
    """A number for each example, as many axes as x has."""
    return t.view(-1, *[1] * (x.dim() - 1))
