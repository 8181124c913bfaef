"""A folder of the user's own images, read as they are needed."""

from __future__ import annotations

from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor
from torch.utils.data import Dataset

from genzoo.datasets.split import Split
from genzoo.errors import InvalidInput, NotFound
from genzoo.pictures import is_picture, read_image

__all__ = ["folder"]

SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))


class _Files(Dataset[Tensor]):
    def __init__(self, paths: list[Path], shape: tuple[int, ...]) -> None:
        self.paths = paths
        self.shape = shape

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> UInt8[Tensor, "c h w"]:
        return read_image(self.paths[index], self.shape)


def folder(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """Every image below `root`, as `shape` = (1 or 3, h, w): converted to grey or RGB, resized and centre-cropped.

    Raises:
        NotFound: no such folder, or no image in it.
        InvalidInput: a shape that is not a picture's.
    """
    if not is_picture(shape):
        raise InvalidInput(f"pictures have shape (1 or 3, height, width); model.input_shape is {shape}")
    if not root.is_dir():
        raise NotFound(f"{root} is not a folder; give the folder of your images with --data-root DIR")
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise NotFound(f"{root} holds no images (looked for {', '.join(sorted(SUFFIXES))})")
    return Split(source=_Files(paths, shape), shape=shape)
