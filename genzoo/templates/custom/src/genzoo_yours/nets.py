"""The network of the role ``coupling``, which the family of this plugin asks for."""

from torch import Tensor, nn


class Coupling(nn.Module):
    """(n, kept) -> (n, 2 changed): log-scales and shifts of the values that change."""

    def __init__(self, kept: int, changed: int, *, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(kept, width), nn.SiLU(), nn.Linear(width, 2 * changed))

    def forward(self, kept: Tensor) -> Tensor:
        y: Tensor = self.layers(kept)
        return y
