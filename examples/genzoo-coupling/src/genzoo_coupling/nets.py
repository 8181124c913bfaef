"""The role network of the architecture ``spline``."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from zuko.flows.coupling import NICE
from zuko.flows.gaussianization import ElementWiseTransform
from zuko.transforms import MonotonicRQSTransform

from genzoo import InvalidInput


class Coupling(nn.Module):
    """f: an affine map of each number, which brings data to where the splines bend, [−5, 5]; then couplings, each of
    which leaves one half of the numbers alone and sends the other through monotonic rational-quadratic splines that
    depend on the first (Durkan et al. 2019, §3).
    """

    def __init__(self, shape: Sequence[int], *, transforms: int, bins: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.shape, size = tuple(shape), prod(shape)
        if size < 2:
            raise InvalidInput("a coupling needs two numbers at least, and examples have one")
        device = torch.get_default_device()
        with torch.device("cpu"):  # genzoo builds on the meta device first, where zuko cannot count its masks
            self.affine = ElementWiseTransform(size)
            self.couplings = NICE(
                size,
                transforms=transforms,
                univariate=MonotonicRQSTransform,
                shapes=[(bins,), (bins,), (bins - 1,)],
                hidden_features=hidden,
            ).transform
        for parameter in self.affine.parameters():  # drawn by zuko; at 0 the affine map is the identity
            nn.init.zeros_(parameter)
        self.to(device)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, *shape) -> z, (n, size), and log |det ∂z/∂x|, (n,)."""
        y, scaling = self.affine().call_and_ladj(x.flatten(1))
        z, bending = self.couplings().call_and_ladj(y)
        return z, scaling + bending

    def inverse(self, z: Tensor) -> Tensor:
        """(n, size) -> (n, *shape)."""
        x: Tensor = self.affine().inv(self.couplings().inv(z))
        return x.reshape(x.shape[0], *self.shape)
