"""edit: pictures with what is told of them changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genzoo.cli.common import (
    Starts,
    device_option,
    force_option,
    load_model,
    output_option,
    starts_options,
    target_of,
    want_pictures,
    write,
)
from genzoo.cli.given import Given, told
from genzoo.cli.output import echo
from genzoo.errors import InvalidInput

if TYPE_CHECKING:
    from torch import Tensor

    from genzoo.api.edit import Edit
    from genzoo.models import Model

__all__ = ["edit_command"]


@click.command("edit", short_help="Change what pictures show.")
@click.argument("name")
@starts_options(8)
@click.option(
    "--original",
    metavar="COLUMN=VALUE",
    multiple=True,
    help="What the pictures show [default: what is known of them, or a feature network sees].",
)
@click.option("--steps", is_flag=True, help="One change after the other: a picture after each of --given.")
@output_option("PNG")
@force_option
@device_option
def edit_command(
    name: str,
    starts: Starts,
    original: tuple[str, ...],
    steps: bool,
    output: Path | None,
    force: bool,
    device: str,
) -> None:
    """Change what pictures show: --given glasses=yes draws each once more, with glasses.

    Each picture has a row: itself, and its edits. Of several values, --given label=0..9, there is an edit for each. A
    feature network reads from a picture what nobody says that it shows (--original), if the data set of the model has
    one. NAME is the name of a checkpoint, or a run folder (a path with a '/').
    """
    starts.require()
    target = target_of(name, "edits", output, ".png", force=force)
    model = load_model(name, device)
    import torch

    from genzoo.api.edit import edit
    from genzoo.pictures import png, strip

    model.edit  # noqa: B018  # refused here if it cannot
    want_pictures(model, name, "edit(x)")
    asked = list(_asked(model, starts.given, steps=steps))
    x, known = starts.examples(model)
    showing = Given(texts=original, resize=starts.given.resize, option="--original")
    shown: Mapping[str, Any] = told(model, showing, len(x), known)
    edits: list[Edit] = []
    for values in asked:
        edits.append(edit(model, x, original=edits[0].original if edits else shown, **values))
    for line in _lines(model, starts, edits):
        echo(f"genzoo: {line}", err=True)
    write(target, png(strip(torch.stack([x, *(found.x for found in edits)], dim=1))))


def _asked(model: Model, given: Given, *, steps: bool) -> Iterator[dict[str, Any]]:
    """What each edit is asked to show: the values of --given in turn, or one column more each time."""
    if not given.values:
        raise click.UsageError(f"say what is to change, --given COLUMN=VALUE; it is told {', '.join(model.spec.given)}")
    count = max(map(len, given.values.values()))
    values = told(model, given, count, {})
    if not steps:
        for i in range(count):
            yield {
                name: rows[i] if count > 1 and len(given.values[name]) > 1 else rows for name, rows in values.items()
            }
        return
    if count > 1:
        raise InvalidInput("--steps takes one value of each column: --given glasses=yes,hat=yes --steps")
    for last in range(len(values)):
        yield dict(list(values.items())[: last + 1])


def _lines(model: Model, starts: Starts, edits: list[Edit]) -> Iterator[str]:
    """What was read from each picture, and what gave way to what is asked."""
    first = edits[0]
    for i in range(len(first.x)):
        picture = str(starts.images[i]) if starts.images else f"picture {i + 1}"
        if first.seen:
            shown = ", ".join(_value(model, name, first.original[name][i]) for name in first.seen)
            yield f"{picture} shows {shown} ({first.seen_by} saw it; --original COLUMN=VALUE says otherwise)"
        gone = [_value(model, name, found.told[name][i]) for found in edits for name in found.gave_way(i)]
        if gone:
            yield f"{picture}: changed too, as what is asked excludes it: {', '.join(dict.fromkeys(gone))}"


def _value(model: Model, name: str, value: Tensor) -> str:
    """A value of a column with names: ``hair=blond``."""
    column, index = model.spec.given[name], int(value)
    if index == column.space.size:
        return f"{name} is not told"
    return f"{name}={column.names[index] if column.names else index}"
