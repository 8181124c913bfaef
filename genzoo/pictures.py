"""Tensors to pictures and back; plots of numbers and points."""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from genzoo.arguments import typed
from genzoo.errors import InvalidInput
from genzoo.fields import whole
from genzoo.files import atomic_write, user_path
from genzoo.notebook import encoded

__all__ = [
    "Animation",
    "animate",
    "draw",
    "grid",
    "how_many",
    "is_drawable",
    "is_picture",
    "png",
    "strip",
]

POINT_SHAPES = ((1,), (2,))
PICTURES, POINTS = 64, 2000
BINS = 50
PADDING = 2
BACKGROUND = 128


@typed
def grid(images: Float[Tensor, "n c h w"], columns: int | None = None) -> Image.Image:
    """One picture of n images with values in [0, 1], row by row; `columns` is ⌈√n⌉ unless given.

    Values outside [0, 1] are clipped.

    Raises:
        InvalidInput: not a floating-point batch of 1- or 3-channel images, or no image at all.
    """
    if not isinstance(images, Tensor):
        raise InvalidInput(f"grid wants a tensor; got {type(images).__name__}")
    if not is_picture(tuple(images.shape[1:])) or not len(images) or not images.is_floating_point():
        raise InvalidInput(
            f"grid wants floats of shape (n, 1 or 3, height, width), n ≥ 1; got {images.dtype} {tuple(images.shape)}"
        )
    if columns is not None and columns < 1:
        raise InvalidInput(f"grid wants at least 1 column; got {columns}")
    n, channels, height, width = images.shape
    columns = columns or ceil(sqrt(n))
    rows = ceil(n / columns)
    tile_height, tile_width = height + PADDING, width + PADDING
    size = (channels, rows * tile_height + PADDING, columns * tile_width + PADDING)
    sheet = torch.full(size, BACKGROUND, dtype=torch.uint8, device="cpu")
    for index, image in enumerate(_to_bytes(images)):
        top, left = PADDING + index // columns * tile_height, PADDING + index % columns * tile_width
        sheet[:, top : top + height, left : left + width] = image
    pixels = sheet.permute(1, 2, 0).numpy()
    return Image.fromarray(pixels[:, :, 0] if channels == 1 else np.ascontiguousarray(pixels))


@typed
def strip(pictures: Float[Tensor, " *rows columns c h w"]) -> Image.Image:
    """One picture of rows of pictures, (rows, columns, c, h, w), or of one row, (columns, c, h, w).

    It shows what `traverse`, `interpolate` and `manifold` of a model give; values are as in `grid`.

    Raises:
        InvalidInput: neither of the two.
    """
    return grid(_rows(pictures).flatten(0, 1), columns=pictures.shape[-4])


def _rows(pictures: Tensor) -> Float[Tensor, "rows columns c h w"]:
    if not isinstance(pictures, Tensor) or pictures.dim() not in (4, 5) or not pictures.numel():
        found = tuple(pictures.shape) if isinstance(pictures, Tensor) else type(pictures).__name__
        raise InvalidInput(f"wanted pictures of shape (rows, columns, channels, height, width); got {found}")
    return pictures if pictures.dim() == 5 else pictures[None]


@dataclass(frozen=True, kw_only=True)
class Animation:
    """Pictures of one size, one after the other and back again, without end. It shows itself in a notebook.

    Attributes:
        frames: the pictures.
        milliseconds: how long each stands.
    """

    frames: tuple[Image.Image, ...]
    milliseconds: int

    def encode(self, kind: Literal["gif", "webp"]) -> bytes:
        """The bytes of a file: GIF, exact for grey pictures, or WebP without loss. The same frames give the same."""
        first, *others = [*self.frames, *self.frames[-2:0:-1]]
        buffer, exact = io.BytesIO(), {"lossless": True} if kind == "webp" else {}
        first.save(buffer, kind, save_all=True, append_images=others, duration=self.milliseconds, loop=0, **exact)
        return buffer.getvalue()

    def save(self, path: str | Path) -> None:
        """Write a .gif or a .webp; InvalidInput for another name."""
        path = user_path(path)
        match path.suffix.lower():
            case ".gif":
                data = self.encode("gif")
            case ".webp":
                data = self.encode("webp")
            case _:
                raise InvalidInput(f"{path} would hold an animation; give a name that ends in .gif or .webp")
        atomic_write(path, data)

    def __repr__(self) -> str:
        size = "×".join(map(str, self.frames[0].size))
        return f"<Animation: {len(self.frames)} frames of {size}, {self.milliseconds} ms each>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": repr(self), "image/gif": encoded(self.encode("gif"))}


@typed
def animate(
    pictures: Float[Tensor, " *rows columns c h w"], *, columns: int | None = None, milliseconds: int = 100
) -> Animation:
    """What `strip` shows side by side, one after the other: frame k is a `grid` of the k-th picture of each row.

    Raises:
        InvalidInput: not (rows, columns, c, h, w) or (columns, c, h, w), or a frame is to stand for no time.
    """
    frames = tuple(grid(frame, columns) for frame in _rows(pictures).unbind(1))
    return Animation(frames=frames, milliseconds=whole(milliseconds, "animate: milliseconds", least=1))


def is_picture(shape: tuple[int, ...]) -> bool:
    """Whether a shape is (1 or 3, height, width)."""
    return len(shape) == 3 and shape[0] in (1, 3)


def draw(samples: Float[Tensor, " n *data"]) -> Image.Image:
    """What n samples look like: pictures as `grid` has them, numbers (n, 1) as a histogram of their density, points
    (n, 2) as a scatter plot with equal axes.

    Raises:
        InvalidInput: none of the three, or no sample.
    """
    shape = tuple(samples.shape[1:])
    if shape not in POINT_SHAPES:
        return grid(samples)
    if not len(samples):
        raise InvalidInput("there is nothing to draw: no samples")
    return _plot(samples.detach().cpu().float().numpy())


def is_drawable(shape: tuple[int, ...]) -> bool:
    """Whether `draw` can show examples of this shape."""
    return is_picture(shape) or shape in POINT_SHAPES


def how_many(shape: tuple[int, ...]) -> int:
    """How many samples of this shape fill a drawing: 64 pictures, 2,000 points."""
    return PICTURES if is_picture(shape) else POINTS


def _plot(points: NDArray[np.float32]) -> Image.Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if points.shape[1] == 1:
        axes.hist(points[:, 0], bins=BINS, density=True)
        axes.set(xlabel="x", ylabel="density")
    else:
        axes.scatter(points[:, 0], points[:, 1], s=4, linewidths=0)
        axes.set(xlabel="x₁", ylabel="x₂", aspect="equal")
    canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib leaves it untyped
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]  # as above
    return Image.fromarray(pixels).convert("RGB")


def _to_bytes(images: Tensor) -> UInt8[Tensor, "n c h w"]:
    return images.detach().cpu().float().clamp(0, 1).mul(255).round().to(torch.uint8)


def png(image: Image.Image) -> bytes:
    """The bytes of a PNG file; the same picture gives the same bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
