"""Printing: all that the command line prints goes through here, so that no text of others controls the terminal or adds
lines to what genzoo says."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from genzoo.text import one_line, printable

__all__ = ["echo", "echo_error", "echo_lines", "echo_path", "echo_table"]


def echo(line: object, *, err: bool = False) -> None:
    """Print one line, whatever is in it."""
    click.echo(one_line(line), err=err)  # noqa: TID251  # as all below


def echo_lines(text: str, *, err: bool = False) -> None:
    """Print text whose lines are genzoo's own: JSON, or a table of cells that are one line each."""
    click.echo(printable(text), err=err, nl=not text.endswith("\n"))  # noqa: TID251


def echo_table(table: str) -> None:
    """Print a table whose cells are one line each, its heading in bold."""
    heading, _, rows = table.partition("\n")
    click.secho(printable(heading), bold=True)
    echo_lines(rows)


def echo_error(message: str) -> None:
    """Print a message to stderr; its further lines are indented, so that none can be taken for another message."""
    echo_lines(f"genzoo: {message}".replace("\n", "\n    "), err=True)


def echo_path(path: str | Path) -> None:
    """Print a path: exactly when piped, so that a program can open it."""
    click.echo(one_line(path) if sys.stdout.isatty() else os.fsencode(path))  # noqa: TID251
