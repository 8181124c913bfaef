"""--given: what a model is told, as a command line writes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genzoo.errors import InvalidInput
from genzoo.files import user_path

if TYPE_CHECKING:
    from torch import Tensor

    from genzoo.models import Model

__all__ = ["given_option", "parse_given", "read_images", "told"]

MAX_RANGE = 100_000
RANGE = re.compile(r"(\d{1,18})\.\.(\d{1,18})")

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
        InvalidInput: a text does not begin with a column, a column is there twice, or a range cannot be one.
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        values: list[str] | None = None
        for part in text.split(","):
            name, equals, value = map(str.strip, part.partition("="))
            if equals and name in found:
                raise InvalidInput(f"--given has {name:.40} twice; write all its values at once: {name:.40}=3,5")
            if equals and name:
                values = found[name] = []
            if values is None or (equals and not name):
                raise InvalidInput(f"--given {text!r:.80} must be COLUMN=VALUE, e.g. --given label=3")
            values += _range(value if equals else name)
    return found


def _range(text: str) -> list[str]:
    match = RANGE.fullmatch(text)
    if not match:
        return [text]
    first, last = int(match[1]), int(match[2])
    if first > last:
        raise InvalidInput(f"--given: {text:.40} is no range; write the smaller number first, as in 0..9")
    if last - first >= MAX_RANGE:
        raise InvalidInput(f"--given: {text:.40} has more than the {MAX_RANGE:,} values allowed")
    return [str(number) for number in range(first, last + 1)]


def told(model: Model, given: Mapping[str, list[str]], n: int, known: Mapping[str, Any]) -> dict[str, Any]:
    """What a verb of the model is told of n examples: the values in `given`, in turn where there are fewer than n, and
    for other columns what is `known` of the examples; InvalidInput if there are more than n."""
    from genzoo.models.given import check_known

    columns = model.spec.given
    check_known(columns, given, model.name)
    found = {name: values for name, values in known.items() if name in columns}
    for name, values in given.items():
        if len(values) > n:
            raise InvalidInput(
                f"--given {name}: {len(values)} values for {n} example{'s' * (n != 1)}; give at most {n}"
            )
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
