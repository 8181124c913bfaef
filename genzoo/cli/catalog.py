"""list, show: what there is. Free of torch."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from genzoo import catalog
from genzoo.cli.output import echo, echo_lines
from genzoo.errors import NotFound, did_you_mean
from genzoo.registry import registry
from genzoo.text import one_line

__all__ = ["as_json", "list_command", "print_table", "show_command"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON; errors too, on stderr.")


@click.command("list", short_help="List checkpoints by pattern.")
@click.argument("pattern", default="*")
@as_json
def list_command(pattern: str, as_json: bool) -> None:
    """List the checkpoints whose name matches PATTERN (e.g. 'vae-*'); bare names when piped."""
    names = catalog.list_models(pattern)
    if not names and not set(pattern) & set("*?["):
        hint, near = did_you_mean(pattern, catalog.list_models())
        raise NotFound(f"no checkpoint is called {pattern!r:.80}{hint or '; see: genzoo list'}", suggestions=near)
    rows = [catalog.summary(name) for name in names]
    if as_json:
        echo_lines(json.dumps(rows, indent=1))
    elif sys.stdout.isatty():
        print_table(catalog.OVERVIEW, [catalog.overview(row) for row in rows])
    else:
        for row in rows:
            echo(row["name"])
    if not rows:
        echo(f"genzoo: no checkpoint matches {pattern!r}", err=True)
    _note_failures()


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table to the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*header, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))  # a Text has no markup
    Console().print(table)


def _note_failures() -> None:
    if failed := registry().failed:
        names = ", ".join(f"{plugin.name} ({plugin.distribution})" for plugin in failed)
        echo(f"genzoo: not loaded: {names}; see: genzoo plugins", err=True)


@click.command("show", short_help="Show a checkpoint, architecture, objective or data set.")
@click.argument("name")
@as_json
def show_command(name: str, as_json: bool) -> None:
    """Show the record of a checkpoint, by name or run folder (a path with a '/').

    Of a family, architecture, objective or data set (vae, conv, elbo, mnist): what it is, and the keys a recipe may
    give.
    """
    record = catalog.describe(name)
    if as_json:
        echo_lines(json.dumps(record, indent=1))
        return
    for key, value in record.items():
        if isinstance(value, dict) and value:
            echo(key)
            for inner, entry in value.items():
                echo(f"  {inner:<19} {_inline(entry)}")
        elif value not in (None, {}):
            echo(f"{key:<22}{_inline(value)}")


def _inline(value: Any) -> str:
    """A value of a record on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_inline(entry)}" for key, entry in value.items())
    if isinstance(value, list | tuple):
        if any(isinstance(item, float) for item in value):
            return " ".join(map(_inline, value))
        return (", " if any(isinstance(item, str) for item in value) else "×").join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
