"""A folder of the user's own images, read as they are needed."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

from genzoo.datasets.files import NAMED, Files
from genzoo.datasets.images import MAX_PIXELS, Header, read_header, read_image, suffixes
from genzoo.datasets.split import Split
from genzoo.errors import GenzooWarning, InvalidInput, NotFound
from genzoo.pictures import is_picture

__all__ = ["folder"]

NOT_READ = re.compile(
    r"\.(arw|cr2|cr3|cur|dds|dng|emf|eps|exr|hdr|hei[cf]|icns|ico|jxl|jxr|nef|orf|psd|qoi|raf|raw|rw2|svg|tga|wmf|x[bp]m|xcf)"
)
"""The endings of pictures that are not read, so that the user is told. What is no picture by its name is ignored."""


def folder(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """Every image below `root`, as `shape` = (1 or 3, h, w): converted to grey or RGB, resized and centre-cropped.

    Links to folders are followed, each folder is read once, and hidden files and folders are ignored. One GenzooWarning
    counts and names the pictures that are left out by their first bytes, another the folders that cannot be opened.
    Pixels are decoded when a picture is wanted: to decode all would take seconds for thumbnails and many minutes for
    photographs.

    Raises:
        NotFound: no such folder, or no image in it.
        InvalidInput: a shape that is not a picture's, or no image that can be read.
    """
    if not is_picture(shape):
        raise InvalidInput(f"pictures have shape (1 or 3, height, width); model.input_shape is {shape}")
    if not root.is_dir():
        raise NotFound(f"{root} is not a folder; give that of your images, as folder:PATH or with --data-root DIR")
    files, closed = _files(root)
    if closed:
        told = f"{_counted(len(closed), 'folder')} in {root} cannot be opened: {_listed(closed)}"
        _warn(told, "their pictures are")
    headers, bad = _headers(root, files, shape)
    if bad:
        told = f"{len(bad)} of {len(bad) + len(headers)} files in {root} cannot be read as images: {_listed(bad)}"
        if not headers:
            raise InvalidInput(told)
        _warn(told, "they are")
    if not headers:
        raise NotFound(
            f"{root} holds no images (looked for {', '.join(sorted(suffixes()))}); "
            "give the folder of your images, as folder:PATH or with --data-root DIR"
        )
    return Split(
        source=Files(sorted(headers), partial(read_image, shape=shape)),
        shape=shape,
        preparation=_preparation(root, headers.values(), shape),
    )


def _files(root: Path) -> tuple[list[Path], list[str]]:
    """All files below `root` that are not hidden, and the folders that cannot be opened."""
    files: list[Path] = []
    closed: list[str] = []
    seen = set()
    walk = os.walk(root, followlinks=True, onerror=lambda error: closed.append(os.path.relpath(error.filename, root)))
    for place, folders, names in walk:
        status = Path(place).stat()
        identity = status.st_dev, status.st_ino
        if identity in seen:  # a link leads here again, perhaps from within
            folders.clear()
            continue
        seen.add(identity)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(place, name) for name in names if not name.startswith(".")]
    return files, closed


def _headers(root: Path, files: Sequence[Path], shape: tuple[int, ...]) -> tuple[dict[Path, Header], list[str]]:
    """What each picture is, and the names of the files that should be pictures and cannot be read."""
    headers, bad = {}, {}
    for path in files:
        suffix = path.suffix.lower()
        if NOT_READ.fullmatch(suffix):
            bad[path] = f" ({suffix[1:].upper()} is not read)"
        elif not suffix or suffix in suffixes():
            try:
                header = read_header(path, (shape[2], shape[1]))
            except (InvalidInput, NotFound):
                if suffix:  # without an ending it need not be a picture
                    bad[path] = ""
                continue
            if header.pixels > MAX_PIXELS:
                bad[path] = f" ({header.pixels:,} pixels, more than {MAX_PIXELS:,})"
            else:
                headers[path] = header
    return headers, [f"{path.relative_to(root)}{bad[path]}" for path in sorted(bad)]


def _warn(told: str, who: str) -> None:
    warnings.warn(f"{told}; {who} left out", GenzooWarning, stacklevel=3)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _preparation(root: Path, headers: Collection[Header], shape: tuple[int, ...]) -> str:
    """What is done to the pictures, in one sentence; empty for nothing."""
    channels, height, width = shape
    sizes = sorted({header.size for header in headers}, key=lambda size: (size[0] * size[1], size))
    grey = sum(header.grey for header in headers)
    cropped = any(w * height != h * width for w, h in sizes)
    changes = []
    if sizes != [(width, height)]:
        changes.append(f"resized {'and cropped about the centre ' if cropped else ''}to {width}×{height}")
    if channels == 1 and grey < len(headers):
        changes.append(f"turned to grey ({len(headers) - grey:,} in colour)")
    if channels == 3 and grey:
        changes.append(f"given as RGB ({grey:,} in grey)")
    if not changes:
        return ""
    small, large = ("×".join(map(str, size)) for size in (sizes[0], sizes[-1]))
    span = small if small == large else f"{small} to {large}"
    return f"the {_counted(len(headers), 'picture')} in {root} ({span} pixels) are {' and '.join(changes)}"
