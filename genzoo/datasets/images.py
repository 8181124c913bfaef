"""Picture files, read by Pillow: of the formats listed here, of bounded size, and with one type of error."""

from __future__ import annotations

import os
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from genzoo.errors import InvalidInput, NotFound
from genzoo.pictures import is_picture

__all__ = ["MAX_PIXELS", "Header", "open_image", "read_header", "read_image", "suffixes", "to_tensor"]

FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "SGI", "TIFF", "WEBP")
"""Pillow's names of the formats that are read: those that hold photographs and drawings, and that tell themselves by
their first bytes. The others are icons, textures, and vector graphics, for which Pillow starts other programs."""

MAX_PIXELS = 1 << 26
"""More pixels than these (8192 × 8192) are not decoded. Decoding takes 4 to 16 bytes for each, so at most 1 GB."""

REDUCING_GAP = 3
"""A JPEG is decoded at the smallest scale that has so many pixels for each one wanted, in both directions."""

_WHITES = (1, 255, 65535)

_lock = threading.RLock()
if hasattr(os, "register_at_fork"):  # a worker must not wait for a thread that it does not have
    os.register_at_fork(after_in_child=_lock._at_fork_reinit)  # type: ignore[attr-defined]  # as the logging module does


@dataclass(frozen=True)
class Header:
    """What a file says of its picture before it is decoded.

    Attributes:
        size: (width, height) as stored, before EXIF turns it.
        grey: whether it has no colour.
        pixels: how many are decoded at a time; more than MAX_PIXELS are refused.
    """

    size: tuple[int, int]
    grey: bool
    pixels: int


def read_image(path: Path, shape: tuple[int, ...]) -> UInt8[Tensor, "c h w"]:
    """The image in a file as `shape` = (1 or 3, h, w): upright, resized and centre-cropped, in grey or RGB.

    Transparency is laid on white. Of 16-bit grey 65535 is white; 32-bit integers and floats have no white of their own,
    so they are scaled by the range that their largest value fits: 1 (floats), 255 or 65535.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is not an image, or has too many pixels, or values of unknown range; or `shape` is not a
            picture's.
    """
    if not is_picture(shape):
        raise InvalidInput(f"{path}: a picture cannot be read as shape {shape}, which is not (1 or 3, height, width)")
    channels, height, width = shape
    return to_tensor(open_image(path, "L" if channels == 1 else "RGB", (width, height)))


def open_image(path: Path, mode: Literal["L", "RGB"], fit: tuple[int, int] | None = None) -> Image.Image:
    """The image in a file, upright, in grey or RGB, resized and centre-cropped to `fit` = (width, height) if given.

    Raises as `read_image` does.
    """
    with _opened(path) as file:
        if (pixels := _draft(file, mode, fit)) > MAX_PIXELS:
            raise InvalidInput(f"it has {pixels:,} pixels, and at most {MAX_PIXELS:,} are read")
        file.load()
        with suppress(Exception):  # EXIF that cannot be read: the picture can
            ImageOps.exif_transpose(file, in_place=True)
        image = _eight_bits(file)
        if fit is not None and image.size != fit:
            image = ImageOps.fit(image, fit)
        return _opaque(image).convert(mode)


def read_header(path: Path, fit: tuple[int, int]) -> Header:
    """What a file says of its picture, of which no pixel is decoded.

    Raises as `open_image` does, as far as the first bytes tell.
    """
    with _opened(path) as file:
        grey = file.mode[0] in "1LIF" and file.mode != "LAB"
        return Header(size=file.size, grey=grey, pixels=_draft(file, "RGB", fit))


def to_tensor(image: Image.Image) -> UInt8[Tensor, "c h w"]:
    """The pixels of a grey or RGB image."""
    pixels = torch.from_numpy(np.array(image))
    return pixels[None] if pixels.dim() == 2 else pixels.permute(2, 0, 1).contiguous()


@cache
def suffixes() -> frozenset[str]:
    """The endings of the files that are read, in lower case, with a dot."""
    wanted = _formats()
    return frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in wanted)


@cache
def _formats() -> tuple[str, ...]:
    """Those of FORMATS that this Pillow was built with."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """A picture whose pixels are still to be decoded. What Pillow raises in the context becomes an InvalidInput that
    names the file; its warnings are ignored."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # to open a FIFO is to wait for it
            raise InvalidInput("it is not a regular file")
        with _no_warnings(), Image.open(path, formats=_formats()) as file:
            yield file
    except FileNotFoundError:
        raise NotFound(f"{path} does not exist") from None
    except UnidentifiedImageError:
        raise InvalidInput(f"{path} cannot be read as an image: it is none of {', '.join(_formats())}") from None
    except Exception as error:  # Pillow's readers raise errors of every type at a damaged file
        cause = str(error) or type(error).__name__
        raise InvalidInput(f"{path} cannot be read as an image: {cause}") from None


@contextmanager
def _no_warnings() -> Iterator[None]:
    with _lock, warnings.catch_warnings():  # the filters are of the process: two threads could restore each other's
        warnings.simplefilter("ignore")
        yield


def _draft(file: Image.Image, mode: Literal["L", "RGB"], fit: tuple[int, int] | None) -> int:
    """Have a JPEG decoded at a small scale. Returns how many pixels are held while it is decoded."""
    pixels = file.width * file.height
    if fit is None:
        return pixels
    side = REDUCING_GAP * max(fit)  # in both directions: EXIF may swap them
    file.draft(mode, (side, side))
    return pixels if "progressive" in file.info else file.width * file.height  # a progressive one is held whole


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
