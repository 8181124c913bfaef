"""Tensors to pictures and back; plots of numbers and points."""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from genzoo.arguments import typed
from genzoo.errors import InvalidInput
from genzoo.fields import whole
from genzoo.files import atomic_write, user_path
from genzoo.notebook import encoded

__all__ = [
    "Animation",
    "animate",
    "as_mode",
    "batch_of",
    "draw",
    "grid",
    "how_many",
    "is_drawable",
    "is_picture",
    "of_array",
    "png",
    "strip",
    "to_tensor",
]

POINT_SHAPES = ((1,), (2,))
PICTURES, POINTS = 64, 2000
BINS = 50
PADDING = 2
BACKGROUND = 128
_WHITES = (1, 255, 65535)


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


def batch_of(value: Any, shape: tuple[int, ...], what: str) -> Float[Tensor, "n c h w"] | None:
    """Pictures of PIL, or arrays as Pillow and numpy have them, as tensors of `shape` in [0, 1]; None of what is none
    of these.

    Args:
        value: a picture of PIL, of any mode; an array (h, w, c) or (n, h, w, c), or (h, w) and (n, h, w) of grey
            pictures, of bytes or floats; or a list of pictures and arrays of one.
        shape: (channels, height, width) that is wanted.
        what: what takes it, for messages.

    Raises:
        InvalidInput: one has another size, or an array another type or number of channels.
    """
    if isinstance(value, list | tuple):
        each = [batch_of(one, shape, what) for one in value if isinstance(one, Image.Image | np.ndarray)]
        if not each or len(each) < len(value):
            return None
        return torch.cat([one for one in each if one is not None])
    channels, height, width = shape
    if isinstance(value, Image.Image):
        if value.size != (width, height):
            raise _of_another_size(what, value.size, shape)
        return to_tensor(as_mode(value, "L" if channels == 1 else "RGB"))[None].float() / 255
    return _batch_of_array(value, shape, what) if isinstance(value, np.ndarray) else None


def _batch_of_array(array: NDArray[Any], shape: tuple[int, ...], what: str) -> Tensor:
    channels, height, width = shape
    last = (height, width, channels)
    bare = (height, width) if channels == 1 else last
    if any(array.shape[-len(one) :] == one and array.ndim - len(one) in (0, 1) for one in (bare, last)):
        rows = array.reshape(-1, *last)
    elif array.shape[-3:] == shape:
        raise InvalidInput(
            f"{what} wants arrays of shape (height, width, channels); got {array.shape}: torch.from_numpy(x) is a "
            "tensor, whose channels come first"
        )
    elif array.ndim in (2, 3) and array.shape[2:] in ((), (1,), (3,)) and array.shape[:2] != (height, width):
        raise _of_another_size(what, (array.shape[1], array.shape[0]), shape)
    else:
        raise InvalidInput(f"{what} wants arrays of shape {bare}, or (n, …) of them; got {array.shape}")
    return torch.from_numpy(np.ascontiguousarray(_in_range(rows, what))).permute(0, 3, 1, 2).contiguous()


def _in_range(array: NDArray[Any], what: str) -> NDArray[np.float32]:
    """The numbers of an array in float32, bytes as shares of 255."""
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(255)
    if array.dtype.kind != "f":
        raise InvalidInput(
            f"{what} wants arrays of bytes, or of floats in [0, 1]; got {array.dtype}: x.astype('uint8') makes it bytes"
        )
    return array.astype(np.float32)


def _of_another_size(what: str, size: tuple[int, ...], shape: tuple[int, ...]) -> InvalidInput:
    return InvalidInput(
        f"{what} wants pictures of {shape[2]}×{shape[1]} pixels; got {size[0]}×{size[1]}: "
        f"genzoo.resize(pictures, {shape}) crops and resizes them"
    )


def of_array(array: NDArray[Any], what: str) -> Image.Image:
    """The picture in an array (h, w) or (h, w, c) of bytes, or of floats in [0, 1]; InvalidInput if there is none."""
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,), (4,)) or not array.size:
        raise InvalidInput(f"{what} wants arrays of shape (height, width) or (height, width, 3); got {array.shape}")
    values = _in_range(array, what)
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1):  # NaN is neither
        raise InvalidInput(f"{what} wants floats in [0, 1]; these lie in [{low:g}, {high:g}]")
    pixels = (values * 255).round().astype(np.uint8)
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2:] == (1,) else pixels)


def as_mode(image: Image.Image, mode: Literal["L", "RGB"], fit: tuple[int, int] | None = None) -> Image.Image:
    """A picture in grey or RGB, on white where it is transparent, resized and centre-cropped to `fit` = (width, height)
    if given; InvalidInput of values of unknown range."""
    image = _eight_bits(image)
    if fit is not None and image.size != fit:
        image = ImageOps.fit(image, fit)
    return _opaque(image).convert(mode)


def to_tensor(image: Image.Image) -> UInt8[Tensor, "c h w"]:
    """The pixels of a grey or RGB image."""
    pixels = torch.from_numpy(np.array(image))
    return pixels[None] if pixels.dim() == 2 else pixels.permute(2, 0, 1).contiguous()


def _eight_bits(image: Image.Image) -> Image.Image:
    """A picture in a mode that can be resized and converted without loss of range: L, LA, RGB or RGBA."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        return _scaled(np.asarray(image))
    if image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in image.info:
        return image
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode == "1" else "RGB")


def _scaled(values: NDArray[Any]) -> Image.Image:
    """32-bit numbers, by the smallest of the usual ranges that holds them all."""
    low, high = values.min(), values.max()
    white = next((white for white in _WHITES[values.dtype.kind != "f" :] if high <= white), None)
    if white is None or not low >= 0:  # NaN is neither
        raise InvalidInput(f"its values go from {low:g} to {high:g}; wanted 0 to 1 (floats), 255 or 65535")
    return Image.fromarray(np.multiply(values, 255 / white, dtype=np.float32).round().astype(np.uint8))


def _opaque(image: Image.Image) -> Image.Image:
    """The picture on white, where it is transparent."""
    if image.mode not in ("LA", "RGBA"):
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
