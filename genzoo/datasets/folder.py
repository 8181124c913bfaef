"""A folder of the user's own images, read as they are needed, with the labels and texts that are known of them."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

import torch

from genzoo.datasets.contents import Contents, counted
from genzoo.datasets.files import Files
from genzoo.datasets.images import Header, read_image
from genzoo.datasets.split import Split
from genzoo.datasets.survey import Survey
from genzoo.errors import GenzooWarning, InvalidInput, NotFound
from genzoo.pictures import is_picture

__all__ = ["folder", "survey"]

LOOKED_AT = 100
GREY = 12
"""How many pictures are decoded to tell whether they are in colour, and by how many of 256 levels the channels of a
grey one may differ at most."""


def folder(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """The images of a split below `root`, as `shape` = (1 or 3, h, w): converted to grey or RGB, resized and
    centre-cropped. Splits and columns are as `survey` has them, which also tells what is left out.

    Pixels are decoded when a picture is wanted: to decode all would take seconds for thumbnails and many minutes for
    photographs.

    Raises:
        NotFound: no such folder, or no image in it.
        InvalidInput: a shape that is not a picture's, no image that can be read, or metadata that cannot be used.
    """
    if not is_picture(shape):
        raise InvalidInput(f"pictures have shape (1 or 3, height, width); model.input_shape is {shape}")
    found = Contents.of(root)
    names = found.names(split)
    columns = {key: torch.tensor(rows, dtype=torch.int64, device="cpu") for key, rows in found.indices(names).items()}
    told = [_preparation(root, [found.headers[name] for name in names], shape)]
    if held := len(found.held_out):
        others = f"{counted(held, 'other')} there {'is' if held == 1 else 'are'} held out, as its split test"
        told.append({"train": others, "all": f"{held:,} of them are its split test"}.get(split, ""))
    return Split(
        source=Files([root / name for name in names], partial(read_image, shape=shape), kinds=columns.get("label")),
        shape=shape,
        columns=columns,
        preparation="; ".join(filter(None, told)),
    )


def survey(root: Path) -> Survey:
    """What lies below `root`: its splits, the columns that are known of its pictures, and what these are like.

    Pictures: links to folders are followed, each folder is read once, and hidden files and folders are ignored. What is
    left out is counted and named in GenzooWarnings, one for each reason: pictures that cannot be read by their first
    bytes, folders that cannot be opened, lines of metadata that name no picture.

    Splits: if there are pictures in both ``train`` and ``test``, these folders are the splits, and what lies elsewhere
    is left out. Else ``test`` is the tenth of the pictures that a hash of their names chooses, of a class never all. Of
    fewer than FEWEST pictures none is held out, and ``train`` is the only split. ``all`` is both.

    Columns: with ``metadata.jsonl`` or ``metadata.csv`` (in any folder, as on the Hub), the pictures are those that a
    line names by ``file_name``, and have the ``label`` and ``text`` that it gives. Without labels there, the label is
    the subfolder (of `root`, or of ``train`` and ``test``) as in torchvision's ImageFolder, if there are two or more;
    but if pictures lie beside the subfolders too, there are no labels, as on the Hub.

    Raises:
        NotFound: no such folder, or no image in it.
        InvalidInput: no image that can be read, or metadata that cannot be used.
    """
    found = Contents.of(root)
    for told in found.told:
        warnings.warn(told, GenzooWarning, stacklevel=2)
    return Survey(
        columns=found.columns(),
        splits=found.splits,
        count=len(found.names("train")),
        sizes=Counter((header.size[1], header.size[0]) for header in found.headers.values()),
        colour=partial(_in_colour, root, found.headers),
    )


def _in_colour(root: Path, headers: Mapping[str, Header]) -> bool:
    """Whether any of LOOKED_AT pictures, evenly spaced, is in colour; one stored as RGB may still be grey."""
    names = [name for name, header in headers.items() if not header.grey]
    for name in names[:: -(-len(names) // LOOKED_AT) or 1]:
        try:
            pixels = read_image(root / name, (3, 64, 64)).int()
        except (InvalidInput, NotFound):  # whoever opens the data says so
            continue
        if (pixels.amax(0) - pixels.amin(0)).max() > GREY:
            return True
    return False


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
    return f"the {counted(len(headers), 'picture')} in {root} ({span} pixels) are {' and '.join(changes)}"
