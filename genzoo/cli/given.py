"""--given: what a model is told, as a command line writes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genzoo.errors import InvalidInput, did_you_mean
from genzoo.files import user_path

if TYPE_CHECKING:
    from torch import Tensor

    from genzoo.models import Model

__all__ = ["given_option", "parse_given", "read_images", "told"]

MAX_RANGE = 100_000
RANGE = re.compile(r"(\d+)\.\.(\d+)")

given_option = click.option(
    "--given",
    "given",
    metavar="COLUMN=VALUE",
    multiple=True,
    help="What the model is told: label=3, label=0..9 (one each), label=cat,dog, source=a.png.",
)


def parse_given(texts: Iterable[str]) -> dict[str, list[str]]:
    """The values of each column, by name: ``label=0..2,glasses=yes`` is {"label": ["0", "1", "2"], "glasses": ["yes"]}.

    Raises:
        InvalidInput: a text does not begin with a column, or a range has no end.
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        values: list[str] | None = None
        for part in text.split(","):
            name, equals, value = part.partition("=")
            if equals:
                values = found[name.strip()] = []
            if values is None:
                raise InvalidInput(f"--given {text!r:.80} must be COLUMN=VALUE, e.g. --given label=3")
            values += _range((value if equals else part).strip())
    return found


def _range(text: str) -> list[str]:
    match = RANGE.fullmatch(text)
    if not match:
        return [text]
    first, last = int(match[1]), int(match[2])
    if not first <= last < first + MAX_RANGE:
        raise InvalidInput(f"--given: {text:.40} is no range; write the smaller number first, as in 0..9")
    return [str(number) for number in range(first, last + 1)]


def told(model: Model, given: Mapping[str, list[str]], n: int, known: Mapping[str, Any]) -> dict[str, Any]:
    """What a verb of the model is told of n examples: the values in `given`, in turn where there are fewer than n, and
    for other columns what is `known` of the examples."""
    columns = model.spec.given
    for name in given:
        if name not in columns:
            hint, near = did_you_mean(name, columns)
            takes = ", ".join(columns) or "nothing beside its input"
            raise InvalidInput(f"{model.name} is told {takes}, and no {name!r:.40}{hint}", suggestions=near)
    found = {name: values for name, values in known.items() if name in columns}
    for name, values in given.items():
        if columns[name].is_picture:
            rows: Any = read_images(tuple(Path(user_path(value)) for value in values), columns[name].space.shape)
        elif columns[name].space.values == "index":
            rows = values
        else:
            rows = [_number(name, value) for value in values]
        found[name] = rows[0] if len(rows) == 1 else [rows[i % len(rows)] for i in range(n)]
        if columns[name].is_picture and len(rows) > 1:
            import torch

            found[name] = torch.stack(found[name])
    return found


def read_images(paths: tuple[Path, ...], shape: tuple[int, ...]) -> Tensor:
    """The images in files, (n, *shape) in [0, 1]."""
    import torch

    from genzoo.datasets.images import read_image

    return torch.stack([read_image(path, shape) for path in paths]).float() / 255


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(f"--given {name}={text:.40}: {name} takes a number") from None
