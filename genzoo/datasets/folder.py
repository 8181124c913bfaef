"""A folder of the user's own images, read as they are needed."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path

from genzoo.datasets.files import NAMED, Files
from genzoo.datasets.split import Split
from genzoo.errors import GenzooWarning, InvalidInput, NotFound
from genzoo.pictures import is_picture, looks_readable, read_image

__all__ = ["folder"]

SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))


def folder(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """Every image below `root`, as `shape` = (1 or 3, h, w): converted to grey or RGB, resized and centre-cropped.

    What is no image by its first bytes is left out, with one GenzooWarning that counts and names such files. Pixels are
    decoded when a picture is wanted: to decode all would take seconds for thumbnails and many minutes for photographs.

    Raises:
        NotFound: no such folder, or no image in it.
        InvalidInput: a shape that is not a picture's, or no image that can be read.
    """
    if not is_picture(shape):
        raise InvalidInput(f"pictures have shape (1 or 3, height, width); model.input_shape is {shape}")
    if not root.is_dir():
        raise NotFound(f"{root} is not a folder; give that of your images, as folder:PATH or with --data-root DIR")
    found = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise NotFound(
            f"{root} holds no images (looked for {', '.join(sorted(SUFFIXES))}); "
            "give the folder of your images, as folder:PATH or with --data-root DIR"
        )
    return Split(source=Files(_readable(found, root), partial(read_image, shape=shape)), shape=shape)


def _readable(paths: list[Path], root: Path) -> list[Path]:
    """Those of `paths` that look like images; a warning names the others."""
    readable = [path for path in paths if looks_readable(path)]
    bad = [str(path.relative_to(root)) for path in sorted(set(paths) - set(readable))]
    if bad:
        more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
        told = f"{len(bad)} of {len(paths)} files in {root} cannot be read as images: {', '.join(bad[:NAMED])}{more}"
        if not readable:
            raise InvalidInput(told)
        warnings.warn(f"{told}; they are left out", GenzooWarning, stacklevel=2)
    return readable
