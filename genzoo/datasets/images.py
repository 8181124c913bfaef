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
from jaxtyping import Float, UInt8
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from genzoo.arguments import typed
from genzoo.errors import InvalidInput, NotFound
from genzoo.files import user_path
from genzoo.pictures import as_mode, is_picture, of_array, to_tensor

__all__ = ["MAX_PIXELS", "Header", "open_image", "read_header", "read_image", "resize", "suffixes", "to_tensor"]

FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "SGI", "TIFF", "WEBP")
"""Pillow's names of the formats that are read: those that hold photographs and drawings, and that tell themselves by
their first bytes. The others are icons, textures, and vector graphics, for which Pillow starts other programs."""

MAX_PIXELS = 1 << 26
"""More pixels than these (8192 × 8192) are not decoded. Decoding takes 4 to 16 bytes for each, so at most 1 GB."""

REDUCING_GAP = 3
"""A JPEG is decoded at the smallest scale that has so many pixels for each one wanted, in both directions."""

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


@typed
def resize(pictures: Any, shape: tuple[int, ...]) -> Float[Tensor, "n c h w"]:
    """Pictures as a model takes them: cropped about the centre, resized, in grey or RGB, in [0, 1].

    Transparency is laid on white. ``model.encode(genzoo.resize("cat.jpg", model.input_shape))``

    Args:
        pictures: one or a list of them: the path of a file, a picture of PIL, or an array (h, w) or (h, w, c) of bytes,
            or of floats in [0, 1].
        shape: (channels, height, width) of the model's `input_shape`.

    Raises:
        NotFound: there is no such file.
        InvalidInput: one is no picture; or `shape` is not a picture's.
    """
    if not is_picture(tuple(shape)):
        raise InvalidInput(f"resize: shape must be (1 or 3, height, width); got {tuple(shape)}")
    each = list(pictures) if isinstance(pictures, list | tuple) else [pictures]
    if not each:
        raise InvalidInput("resize wants a picture or more; got an empty list")
    return torch.stack([_resized(one, tuple(shape)) for one in each]).float() / 255


def _resized(picture: Any, shape: tuple[int, ...]) -> UInt8[Tensor, "c h w"]:
    if isinstance(picture, str | Path):
        return read_image(user_path(picture), shape)
    if isinstance(picture, np.ndarray):
        picture = of_array(picture, "resize")
    if not isinstance(picture, Image.Image):
        raise InvalidInput(f"resize wants a path, a picture of PIL or an array (h, w, c); got {type(picture).__name__}")
    return to_tensor(as_mode(picture, "L" if shape[0] == 1 else "RGB", (shape[2], shape[1])))


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
        return as_mode(file, mode, fit)


def read_header(path: Path, fit: tuple[int, int]) -> Header:
    """What a file says of its picture, of which no pixel is decoded.

    Raises as `open_image` does, as far as the first bytes tell.
    """
    with _opened(path) as file:
        grey = file.mode[0] in "1LIF" and file.mode != "LAB"
        return Header(size=file.size, grey=grey, pixels=_draft(file, "RGB", fit))


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
