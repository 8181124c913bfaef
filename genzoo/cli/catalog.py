"""list, show: what there is. Free of torch."""

from __future__ import annotations

import json
import math
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from genzoo import catalog
from genzoo.cli.output import echo, echo_lines, echo_table
from genzoo.errors import NotFound, did_you_mean
from genzoo.notebook import text_table
from genzoo.registry import registry
from genzoo.text import one_line

__all__ = ["as_json", "list_command", "print_json", "print_table", "show_command"]

LEAST_WANTED = ("size", "family", "parameters", "latents", "data", "quality")
SCREEN = 80
LEARNED_BY = ("name", "epochs", "steps", "batch_size", "learning_rate")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON; errors too, on stderr.")


def print_json(value: Any) -> None:
    """Print a value as JSON, in which NaN and the infinities are null: JSON has no other word for them."""
    echo_lines(json.dumps(_finite(value), indent=1, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@click.command("list", short_help="List checkpoints by pattern.")
@click.argument("pattern", default="*")
@as_json
def list_command(pattern: str, as_json: bool) -> None:
    """List the checkpoints whose name has PATTERN in it, or matches it (e.g. 'vae-*'); bare names when piped.

    A terminal that is too narrow for all columns gets fewer; --json has all of them.
    """
    names = catalog.list_models(pattern)
    if not names and not catalog.is_pattern(pattern):
        hint, near = did_you_mean(pattern, catalog.list_models())
        raise NotFound(f"no checkpoint is called {pattern!r:.80}{hint or '; see: genzoo list'}", suggestions=near)
    if as_json:
        print_json([catalog.summary(name) for name in names])
    elif sys.stdout.isatty():
        rows = [catalog.overview(catalog.summary(name)) for name in names]
        print_table(catalog.OVERVIEW, rows, LEAST_WANTED)
    else:
        for name in names:
            echo(name)
    if not names:
        echo(f"genzoo: no checkpoint matches {pattern!r}", err=True)
    _note_failures()


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], least_wanted: Sequence[str]) -> None:
    """Print a table to the terminal. Nothing is cut: where it is too wide, columns are left out, in the order of
    `least_wanted`, until it fits."""
    dropped: set[str] = set()
    for column in (*least_wanted, ""):
        kept = [index for index, name in enumerate(header) if name not in dropped]
        first, *others = [[one_line(row[index]) for index in kept] for row in (header, *rows)]
        table = text_table(first, others)
        if max(map(len, table.splitlines())) <= shutil.get_terminal_size().columns:
            break
        dropped.add(column)
    echo_table(table)


def _note_failures() -> None:
    if failed := registry().failed:
        names = ", ".join(f"{plugin.name} ({plugin.distribution})" for plugin in failed)
        echo(f"genzoo: not loaded: {names}; see: genzoo plugins", err=True)


@click.command("show", short_help="Show a checkpoint, architecture, objective or data set.")
@click.argument("name")
@as_json
def show_command(name: str, as_json: bool) -> None:
    """Show the essentials of a checkpoint, by name or run folder (a path with a '/'); --json has its whole record.

    Of a family, architecture, objective or data set (vae, conv, elbo, mnist): what it is, and the keys a recipe may
    give.
    """
    record = catalog.describe(name)
    if as_json:
        print_json(record)
        return
    for label, text in _explained(record) if "kind" in record else _essentials(record):
        _print_line(label, text)


def _print_line(label: str, text: str) -> None:
    """A labelled line; on a terminal that is too narrow for it, the rest stands below the text."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    lines = textwrap.wrap(one_line(text), max(width - len(label), 20), break_long_words=False, break_on_hyphens=False)
    echo_lines(one_line(label) + f"\n{' ' * len(label)}".join(lines))


def _explained(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is no checkpoint, with every key of its config."""
    for key, value in record.items():
        if isinstance(value, dict) and value:
            yield key, ""
            yield from ((f"  {inner:<19} ", _inline(entry)) for inner, entry in value.items())
        elif value not in (None, {}):
            yield f"{key:<22}", _inline(value)


def _essentials(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a person wants to know of a checkpoint, on one screen."""
    config = {key: value for key, value in record["config"].items() if key not in ("input_shape", "latent_dim")}
    sections = [record["recipe"].get(section, {}) for section in ("objective", "training", "optimizer")]
    learned = {key: part[key] for part in sections if isinstance(part, Mapping) for key in LEARNED_BY if part.get(key)}
    count = record["latent_dim"]
    latents = f"{count} latent{'s'[: count != 1]}, " if count else ""
    size = f"{latents}{record['parameters']:,} parameters, {record['size_bytes'] / 1e6:.1f} MB"
    facts = {
        "name": f"{record['name']}: {size}",
        "model": f"{record['family']}-{record['architecture']}: {_inline(config)}",
        "stands on": ", ".join(f"{name} ({role})" for role, name in record.get("parts", {}).items()),
        "data": f"{record['dataset']}, {_inline(record['input_shape'])}",
        "recipe": _inline(learned).removeprefix("name "),
        "trained": _inline(record["trained"]),
        "from": ", ".join(filter(None, (record["plugin"], record["distribution"], record["license"]))),
        **{key: record[key] or "" for key in ("sha256", "pin", "path")},
        "labels": _inline(record["labels"]),
        "told": "; ".join(f"{name}: {wanted}" for name, wanted in record.get("given", {}).items()),
        "predicts": ", ".join(record.get("predicts", {})),
    }
    yield from ((f"{key:<10}", text) for key, text in facts.items() if text)
    width = max(map(len, record["metrics"]), default=0) + 2
    yield from ((f"{name:<{width}}", _number(entry, SCREEN - width)) for name, entry in record["metrics"].items())


def _number(entry: Mapping[str, Any], width: int) -> str:
    """A metric, with as much of its floor and its details as there is room for."""
    text = f"{entry['value']:.5g} {entry['unit']}"
    more = {"floor": entry.get("floor", []), **entry.get("detail", {})}
    for word in (f"; {key} {found}" for key, value in more.items() if (found := _range(value))):
        text += word if len(text + word) <= width else ""
    return text


def _range(value: Any) -> str:
    """A number; of a list the smallest and the largest."""
    numbers = [*_numbers(value)]
    ends = (min(numbers), max(numbers)) if len(numbers) > 1 else numbers
    return "…".join(f"{number:.4g}" for number in ends)


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, list):
        for entry in value:
            yield from _numbers(entry)
    elif isinstance(value, int | float):
        yield value


def _inline(value: Any) -> str:
    """A value of a record on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_inline(entry)}" for key, entry in value.items())
    if isinstance(value, list | tuple):
        if any(isinstance(item, float) for item in value):
            return " ".join(map(_inline, value))
        return (", " if any(isinstance(item, str) for item in value) else "×").join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
