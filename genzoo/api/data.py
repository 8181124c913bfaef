"""open_data: a split of a data set by name."""

from __future__ import annotations

from pathlib import Path

from genzoo.datasets import Split, default_root
from genzoo.errors import InvalidInput, NotFound
from genzoo.files import user_path
from genzoo.registry import load_target, registry
from genzoo.spec import DatasetSpec

__all__ = ["open_data"]


def open_data(
    dataset: str | DatasetSpec,
    split: str,
    *,
    root: str | Path | None = None,
    shape: tuple[int, ...] | None = None,
) -> Split:
    """A split of a data set, by name or record, from `root` (``$GENZOO_DATA`` or the cache folder without one).

    `shape` is the one wanted: pictures of any size are made so, others must have it.

    Raises:
        InvalidInput: its pictures have another shape.
        NotFound: no such data set or split.
        NetworkError: it is not in `root` and cannot be downloaded.
    """
    record = registry().find(DatasetSpec, dataset) if isinstance(dataset, str) else dataset
    name = record.name
    if split not in record.splits:
        raise NotFound(f"{name} has no split {split!r:.40}: it has {', '.join(record.splits)}")
    if shape is None and record.shape is None:
        raise InvalidInput(f"{name} has pictures of any size: give model.input_shape = [channels, height, width]")
    if shape is not None and record.shape not in (None, tuple(shape)):
        raise InvalidInput(f"{name} has pictures of shape {record.shape}, not {tuple(shape)}; take another data set")
    where = default_root() if root is None else user_path(root)
    data: Split = load_target(record.target, record.name)(where, split, record.shape or shape)
    return data
