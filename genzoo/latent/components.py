"""Directions of noise in the order of what they do to the first layer of a decoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from genzoo.models import Model

__all__ = ["components"]

LAYERS = {
    "linear",
    "matmul",
    *(f"conv{axes}d" for axes in (1, 2, 3)),
    *(f"conv_transpose{axes}d" for axes in (1, 2, 3)),
}


def components(
    model: Model, given: Mapping[str, Any]
) -> tuple[Float[Tensor, "latent latent"], Float[Tensor, " latent"]] | None:
    """The principal components of the first layer's output y under z ~ N(0, I), as GANSpace moves noise along them
    (Härkönen et al. 2020, section 3.2), the largest first.

    The layer is affine, y = W z + b, so its covariance is W Wᵀ, and the direction in which z moves y along component k,
    which the paper finds by regression over draws, is the k-th right singular vector of W.

    Args:
        model: what decodes flat noise.
        given: what it is told meanwhile, one value of each column.

    Returns:
        Unit vectors, a row for each component, so that the coordinate of z along each is N(0, 1); the entry largest by
        magnitude is positive. And the share of the variance of y that each has. None if the decoder has no such layer.
    """
    size = model.latent_dim
    z = torch.cat([torch.zeros(1, size, device="cpu"), torch.eye(size, device="cpu")]).float()
    with _FirstLayer() as layer:
        model.decode(z, **given)
    if layer.slopes is None:
        return None
    slopes = layer.slopes.cpu().double()
    variances, vectors = torch.linalg.eigh(slopes @ slopes.T)
    directions, variances = vectors.T.flip(0), variances.flip(0).clamp(min=0)
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return (directions * largest.sign()).float(), (variances / variances.sum()).float()


class _FirstLayer(TorchFunctionMode):
    """Catches the first layer whose output depends on z: of rows 0, e_1, e_2, …, `slopes` has y(e_i) − y(0)."""

    slopes: Tensor | None = None

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        y = func(*args, **(kwargs or {}))
        if self.slopes is None and getattr(func, "__name__", "") in LAYERS:
            slopes = (y[1:] - y[:1]).flatten(1)
            self.slopes = slopes if slopes.any() else None
        return y
