"""Data of the caller's own as a Split: tensors, data sets and loaders of torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    default_collate,
)

from genzoo.datasets.reading import read
from genzoo.datasets.split import INDICES, Split
from genzoo.errors import GenzooError, InvalidInput
from genzoo.randomness import kept_random_state

__all__ = ["Own", "Values", "own_data"]

Values = Literal["unit", "real", "index"]
"""What the numbers of an example are to be, as in a model's `values`."""

KINDS = "a tensor, a torch Dataset, a DataLoader or a genzoo.Split"
BATCH = 256
LOOKED_AT = 8
"""How many examples of a Dataset are looked at to tell it from another."""


@dataclass(frozen=True, kw_only=True)
class Own:
    """Data of the caller's own.

    Attributes:
        split: all of it.
        fingerprint: what tells it from other data.
        binary: whether all its numbers are 0 or 1.
        names: of the classes, where the data says them.
    """

    split: Split
    fingerprint: str
    binary: bool = False
    names: tuple[str, ...] = ()


def own_data(data: Any, values: Values, where: str, note: Callable[[str], None]) -> Own:
    """What a caller gives as data, checked.

    A Dataset gives x, (x, label), or a dict of ``x`` and columns, for each index. It is read once to check it and to
    learn its columns; x is read again as it is needed, so that what it draws, an augmentation, is drawn anew. A Dataset
    is known by its columns and a few examples, if it gives them twice alike; a tensor by all that is in it. What a
    Dataset draws from global generators moves these on.

    Args:
        data: a tensor (n, *shape), a map-style Dataset, a DataLoader, or a Split.
        values: what the numbers of an example are to be; uint8 stands for [0, 1] in 256 levels.
        where: what was given it, for messages.
        note: called with what of the data is not used, and before it is read.

    Raises:
        InvalidInput: it is none of these or empty, or an example has another type, shape or range.
    """
    if isinstance(data, DataLoader):
        _tell_not_used(data, note)
        return own_data(data.dataset, values, f"{where}.dataset", note)
    if isinstance(data, IterableDataset):
        raise InvalidInput(
            f"{where}: {type(data).__name__} has no indices, and examples are read in another order in each epoch; "
            "give a map-style Dataset, or collect the examples: torch.stack(list(data))"
        )
    if isinstance(data, TensorDataset):
        x, columns = _item(data.tensors, where)
        return _of_tensors(x, columns, values, where)
    if isinstance(data, Tensor):
        return _of_tensors(data, {}, values, where)
    if isinstance(data, Dataset):
        return _of_dataset(data, values, where, note)
    if isinstance(data, Split):
        return _of_split(data, values, where)
    hint = "; torch.from_numpy(x) makes an array a tensor" if hasattr(data, "__array__") else ""
    raise InvalidInput(f"{where} must be {KINDS}; got {type(data).__name__}{hint}")


def _tell_not_used(loader: DataLoader[Any], note: Callable[[str], None]) -> None:
    """Say what of a loader is the recipe's to say."""
    other = []
    if loader.batch_size is not None:
        other.append(f"its batch size ({loader.batch_size})")
    if not isinstance(loader.sampler, RandomSampler | SequentialSampler):
        other.append(f"its sampler ({type(loader.sampler).__name__})")
    if loader.collate_fn is not default_collate and loader.batch_size is not None:
        other.append("its collate_fn")
    if other:
        note(f"of the DataLoader the dataset is used, and not {' and '.join(other)}: the recipe says how to train")


def _of_tensors(x: Any, columns: Mapping[str, Any], values: Values, where: str) -> Own:
    x = _plain(x, where)
    if not x.dim() or not len(x):
        raise InvalidInput(f"{where} is empty: it has shape {tuple(x.shape)}; give a tensor of examples, (n, *shape)")
    _check_shape(tuple(x.shape[1:]), values, where, "x")
    _check_values(x, values, where, "x")
    rows = {name: _column(name, column, where) for name, column in columns.items()}
    split = Split(source=x, shape=tuple(x.shape[1:]), columns=rows, preparation=_scaled(x.dtype, values))
    return Own(split=split, fingerprint=_digest(split, [x]), binary=_is_binary(x))


def _of_split(split: Split, values: Values, where: str) -> Own:
    if not len(split):
        raise InvalidInput(f"{where} is empty: it has no examples")
    if isinstance(split.source, Tensor):
        _check_values(split.source, values, where, "x")
        binary = split.binarised or _is_binary(split.source)
        return Own(split=split, fingerprint=_digest(split, [split.source]), binary=binary)
    return Own(split=split, fingerprint=_digest(split, [], split.fingerprint()), binary=split.binarised)


def _of_dataset(source: Dataset[Any], values: Values, where: str, note: Callable[[str], None]) -> Own:
    try:
        count = len(source)  # type: ignore[arg-type]  # a Dataset need not have a length
    except TypeError:
        raise InvalidInput(f"{where}: {type(source).__name__} has no length; give it a method __len__") from None
    if not count:
        raise InvalidInput(f"{where} is empty: {type(source).__name__} has no examples")
    note(f"reading the {count:,} examples of {type(source).__name__} once, to check them")
    items = _Items(source, values, where)
    columns = _read_columns(items, count)
    binary = bool(columns.pop("x").all())
    split = Split(source=_Examples(items), shape=items.shape, columns=columns, preparation=_scaled(items.dtype, values))
    names = getattr(source, "classes", ())
    named = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
    return Own(
        split=split,
        fingerprint=_digest(split, _looked_at(items, count)),
        binary=binary,
        names=tuple(names) if named else (),
    )


class _Items(Dataset[dict[str, Tensor]]):
    """The examples of a caller's Dataset as tensors by name, ``x`` among them, each checked to be like the first."""

    def __init__(self, source: Dataset[Any], values: Values, where: str) -> None:
        self.source, self.values, self.where = source, values, where
        x = self._read(0)["x"]
        self.shape, self.dtype = tuple(x.shape), x.dtype
        _check_shape(self.shape, values, f"{where}[0]", "x")

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        item, where = self._read(index), f"{self.where}[{index}]"
        x = item["x"]
        if (tuple(x.shape), x.dtype) != (self.shape, self.dtype):
            raise InvalidInput(
                f"{where} is {x.dtype} of shape {tuple(x.shape)}, and the first example {self.dtype} of shape "
                f"{self.shape}; make them alike, with torchvision.transforms.v2.Resize for instance"
            )
        _check_values(x, self.values, where, "x")
        return item

    def _read(self, index: int) -> dict[str, Tensor]:
        where = f"{self.where}[{index}]"
        try:
            item = self.source[index]
        except GenzooError:
            raise
        except Exception as error:  # the caller's code
            raise InvalidInput(f"{where} cannot be read: {type(error).__name__}: {error}") from error
        x, columns = _item(item, where)
        return {"x": _plain(x, where), **{name: _number(name, value, where) for name, value in columns.items()}}


class _Examples(Dataset[Tensor]):
    """The x of items alone."""

    def __init__(self, items: _Items) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items.source)  # type: ignore[arg-type]  # it has a length, or there were no items

    def __getitem__(self, index: int) -> Tensor:
        x: Tensor = self.items[index]["x"]
        return x


def _read_columns(items: _Items, count: int) -> dict[str, Tensor]:
    """The columns of all examples, which are checked on the way, and as ``x`` whether they are all 0 and 1."""
    rows: dict[str, list[Tensor]] = {}
    for batch in read(_Columns(items), torch.arange(count, device="cpu"), BATCH):
        for name, values in batch.items():
            rows.setdefault(name, []).append(values)
    return {name: _column(name, torch.cat(values), items.where) for name, values in rows.items()}


class _Columns(Dataset[dict[str, Tensor]]):
    """The columns of items; as ``x``, whether all its numbers are 0 or 1."""

    def __init__(self, items: _Items) -> None:
        self.items = items

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        item = self.items[index]
        return {**item, "x": torch.tensor(_is_binary(item["x"]))}


def _looked_at(items: _Items, count: int) -> list[Tensor]:
    """Some examples from everywhere; none if they are not the same twice."""
    chosen = torch.linspace(0, count - 1, min(count, LOOKED_AT), dtype=torch.float64, device="cpu").long().tolist()
    looks = []
    for _ in range(2):
        with kept_random_state(seed=0):
            looks.append([items[index]["x"] for index in chosen])
    return looks[0] if all(map(torch.equal, *looks)) else []


def _digest(split: Split, examples: list[Tensor], more: str = "") -> str:
    """The number, the shape, the columns that are tensors, and these examples."""
    digest = hashlib.blake2b(f"{len(split)} {tuple(split.shape)} {more}".encode(), digest_size=8)
    columns = [values for _, values in sorted(split.columns.items()) if isinstance(values, Tensor)]
    for tensor in (*examples, *columns):
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _item(item: Any, where: str) -> tuple[Any, Mapping[str, Any]]:
    """x and the columns of an example as a Dataset gives it, or of all of them."""
    if isinstance(item, Mapping):
        if "x" not in item:
            known = ", ".join(map(str, item)) or "nothing"
            raise InvalidInput(f"{where} has no 'x' among its columns ({known}): call the pictures 'x'")
        return item["x"], {name: value for name, value in item.items() if name != "x"}
    if isinstance(item, tuple | list):
        if len(item) not in (1, 2):
            raise InvalidInput(
                f"{where} has {len(item)} parts; wanted x, (x, label), or a dict of 'x' and columns by name"
            )
        return item[0], {} if len(item) == 1 else {"label": item[1]}
    return item, {}


def _plain(x: Any, where: str) -> Tensor:
    """x on the CPU: float32, uint8 or whole numbers; InvalidInput if it is none of these."""
    if type(x).__module__.startswith("PIL."):
        from genzoo.pictures import to_tensor

        if x.mode not in ("L", "RGB"):
            raise InvalidInput(f"{where}: a picture of mode {x.mode}; x.convert('RGB') gives it colours")
        pixels: Tensor = to_tensor(x)
        return pixels
    if hasattr(x, "__array__") and not isinstance(x, Tensor):
        x = torch.as_tensor(x)
    if not isinstance(x, Tensor):
        raise InvalidInput(f"{where}: examples are tensors; got {type(x).__name__}")
    if x.is_complex() or x.dtype == torch.bool or x.layout != torch.strided:
        kind = x.dtype if x.layout == torch.strided else x.layout
        raise InvalidInput(f"{where}: examples are floats in [0, 1] or bytes; got {kind}; x.float() makes them floats")
    plain: Tensor = x.detach().cpu()
    return plain.float() if plain.is_floating_point() else plain


def _check_shape(shape: tuple[int, ...], values: Values, where: str, x: str) -> None:
    """InvalidInput for what looks like pictures of which the channels are missing or stand last."""
    if values == "unit" and len(shape) == 2:
        raise InvalidInput(f"{where}: pictures have shape (channels, height, width); got {shape}: {x}.unsqueeze(-3)")
    if values == "unit" and len(shape) == 3 and shape[2] in (1, 3) and shape[0] not in (1, 3):
        raise InvalidInput(
            f"{where}: pictures have shape (channels, height, width); got {shape}: {x}.movedim(-1, -3) puts the "
            "channels first"
        )
    if 0 in shape or not shape:
        raise InvalidInput(f"{where}: an example has a shape of lengths of at least 1; got {shape}")


def _check_values(x: Tensor, values: Values, where: str, name: str) -> None:
    """InvalidInput unless all are finite and in the range of `values`."""
    if values == "index" and x.dtype not in INDICES:
        raise InvalidInput(f"{where}: the model takes whole numbers below its alphabet; got {x.dtype}: {name}.long()")
    if values != "index" and x.dtype in (*INDICES, torch.int8):
        raise InvalidInput(
            f"{where}: whole numbers are bytes, 0 to 255; got {x.dtype}: {name}.to(torch.uint8), or {name}.float() for "
            "numbers"
        )
    if not x.is_floating_point() or not x.numel():
        return
    low, high = (end.item() for end in x.aminmax())
    if not (isfinite(low) and isfinite(high)):
        raise InvalidInput(f"{where} has values that are NaN or infinite; leave these examples out")
    if values == "unit" and not 0 <= low <= high <= 1:
        ways = {(0, 255): f"; {name} / 255 makes them so", (-1, 1): f"; ({name} + 1) / 2 makes them so"}
        hint = next((way for (least, most), way in ways.items() if least <= low and high <= most), "")
        raise InvalidInput(f"{where}: values must lie in [0, 1]; these lie in [{low:g}, {high:g}]{hint}")


def _is_binary(x: Tensor) -> bool:
    one = 255 if x.dtype == torch.uint8 else 1
    return bool(((x == 0) | (x == one)).all())


def _scaled(dtype: torch.dtype, values: Values) -> str:
    return "bytes from 0 to 255 stand for [0, 1]" if dtype == torch.uint8 and values != "index" else ""


def _number(name: str, value: Any, where: str) -> Tensor:
    """The value of a column of one example."""
    try:
        return torch.as_tensor(value).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        raise InvalidInput(
            f"{where}: the column {name!s:.40} has {type(value).__name__}, and columns are numbers; leave it out"
        ) from None


def _column(name: str, values: Any, where: str) -> Tensor:
    """The values of a column of all examples; truth values are the indices 0 and 1."""
    rows = _number(name, values, where)
    rows = rows.long() if rows.dtype == torch.bool else rows
    if rows.is_floating_point() and not rows.isfinite().all():
        raise InvalidInput(f"{where}: the column {name!s:.40} has values that are NaN or infinite; leave them out")
    return rows.float() if rows.is_floating_point() else rows
