"""--given: what a model is told, as a command line writes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from math import lcm
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genzoo.catalog import find_data
from genzoo.errors import InvalidInput
from genzoo.files import user_path

if TYPE_CHECKING:
    from torch import Tensor

    from genzoo.models import Model

__all__ = ["Given", "given_option", "parse_given", "read_images", "told"]

MAX_RANGE = 100_000
RANGE = re.compile(r"(\d{1,18})\.\.(\d{1,18})")


@dataclass(frozen=True, kw_only=True)
class Given:
    """What --given and --resize say, or another `option` of what a model is told."""

    texts: tuple[str, ...] = ()
    resize: bool = False
    option: str = "--given"

    @cached_property
    def values(self) -> dict[str, list[str]]:
        """See `parse_given`."""
        return parse_given(self.texts, self.option)


def given_option(command: Callable[..., None]) -> Callable[..., None]:
    """--given and --resize; a command takes them as `given`."""

    @wraps(command)
    def run(*, given: tuple[str, ...], resize: bool, **options: Any) -> None:
        command(given=Given(texts=given, resize=resize), **options)

    told = "What the model is told: label=3, label=0..9 (one each), label=cat,dog, size='1 2', source=a.png."
    option = click.option("--given", metavar="COLUMN=VALUE", multiple=True, help=told)
    return option(click.option("--resize", is_flag=True, help="Make pictures in --given the size that is wanted.")(run))


def parse_given(texts: Iterable[str], option: str = "--given") -> dict[str, list[str]]:
    """The values of each column, by name: ``label=0..2,glasses=yes`` is {"label": ["0", "1", "2"], "glasses": ["yes"]}.

    Raises:
        InvalidInput: a text does not begin with a column, a column is there twice, or a range cannot be one.
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        values: list[str] | None = None
        for part in text.split(","):
            name, equals, value = map(str.strip, part.partition("="))
            if equals and name in found:
                raise InvalidInput(f"{option} has {name:.40} twice; write all its values at once: {name:.40}=3,5")
            if equals and name:
                values = found[name] = []
            if values is None or (equals and not name):
                raise InvalidInput(f"{option} {text!r:.80} must be COLUMN=VALUE, e.g. {option} label=3")
            values += _range(value if equals else name, option)
    return found


def _range(text: str, option: str) -> list[str]:
    match = RANGE.fullmatch(text)
    if not match:
        return [text]
    first, last = int(match[1]), int(match[2])
    if first > last:
        raise InvalidInput(f"{option}: {text:.40} is no range; write the smaller number first, as in 0..9")
    if last - first >= MAX_RANGE:
        raise InvalidInput(f"{option}: {text:.40} has more than the {MAX_RANGE:,} values allowed")
    return [str(number) for number in range(first, last + 1)]


def told(model: Model, given: Given, n: int, known: Mapping[str, Any]) -> dict[str, Any]:
    """What a verb of the model is told of n examples: the values in `given`, in turn where there are fewer than n, and
    for other columns what is `known` of the examples; InvalidInput if there are more than n."""
    from genzoo.models.given import check_known

    columns = model.spec.given
    check_known(columns, given.values, model.name)
    found = {name: values for name, values in known.items() if name in columns}
    for name, values in given.values.items():
        if len(values) > n:
            raise InvalidInput(
                f"{given.option} {name}: {len(values)} values for {n} example{'s' * (n != 1)}; give at most {n}"
            )
        if columns[name].is_picture:
            rows: Any = _pictures(name, values, columns[name].space.shape, given)
        elif columns[name].space.values == "index":
            rows = values
        else:
            rows = [_numbers(name, value, columns[name].space.shape, given.option) for value in values]
        found[name] = rows[0] if len(rows) == 1 else [rows[i % len(rows)] for i in range(n)]
        if columns[name].is_picture and len(rows) > 1:
            import torch

            found[name] = torch.stack(found[name])
    _refuse_excluded(model, given, {name: found[name] for name in given.values}, n)
    return found


def _refuse_excluded(model: Model, given: Given, values: Mapping[str, Any], n: int) -> None:
    """InvalidInput if no example of the model's data set has these values together."""
    from genzoo.models.given import as_column, settled

    columns = {name: model.spec.given[name] for name in values if model.spec.given[name].names}
    if len(columns) < 2 or model.checkpoint is None or (dataset := find_data(model.checkpoint)) is None:
        return
    n = min(n, lcm(*map(len, given.values.values())))  # after which they begin again
    first = {name: rows[:n] if isinstance(rows := values[name], list) else rows for name in columns}
    rows = {
        name: as_column(column, first[name], n, f"{given.option} {name}", model.reference)
        for name, column in columns.items()
    }
    settled(columns, dataset.exclusions, rows, rows)


def read_images(paths: tuple[Path, ...], shape: tuple[int, ...]) -> Tensor:
    """The images in files, (n, *shape) in [0, 1]."""
    import torch

    from genzoo.datasets.images import read_image

    return torch.stack([read_image(path, shape) for path in paths]).float() / 255


def _pictures(name: str, values: list[str], shape: tuple[int, ...], given: Given) -> Tensor:
    """The pictures in files; InvalidInput if one has another size than is wanted, and is not to be resized."""
    from genzoo.datasets.images import open_image

    paths = tuple(user_path(value) for value in values)
    for path in () if given.resize else paths:
        if (size := open_image(path, "RGB").size) != (shape[2], shape[1]):
            raise InvalidInput(
                f"{given.option} {name}: {path} has {size[0]}×{size[1]} pixels, and {name} takes "
                f"{shape[2]}×{shape[1]}; --resize crops and resizes it"
            )
    return read_images(paths, shape)


def _numbers(name: str, text: str, shape: tuple[int, ...], option: str) -> float | list[float]:
    """A number, or those of a vector with spaces between them."""
    try:
        numbers = [float(part) for part in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) != (shape[0] if shape else 1):
        wanted = f"{shape[0]} numbers with spaces between them" if shape else "a number"
        raise InvalidInput(f"{option} {name}={text:.40}: {name} takes {wanted}")
    return numbers if shape else numbers[0]
