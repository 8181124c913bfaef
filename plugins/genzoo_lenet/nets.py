"""LeNet's plan (LeCun et al. 1998, §II.B) with the parts of today: batch normalisation, rectifiers, dropout.

Two stages of a 5×5 convolution and pooling. The first keeps height and width, the second has no padding, so of size i
there is left ⌊(⌊i / 2⌋ − 4) / 2⌋: 28 → 14 → 5. What is needed is that something is left: height and width of at least
12. Pooling comes before normalisation and rectifier, which then have a quarter of the values to go through.
"""

from __future__ import annotations

from typing import final

from jaxtyping import Float
from torch import Tensor, nn

from genzoo import InvalidInput

__all__ = ["LeNetEncoder"]

SMALLEST = 12


@final
class LeNetEncoder(nn.Module):
    """(n, *input_shape) -> (n, outputs).

    Raises:
        InvalidInput: `input_shape` is not (channels, height, width), or a side is smaller than 12.
    """

    def __init__(self, input_shape: tuple[int, ...], outputs: int, *, width: int, dropout: float) -> None:
        super().__init__()
        if len(input_shape) != 3 or min(input_shape[1:]) < SMALLEST:
            raise InvalidInput(
                f"lenet needs input_shape (channels, height, width), both sides at least {SMALLEST}; got {input_shape}"
            )
        height, breadth = ((side // 2 - 4) // 2 for side in input_shape[1:])
        self.layers = nn.Sequential(
            *_stage(input_shape[0], width, padding=2),
            *_stage(width, 2 * width, padding=0),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(2 * width * height * breadth, outputs),
        )

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n outputs"]:
        y: Tensor = self.layers(x)
        return y


def _stage(before: int, after: int, *, padding: int) -> list[nn.Module]:
    convolution = nn.Conv2d(before, after, 5, padding=padding, bias=False)
    return [convolution, nn.MaxPool2d(2), nn.BatchNorm2d(after), nn.ReLU()]
