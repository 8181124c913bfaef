"""Faces drawn from their parts: Open Peeps by Pablo Stanley, laid one over the other.

`layers.webp` is a grey sheet with a row of seven planes of 128×128 for each part, in the order of `parts`: how much a
part covers of what lies below; red, green and blue that are painted whatever the colours are; and the shares of the
colours of skin, clothing and hair. All are premultiplied by coverage, so a smaller face has their means, and a part is
laid over a picture by ``below · (1 − cover) + rgb + skin · SKIN + clothing · CLOTHING + hair · HAIR``.

A face has the same bytes on every machine: sums of products are of whole numbers below 2²⁴, which float32 holds, and
all else is single operations of IEEE 754.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int, Shaped, UInt8
from PIL import Image
from torch import Tensor

from genzoo_faces.parts import ACCESSORIES, CLOTHING, FACES, FACIAL_HAIR, HAIR, HEADS, MASKS, SKIN

__all__ = ["SIDE", "draw"]

SIDE = 128
PLANES = 7
WHITE = 255
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Overlay:
    """Parts of which one may be laid over a face, cut to the rows and columns where any of them paints.

    Attributes:
        rows: of the picture.
        columns: of the picture.
        below: the share of what lies below that is still seen.
        painted: what is painted whatever the colours are, 0 to 255.
        hair: the share of the colour of the hair.
        tinted: the parts that have such a share.
    """

    rows: slice
    columns: slice
    below: Float32[Array, "parts 1 h w"]
    painted: Float32[Array, "parts c h w"]
    hair: Float32[Array, "parts 1 h w"]
    tinted: Bool[Array, " parts"]

    @classmethod
    def of(cls, parts: Float32[Array, "parts 7 s s"], line: bool) -> Overlay:
        """The overlay of some parts, in colour or in grey."""
        rows, columns = (np.flatnonzero(parts[:, 0].any((0, axis))) for axis in (2, 1))
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        cut = parts[:, :, *box]
        red, green, blue = (cut[:, plane : plane + 1] for plane in (1, 2, 3))
        grey = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
        return cls(
            *box,
            below=1 - cut[:, :1] / WHITE,
            painted=grey if line else np.ascontiguousarray(cut[:, 1:4]),
            hair=cut[:, 6:] / WHITE,
            tinted=cut[:, 6].max((1, 2)) > 0,
        )

    def lay(self, faces: Float32[Array, "n c s s"], choice: Int[Array, " n"], hair: Float32[Array, "n c 1 1"]) -> None:
        """Lay the part chosen over each face, in place; a choice of −1 lays none."""
        here = np.flatnonzero(choice >= 0)
        choice = choice[here]
        painted = self.painted.take(choice, axis=0)
        tinted = np.flatnonzero(self.tinted[choice])
        painted[tinted] += self.hair[choice[tinted]] * hair[here[tinted]]
        area = faces[:, :, self.rows, self.columns]
        area[here] = area[here] * self.below.take(choice, axis=0) + painted


class Layers(NamedTuple):
    """All parts in one size."""

    heads: Float32[Array, "heads 4 pixels"]
    """On white paper and over the body: the shares of white, skin, clothing and hair, whole numbers up to 255."""
    face: Overlay
    lower: Overlay
    """Facial hair or a mask: no face has both."""
    accessories: Overlay


def draw(factors: Shaped[Tensor, "n 8"], side: int, *, line: bool = False) -> UInt8[Tensor, "n c side side"]:
    """The faces with these values of `FACTORS`: in colour, or with `line` as a grey line drawing, in which every colour
    is white.

    `side` is 128 or a divisor of it. No face has facial hair and a mask.
    """
    head, face, facial_hair, mask, accessories, *colours = factors.numpy().astype(np.intp).T
    layers, shares = _layers(side, line), _shares(colours, line)
    faces = np.matmul(shares, layers.heads.take(head, axis=0)).reshape(len(head), -1, side, side)
    faces /= WHITE
    lower = np.where(mask > 0, len(FACIAL_HAIR) - 2 + mask, facial_hair - 1)
    for overlay, choice in ((layers.face, face), (layers.lower, lower), (layers.accessories, accessories - 1)):
        overlay.lay(faces, choice, shares[:, :, 3:, None])
    faces += 0.5
    return torch.from_numpy(np.minimum(faces, WHITE, out=faces).astype(np.uint8))


def _shares(colours: list[Int[Array, " n"]], line: bool) -> Float32[Array, "n c 4"]:
    """White and the colours of skin, clothing and hair, 0 to 255."""
    count = len(colours[0])
    if line:
        return np.full((count, 1, 4), WHITE, dtype=np.float32)
    told = [_palette(palette)[values] for palette, values in zip((SKIN, CLOTHING, HAIR), colours, strict=True)]
    return np.stack([np.full((count, 3), WHITE, dtype=np.float32), *told], axis=2)


def _palette(colours: Mapping[str, int]) -> Float32[Array, "colours 3"]:
    """Red, green and blue, 0 to 255, of colours written as 0xRRGGBB."""
    return np.array([tuple(colour.to_bytes(3, "big")) for colour in colours.values()], dtype=np.float32)


@cache
def _layers(side: int, line: bool) -> Layers:
    counts = (1, len(HEADS), len(FACES), len(FACIAL_HAIR) - 1 + len(MASKS) - 1, len(ACCESSORIES) - 1)
    body, heads, *overlays = np.split(_sheet(side), np.cumsum(counts)[:-1])
    paper = np.zeros((1, 4, side, side), dtype=np.float32)
    paper[:, 0] = WHITE
    shares = _over(_over(paper, body), heads).round().reshape(len(HEADS), 4, side * side)
    return Layers(shares, *(Overlay.of(parts, line) for parts in overlays))


def _over(below: Float32[Array, "m 4 s s"], parts: Float32[Array, "n 7 s s"]) -> Float32[Array, "n 4 s s"]:
    """The shares with body or heads laid over them, which paint in no colour of their own."""
    return below * (1 - parts[:, :1] / WHITE) + parts[:, [1, 4, 5, 6]]


def _sheet(side: int) -> Float32[Array, "parts 7 side side"]:
    """The planes of all parts, 0 to 255."""
    with Image.open(Path(__file__).parent / "layers.webp") as image:
        pixels = np.asarray(image.convert("L"))
    step = SIDE // side
    planes: Array = pixels.reshape(-1, side, step, PLANES, side, step).mean((2, 5), dtype=np.float32)
    return planes.transpose(0, 2, 1, 3)
