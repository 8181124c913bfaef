"""evaluate, verify, compare: the numbers of models."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genzoo import catalog
from genzoo.cli.catalog import as_json, print_json
from genzoo.cli.common import (
    data_root_option,
    device_option,
    first_batch,
    force_option,
    load_model,
    path_type,
    split_option,
    target_of,
    want_pictures,
)
from genzoo.cli.given import Given, told
from genzoo.cli.output import echo, echo_lines
from genzoo.cli.process import keep_memory
from genzoo.errors import GenzooError, InvalidInput, VerificationFailed
from genzoo.files import atomic_write
from genzoo.notebook import cell, text_table
from genzoo.text import about, one_line

if TYPE_CHECKING:
    from genzoo.api.measuring import Measuring, Report

__all__ = ["compare_command", "evaluate_command", "verify_command"]

LONG = 10
"""Seconds from which on a measurement is worth a word beforehand."""


@click.command("evaluate", short_help="Compute the metrics of a checkpoint anew.")
@click.argument("name")
@data_root_option
@device_option
@click.option("--data", metavar="DATASET[:PATH]", default="", help="Other data than it was trained on.")
@click.option("--metric", "metrics", multiple=True, help="Only this one; may be given several times.")
@click.option(
    "--set", "changes", metavar="KEY=VALUE", multiple=True, help="Otherwise than recorded: evaluation.features=NAME."
)
@as_json
def evaluate_command(
    name: str,
    data: str,
    data_root: Path | None,
    device: str,
    metrics: tuple[str, ...],
    changes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compute the metrics of a checkpoint anew, on the test split of its data set.

    NAME is the name of a checkpoint, or a run folder (a path with a '/'). The floor of a metric is its value for real
    pictures in the place of samples. What a recipe has of it may be changed: --set evaluation.importance_draws=100 for
    the importance weighted bound of a VAE, --set evaluation.features=NAME for the network that samples are compared by.
    """
    keep_memory()
    from genzoo.api.evaluate import evaluate
    from genzoo.training.recipe import parse_override

    overrides = dict(map(parse_override, changes))
    with _progress(name) as report:
        where: dict[str, Any] = {"data": data, "data_root": data_root, "device": device}
        found = evaluate(name, metrics=metrics, overrides=overrides, **where, report=report)
    if as_json:
        print_json(found.to_dict())
        return
    recorded = catalog.show(name).metrics
    if not found:
        echo(f"genzoo: {name}: nothing was measured", err=True)
    for metric, number in found.items():
        floor = "" if number.floor is None else f"floor: {number.floor:.6g}; "
        before = f"{recorded[metric].value:.6g}" if metric in recorded else "none"
        echo(f"{metric}  {number.value:.6g} {number.unit}  ({floor}recorded: {before})")
        for key, detail in number.detail.items():
            numbers = detail if isinstance(detail, list) else [detail]
            echo(f"    {key}  {' '.join(f'{each:.3g}' for each in numbers)}")


@click.command("verify", short_help="Recompute the numbers of checkpoints, and fail if one is wrong.")
@click.argument("names", nargs=-1)
@click.option("--all", "all_of_them", is_flag=True, help="Every checkpoint.")
@click.option("--quick", is_flag=True, help="A few numbers of a few hundred examples: seconds instead of minutes.")
@data_root_option
@device_option
def verify_command(names: tuple[str, ...], all_of_them: bool, quick: bool, data_root: Path | None, device: str) -> None:
    """Compute every recorded number of checkpoints anew; exit 7 if one is outside its tolerance.

    What cannot be checked, because its data is not there, say, is told and the others are checked.
    """
    if bool(names) == all_of_them:
        raise click.UsageError("give names, or --all, one of the two")
    keep_memory()
    from genzoo.api.evaluate import verify

    failures: list[GenzooError] = []
    chosen = names or catalog.list_models()
    if len(chosen) > 1 and not quick:
        _announce(chosen, data_root, device)
    for name in chosen:
        try:
            with _progress(name) as report:
                found = verify(name, quick=quick, data_root=data_root, device=device, report=None if quick else report)
        except GenzooError as error:
            failures.append(error)
            what = "WRONG" if isinstance(error, VerificationFailed) else "not checked"
            echo(f"{name}  {what}: {error.message.removeprefix(f'{name}: ')}")
        else:
            numbers = ", ".join(f"{metric} {number.value:.6g}" for metric, number in found.items())
            few = "  (of few examples, as recorded of the same)" if quick and numbers else ""
            echo(f"{name}  ok  {numbers or 'no number recorded; the weights are as recorded'}{few}")
    wrong = [error.message for error in failures if isinstance(error, VerificationFailed)]
    if wrong:
        raise VerificationFailed("; ".join(wrong))
    if failures:
        raise failures[0]


def _announce(names: Sequence[str], data_root: Path | None, device: str) -> None:
    """Say about how long it takes to verify checkpoints, before it is done."""
    from genzoo.api.evaluate import expected_time

    seconds = 0.0
    for name in names:
        with suppress(GenzooError):  # which will be told in its turn
            seconds += expected_time(name, data_root=data_root, device=device)
    shorter = "; genzoo verify --quick takes seconds" if seconds >= LONG else ""
    echo(f"genzoo: {len(names)} checkpoints, {about(seconds)}{shorter}", err=True)


@contextmanager
def _progress(name: str) -> Iterator[Report]:
    """What takes the Measuring: on a terminal a bar; elsewhere a line for each metric of what takes long. Both say
    first how long that is."""
    told = ""

    def is_new(now: Measuring) -> bool:
        nonlocal told
        new, told = now.metric != told, now.metric
        if new and now.index == 1 and now.seconds >= LONG:
            echo(f"genzoo: {name}: {about(now.seconds)}", err=True)
        return new

    def line(now: Measuring) -> None:
        if is_new(now) and now.seconds >= LONG:
            echo(f"genzoo: {name}: {now.metric} ({now.index} of {now.count})", err=True)

    if not sys.stderr.isatty():
        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=1.0)

        def update(now: Measuring) -> None:
            is_new(now)
            bar.update(task, description=f"{name}: {now.metric} ({now.index} of {now.count})", completed=now.share)

        yield update


@click.command("compare", short_help="Set models side by side: their numbers, and their pictures.")
@click.argument("names", nargs=-1, required=True)
@as_json
@click.option(
    "-o", "--output", type=path_type, help="PNG file: pictures above, a row for what each model makes of them."
)
@click.option("--data", help="The pictures' data set, or a folder: folder:PATH [default: that of the first model].")
@split_option
@click.option("-n", "count", type=click.IntRange(1, 1000), default=12, show_default=True, help="How many of it.")
@data_root_option
@force_option
@device_option
def compare_command(
    names: tuple[str, ...], as_json: bool, output: Path | None, force: bool, device: str, **where: Any
) -> None:
    """Show the recorded numbers of models side by side, and which of them cannot be compared.

    With -o also what each makes of the same pictures: 2 latents against 5 against 32. NAMES are those of checkpoints,
    or run folders (paths with a '/').
    """
    table, notes = catalog.compare(names)
    if output:
        _draw_side_by_side(names, output, force=force, device=device, **where)
    elif where["data"]:
        raise click.UsageError("--data goes with -o FILE, the picture to draw")
    if as_json:
        print_json({"models": table, "notes": notes})
        return
    rows = list(dict.fromkeys(key for column in table for key in column))
    header, *lines = [[one_line(row), *(one_line(_cell(column.get(row))) for column in table)] for row in rows]
    echo_lines(text_table(header, lines))
    for note in notes:
        echo(f"genzoo: {note}", err=True)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.5g}" if isinstance(value, float) else cell(value)


def _draw_side_by_side(
    names: Sequence[str],
    output: Path,
    *,
    force: bool,
    device: str,
    data: str | None,
    split: str | None,
    count: int,
    data_root: Path | None,
) -> None:
    """Pictures, and below them a row of each model's reconstructions."""
    target = target_of("", "", output, ".png", force=force)
    if target is None:
        raise InvalidInput("the numbers go to stdout; give -o a file")
    models = [load_model(name, device) for name in names]
    verbs = [model.reconstruct for model in models]  # refused here if one cannot
    for name, model in zip(names, models, strict=True):
        want_pictures(model, name, "reconstruct(x)")
        if model.input_shape != models[0].input_shape:
            raise InvalidInput(
                f"{name} has pictures of shape {model.input_shape}, and {names[0]} of {models[0].input_shape}; "
                "leave one of them out, or -o"
            )
    import torch

    from genzoo.pictures import png, strip

    chosen = data or catalog.show(names[0]).dataset
    _, batch = first_batch(chosen, split, data_root, models[0], count)
    rows = [
        reconstruct(batch.x, **told(model, Given(), len(batch), batch.known))
        for model, reconstruct in zip(models, verbs, strict=True)
    ]
    atomic_write(target, png(strip(torch.stack([batch.x, *rows]))))
    echo(f"genzoo: {target}: {chosen} above, then {', '.join(names)}", err=True)
