"""open_data: a split of a data set by name; find_dataset: its record, with what is found where it lies; split_root,
one_root: where that is, as a user says it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genzoo.api.defaults import plain_defaults
from genzoo.arguments import typed
from genzoo.datasets import Split, Survey, default_root
from genzoo.datasets.split import INDICES
from genzoo.errors import InvalidInput, NotFound, PluginError
from genzoo.files import user_path
from genzoo.registry import load_target, registry
from genzoo.spec import NAME, OWN_DATA, UNKNOWN_DATA, Column, DatasetSpec
from genzoo.spec.changes import advice

__all__ = ["Opener", "find_dataset", "one_root", "open_data", "opener", "split_root", "survey_of", "with_survey"]

Opener = Callable[[DatasetSpec, str], Split]
"""Opens a split of a data set."""

NAMELESS = {
    OWN_DATA: "the data was given in Python, and is not kept with the model; give it again, as data=, or name a data "
    "set that is like it, as --data DATASET or data='DATASET'",
    UNKNOWN_DATA: "what the model was trained on is not recorded; name a data set, as --data DATASET or "
    "data='DATASET', or give examples in Python, as data=",
}
"""What to say of the data of a checkpoint that is in no registry."""


@typed
@plain_defaults()
def open_data(
    dataset: str | DatasetSpec,
    split: str,
    *,
    root: str | Path | None = None,
    shape: tuple[int, ...] | None = None,
) -> Split:
    """A split of a data set, by name or record, from `root` (``$GENZOO_DATA`` or the cache folder without one).

    `shape` is the one wanted: pictures of any size are made so, others must have it. Those of any size are the user's
    own, and lie in no folder of which genzoo knows.

    Raises:
        InvalidInput: its pictures have another shape; or they are of any size, and there is no `root`.
        NotFound: no such data set, split or folder.
        NetworkError: it is not in `root` and cannot be downloaded.
        PluginError: its shape, columns or factors are not those of its record.
    """
    record = find_dataset(dataset, root)
    name = record.name
    if split not in record.splits:
        raise NotFound(f"{name} has no split {split!r:.40}: it has {', '.join(record.splits)}")
    if shape is None and record.shape is None:
        raise InvalidInput(f"{name} has pictures of any size: give model.input_shape = [channels, height, width]")
    if record.shape is None and root is None:
        raise InvalidInput(f"{name} is pictures of your own: say where they lie with {name}:PATH or --data-root DIR")
    if shape is not None and record.shape not in (None, tuple(shape)):
        same = [other.name for _, _, other in registry().entries(DatasetSpec) if other.shape == tuple(shape)]
        hint = f"those of {', '.join(sorted(same))} have it" if same else "folder:PATH makes your own pictures so"
        raise InvalidInput(f"{name} has examples of shape {record.shape}, not {tuple(shape)}; {hint}")
    where = default_root() if root is None else user_path(root)
    data = _opened(record, where, split, record.shape or shape)
    _check_record(record, split, data, record.shape or shape)
    return data


def find_dataset(dataset: str | DatasetSpec, root: str | Path | None, *, prefer: str = "") -> DatasetSpec:
    """The record of a data set, by name or as it was declared, with the columns and splits that are found in `root`.

    Raises:
        NotFound: no such data set, or nothing of it in `root`; or it is that of a checkpoint whose data has no name.
        InvalidInput: what lies there cannot be used.
        PluginError: what is found cannot be in a record.
    """
    if isinstance(dataset, str) and dataset in NAMELESS:
        raise NotFound(NAMELESS[dataset])
    record = registry().find(DatasetSpec, dataset, prefer=prefer) if isinstance(dataset, str) else dataset
    found = survey_of(record, root)
    return record if found is None else with_survey(record, found)


def survey_of(record: DatasetSpec, root: str | Path | None) -> Survey | None:
    """What lies in `root` of a data set that is what lies there; None of other data sets, and without a `root`.

    Raises as `find_dataset` does.
    """
    if not record.survey or root is None:
        return None
    found: Survey = load_target(record.survey, record.name)(user_path(root))
    return found


def with_survey(record: DatasetSpec, found: Survey) -> DatasetSpec:
    """A record with the columns and splits of a survey; PluginError if it cannot have them."""
    try:
        return replace(record, columns=found.columns, splits=found.splits, survey="")
    except InvalidInput as error:
        raise PluginError(f"the survey of {record.name} is faulty: {error.message}") from None


def opener(root: str | Path | None, shape: tuple[int, ...]) -> Opener:
    """What opens splits of data sets that lie in `root`, of examples of this shape; it raises as `open_data` does."""
    return lambda record, split: open_data(record, split, root=root, shape=shape)


def _opened(record: DatasetSpec, root: Path, split: str, shape: tuple[int, ...] | None) -> Split:
    """The split, from its plugin's code; PluginError if that is written for an older plugin interface."""
    try:
        data: Split = load_target(record.target, record.name)(root, split, shape)
    except TypeError as error:
        if told := advice(error):
            raise PluginError(f"{record.name}'s split {split} cannot be opened: {error}; {told}") from error
        raise
    return data


def _check_record(record: DatasetSpec, split: str, data: Split, shape: tuple[int, ...] | None) -> None:
    """PluginError where a split is not what its record declares, or has not the shape asked for."""
    where = f"{record.name}'s split {split}"
    if shape is not None and tuple(data.shape) != tuple(shape):
        raise PluginError(f"{where} has examples of shape {tuple(data.shape)}, not {tuple(shape)}")
    if record.values == "index" or isinstance(data.source, Tensor):
        _check_examples(record, data, where)
    if missing := [name for name in record.columns if name not in data.columns]:
        raise PluginError(f"{where} has no column {missing[0]}, and its record declares one")
    for name, column in record.columns.items():
        _check_column(column, data.columns[name], len(data), f"{where}: its column {name}")
    factors = set() if data.factors is None else set(data.factors.sizes)
    if factors != set(record.factors):
        told, found = (", ".join(sorted(names)) or "none" for names in (record.factors, factors))
        raise PluginError(f"{where} has the factors {found}, and its record declares {told}")


def _check_column(column: Column, values: Any, count: int, where: str) -> None:
    """PluginError where the values of a column are not in its space: all of them where they are at hand, else one."""
    index = column.space.values == "index"
    rows = values if isinstance(values, Tensor) else values[torch.zeros(min(count, 1), dtype=torch.int64, device="cpu")]
    if tuple(rows.shape[1:]) != column.space.shape:
        raise PluginError(
            f"{where} has values of shape {tuple(rows.shape[1:])}, and its record declares {column.space.shape}"
        )
    if index and (rows.is_floating_point() or rows.is_complex()):
        raise PluginError(f"{where} has {rows.dtype}, and its record declares whole numbers")
    if index:
        _check_indices(rows, column.space.size, where, more=column.is_text)


def _check_examples(record: DatasetSpec, data: Split, where: str) -> None:
    """PluginError where examples are indices and their record says something else, or the other way round."""
    rows = data.source if isinstance(data.source, Tensor) else data.first(1)
    if (rows.dtype in INDICES) != (record.values == "index"):
        way = "x.float() makes them numbers" if rows.dtype in INDICES else "x.long() makes them indices"
        raise PluginError(f"{where} has {rows.dtype}, and its record declares values {record.values!r}: {way}")
    if record.values == "index":
        _check_indices(rows, record.alphabet, where)


def _check_indices(rows: Tensor, size: int, where: str, *, more: bool = False) -> None:
    """PluginError unless all lie below `size`, or `more` is one of them."""
    if rows.numel():
        low, high = (int(end) for end in rows.aminmax())
        if low < 0 or high >= size + more:
            raise PluginError(f"{where} has values from {low} to {high}, not in 0 … {size - 1}")


def split_root(text: str) -> tuple[str, Path | None]:
    """``DATASET:PATH`` as the name of a data set and the folder it lies in, or (text, None) without a path.

    ``folder:./pictures`` is ("folder", Path("pictures")); ``distribution:name`` is a name, and so is what stands before
    the path in ``distribution:name:PATH``.

    Raises:
        InvalidInput: nothing stands behind the colon, or no path can.
    """
    names = {record.name for _, _, record in registry().entries(DatasetSpec)}
    name, colon, path = text.partition(":")
    if name not in names and NAME.fullmatch(path.partition(":")[0]):
        short, colon, path = path.partition(":")
        name = f"{name}:{short}"
    if colon and not path:
        raise InvalidInput(f"{text!r:.80} ends where a folder should stand: write {name}:PATH")
    return name, user_path(path) if colon else None


def one_root(path: Path | None, root: str | Path | None) -> str | Path | None:
    """The folder of the data: that behind its name, or the one given beside it; InvalidInput if there are both."""
    if path is not None and root is not None:
        raise InvalidInput(f"the data is said to lie in {path} and in {root}; give one of the two")
    return root if path is None else path
