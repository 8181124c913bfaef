"""The command line: parse, call the library, print. Data on stdout; progress, notes and errors on stderr.

Exit codes: 0 done · 1 internal error · 2 wrong usage · 3 not found · 4 network · 5 integrity · 6 a missing optional
part · 7 a number that is not the recorded one · 130 Ctrl-C. Nothing here imports torch before a command needs it.
"""

from __future__ import annotations

import io
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from genzoo import __version__
from genzoo.cli.catalog import list_command, show_command
from genzoo.cli.codes import decode_command, encode_command
from genzoo.cli.edit import edit_command
from genzoo.cli.explore import explore_command, gallery_command
from genzoo.cli.export import export_command
from genzoo.cli.extra import Commands
from genzoo.cli.hub import cache_group, pin_command, pull_command
from genzoo.cli.latent import interpolate_command, map_command, traverse_command
from genzoo.cli.measure import compare_command, evaluate_command, verify_command
from genzoo.cli.output import echo, echo_error, echo_lines
from genzoo.cli.plugins import new_command, plugins_command
from genzoo.cli.process import INTERRUPTED, prepare
from genzoo.cli.publish import push_command, search_command
from genzoo.cli.run import fit_command, reconstruct_command, sample_command, train_command
from genzoo.errors import GenzooError, GenzooWarning

__all__ = ["cli", "main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="genzoo %(version)s")
@click.option("--offline", is_flag=True, help="Ask the hub for nothing; HF_HUB_OFFLINE=1 says the same.")
@click.pass_context
def cli(context: click.Context, offline: bool) -> None:
    """A zoo of deep generative models: list them, sample from them, train them anew."""
    if offline:
        context.with_resource(_environment("HF_HUB_OFFLINE", "1"))


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


for command in (
    list_command,
    show_command,
    sample_command,
    reconstruct_command,
    edit_command,
    traverse_command,
    interpolate_command,
    map_command,
    encode_command,
    decode_command,
    train_command,
    fit_command,
    evaluate_command,
    verify_command,
    compare_command,
    explore_command,
    gallery_command,
    export_command,
    pull_command,
    pin_command,
    cache_group,
    push_command,
    search_command,
    plugins_command,
    new_command,
):
    cli.add_command(command)


def main() -> NoReturn:
    """The entry point: runs the command and exits with its code, never with a traceback for a user's mistake."""
    prepare()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """The exit code of a command line."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", GenzooWarning)
        warnings.showwarning = _show_warning(warnings.showwarning)
        return _run(arguments)


def _show_warning(otherwise: Callable[..., None]) -> Callable[..., None]:
    """How warnings are shown: genzoo's own on one line of stderr, each once, others as before."""
    shown: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, GenzooWarning):
            otherwise(message, category, *where, **more)
        elif (line := f"genzoo: {message}") not in shown:
            shown.add(line)
            echo(line, err=True)

    return show


def _run(arguments: Sequence[str]) -> int:
    try:
        code = cli.main(list(arguments), prog_name="genzoo", standalone_mode=False)
        sys.stdout.flush()
    except GenzooError as error:
        return _fail(arguments, error.code, error.message, error.suggestions, error.exit_code)
    except click.ClickException as error:
        return _usage(arguments, error)
    except (KeyboardInterrupt, click.Abort) as stop:
        reason = stop.__cause__ or stop  # click makes an Abort of a KeyboardInterrupt
        echo(f"genzoo: {' '.join(map(str, reason.args)) or 'stopped'}", err=True)
        return INTERRUPTED
    except OSError as error:  # of stdout: what genzoo writes itself has errors of its own
        return _output(arguments, error)
    except Exception as error:
        if os.environ.get("GENZOO_DEBUG"):
            raise
        cause = f"{type(error).__name__}: {error}".rstrip(": .")
        message = f"internal error: {cause}. Please report it, with what GENZOO_DEBUG=1 prints"
        return _fail(arguments, "internal", message, (), 1)
    return code if isinstance(code, int) else 0


def _output(arguments: Sequence[str], error: OSError) -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered has nowhere to go
    if isinstance(error, BrokenPipeError):  # the reader has what it wanted, e.g. `genzoo list | head -1`
        return 0
    return _fail(arguments, "output", f"cannot write: {error.strerror}", (), 1)


def _usage(arguments: Sequence[str], error: click.ClickException) -> int:
    if "--json" not in arguments:
        error.show(shown := io.StringIO())
        echo_lines(shown.getvalue(), err=True)
        return error.exit_code
    near: Any = getattr(error, "possibilities", None) or ()
    return _fail(arguments, "usage", error.format_message(), tuple(near), error.exit_code)


def _fail(arguments: Sequence[str], code: str, message: str, suggestions: Sequence[str], exit_code: int) -> int:
    if "--json" in arguments:
        error = {"code": code, "message": message, "suggestions": list(suggestions)}
        echo(json.dumps({"error": error}), err=True)
    else:
        echo_error(message)
    return exit_code
