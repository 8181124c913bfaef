"""plugins and new: what is installed and what is wrong with it, and a plugin to begin with. Free of torch, but for
checks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from genzoo import __version__
from genzoo.cli.catalog import as_json
from genzoo.cli.output import echo, echo_lines, echo_path
from genzoo.cli.wheels import unpack
from genzoo.discovery import discover, same_distribution
from genzoo.errors import InvalidInput, NotFound, PluginError, did_you_mean
from genzoo.files import user_path
from genzoo.hookspecs import API_VERSION
from genzoo.isolated import python
from genzoo.registry import Registry, check_strictly
from genzoo.scaffold import FAMILIES, scaffold

__all__ = ["new_command", "plugins_command"]


@click.group("plugins", invoke_without_command=True, short_help="List plugins and what is wrong with them.")
@as_json
@click.pass_context
def plugins_command(context: click.Context, as_json: bool) -> None:
    """List the installed plugins: where each comes from, what it offers, and why one does not work.

    GENZOO_BLOCK_PLUGINS keeps the distributions that it lists out, GENZOO_ONLY_PLUGINS all others but genzoo's own;
    GENZOO_STRICT_PLUGINS=1 makes a plugin that does not work an error.
    """
    if context.invoked_subcommand:
        return
    found = Registry(discover())
    rows = [plugin.summary() for plugin in found.plugins]
    if as_json:
        echo_lines(json.dumps(rows, indent=1))
    else:
        echo(f"genzoo {__version__}, plugin API {API_VERSION}, {sys.executable}")
        for row in rows:
            _print(row)
    check_strictly(found)


def _print(row: Mapping[str, Any]) -> None:
    api = f"API {row['api']}  " if row["api"] is not None else ""
    offers = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in row["offers"].items())
    echo(f"{row['name']}  {row['distribution']} {row['version']}  {api}{row['status']}  {offers}".rstrip())
    for line in filter(None, (row["reason"], row["path"])):
        echo(f"    {line}")


@plugins_command.command("check", short_help="Hold what plugins declare to the laws.")
@click.argument("what", metavar="[DISTRIBUTION|WHEEL]", required=False)
def check_command(what: str | None) -> None:
    """Hold what a plugin's distribution declares to the laws of genzoo.testing: all installed ones without a name.

    A WHEEL (a path that ends in .whl) is unpacked and checked as if it were installed, before it is. That runs its
    code, with your rights, in a process of its own: the plugin's module, as listing the zoo does, and the modules that
    its records name. Check no wheel that you would not install. The models themselves are held to their laws by the
    plugin's tests.
    """
    if what and what.endswith(".whl"):
        _check_wheel(user_path(what))
        return
    distributions = sorted({plugin.distribution for plugin in discover()})
    chosen = [name for name in distributions if not what or same_distribution(name, what)]
    if not chosen:
        hint, near = did_you_mean(str(what), distributions)
        raise NotFound(f"no plugin is of a distribution {what!r:.80}{hint}; see: genzoo plugins", suggestions=near)
    if broken := [line for name in chosen for line in _check(name)]:
        raise PluginError("\n".join(["what is declared is not so:", *broken]))


def _check(distribution: str) -> list[str]:
    """What is wrong with a distribution; says how much is not."""
    from genzoo.testing import declared

    cases, broken = list(declared(distribution)), []
    excused = [case for case in cases if case.reason]
    for case in (case for case in cases if not case.reason):
        try:
            case.check()
        except AssertionError as error:
            broken.append(str(error))
    echo(f"{distribution}: {len(cases) - len(excused) - len(broken)} of {len(cases)} checks hold")
    for case in excused:
        echo(f"    {case} cannot: {case.reason}")
    return broken


CHECK_SECONDS = 600
"""For the check of a wheel: importing torch, and drawing what data sets draw, take seconds."""
_CHECK_AND_TELL = """
import pathlib, sys
from genzoo.cli import run
pathlib.Path(sys.argv[2]).write_text(str(run(["plugins", "check", sys.argv[1]])))
"""


def _check_wheel(path: Path) -> None:
    """Check a wheel in a process of its own, in which its files lie unpacked before all others. It writes down its exit
    code in the end, as what is imported may end it before, with any code."""
    with tempfile.TemporaryDirectory() as folder:
        told, unpacked = Path(folder, "code"), Path(folder, "wheel")
        name = unpack(path, unpacked)
        echo(f"genzoo: this runs the code of {path}, as installing and importing it would", err=True)
        ended = _run_alone(python(_CHECK_AND_TELL, name, str(told), first=[str(unpacked)]))
        if not told.exists():
            how = f"exit code {ended}" if ended >= 0 else signal.strsignal(-ended)
            raise PluginError(f"importing what {path} holds ends the process: {how}; no module of a plugin may do that")
        code = int(told.read_text())
    if code:
        click.get_current_context().exit(code)


def _run_alone(command: Sequence[str]) -> int:
    """The exit code of a command without input; every process that it started is ended with it.

    Raises:
        PluginError: it took longer than CHECK_SECONDS.
    """
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True) as process:  # noqa: S603  # ours
        try:
            return process.wait(CHECK_SECONDS)
        except subprocess.TimeoutExpired:
            raise PluginError(f"the check took longer than {CHECK_SECONDS} seconds, and was ended") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()


@plugins_command.command("golden", short_help="Write the golden outputs of a checkpoint.")
@click.argument("name")
def golden_command(name: str) -> None:
    """Write the golden outputs of a checkpoint beside its record, by name or folder (a path with a '/').

    A plugin ships them with the weights, and its tests compute them again.
    """
    from genzoo.testing import write_golden

    echo_path(write_golden(name))


@click.command("new", short_help="Begin a plugin of your own.")
@click.argument("name")
@click.option(
    "--family", type=click.Choice(list(FAMILIES)), default="vae", show_default=True, help="What to begin with."
)
@click.pass_context
def new_command(context: click.Context, name: str, family: str) -> None:
    """Write a distribution NAME (genzoo-yours) that works at once: networks, a recipe, tests and CI.

    'custom' begins with a family, objective, data set, metric and command of its own.
    """
    if (short := name.removeprefix("genzoo-")) in getattr(context.find_root().command, "commands", ()):
        raise InvalidInput(f"{short!r} is a command of genzoo; give another name")
    folder = scaffold(name, family)
    echo_path(folder)
    echo(f"next: pip install -e './{folder}[test]' && genzoo plugins && pytest {folder}", err=True)
