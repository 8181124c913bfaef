"""pull, pin, cache: checkpoints of the Hugging Face Hub on this machine. Free of torch."""

from __future__ import annotations

import json
from pathlib import Path

import click

from genzoo import catalog
from genzoo.cli.catalog import as_json
from genzoo.cli.output import echo, echo_error, echo_lines, echo_path
from genzoo.errors import GenzooError, InvalidInput, NotFound
from genzoo.files import user_path
from genzoo.hub.reference import Reference, is_reference
from genzoo.registry import Found
from genzoo.spec import PARTS_FOLDER, Checkpoint

__all__ = ["cache_group", "pin_command", "pull_command"]


@click.command("pull", short_help="Fetch checkpoints, or copy them into a directory.")
@click.argument("names", nargs=-1)
@click.option("--all", "all_of_them", is_flag=True, help="Every checkpoint that genzoo list names.")
@click.option(
    "--to", "directory", metavar="DIR", type=click.Path(path_type=Path), help="Into DIR/<name>, for GENZOO_HUB=DIR."
)
def pull_command(names: tuple[str, ...], all_of_them: bool, directory: Path | None) -> None:
    """Fetch checkpoints and check them; prints the folder of each.

    NAMES are those of checkpoints, also on the hub (hf:org/name@commit). A directory made with --to DIR serves a
    machine without network: GENZOO_HUB=DIR there. What cannot be had is told, and the others are fetched.
    """
    if bool(names) == all_of_them:
        raise click.UsageError("give names, or --all, one of the two")
    target = None if directory is None else user_path(directory)
    failures: list[GenzooError] = []
    for name in names or catalog.list_models():
        try:
            echo_path(_pull(name, target))
        except GenzooError as error:
            failures.append(error)
            if len(names) != 1:
                echo_error(f"{name}: {error.message}")
    if failures:
        raise failures[0]


def _pull(name: str, target: Path | None) -> Path:
    """Fetch a checkpoint and its parts; the folder of the checkpoint."""
    from genzoo.hub.pull import pull

    found = catalog.find_checkpoint(name)
    folder = pull(found, target and target / found.record.name)
    _pull_parts(found, target and folder)
    return folder


def _pull_parts(found: Found[Checkpoint], folder: Path | None) -> None:
    from genzoo.hub.pull import pull

    for role in found.record.parts:
        part = catalog.find_part(found, role)
        place = folder and folder / PARTS_FOLDER / role
        pull(part, place)
        _pull_parts(part, place)


@click.command("pin", short_help="Print the commit a name on the hub stands for.")
@click.argument("name")
@as_json
def pin_command(name: str, as_json: bool) -> None:
    """Print NAME with the commit it stands for now: hf:org/name@commit, which stays what it is.

    As JSON: repo and commit, with the sha256 and size of the weights, for the record of a plugin.
    """
    if is_reference(name):
        from genzoo.hub.sources import pin

        name = str(pin(Reference.parse(name)))
    record = _on_the_hub(name)
    keys = ("repo", "commit", "sha256", "size_bytes")
    echo_lines(json.dumps({key: getattr(record, key) for key in keys}, indent=1) if as_json else record.pin)


def _on_the_hub(name: str) -> Checkpoint:
    record = catalog.show(name)
    if not record.repo:
        raise InvalidInput(
            f"{name} is on no hub: its weights come with its record, which pins them by their sha256, {record.sha256}"
        )
    return record


@click.group("cache", short_help="List and remove what was fetched from the hub.")
def cache_group() -> None:
    """List and remove the checkpoints in the cache, which genzoo shares with other users of huggingface_hub."""


@cache_group.command("ls", short_help="List them.")
def list_command() -> None:
    """List the checkpoints in the cache: name, size, folder."""
    from genzoo.hub.cache import cached

    found = cached()
    for entry in found:
        echo(f"{entry.pin}  {entry.size / 1e6:.1f} MB  {entry.folder}")
    if not found:
        echo("genzoo: no checkpoint of genzoo is in the cache", err=True)


@cache_group.command("rm", short_help="Remove one.")
@click.argument("name")
def remove_command(name: str) -> None:
    """Remove NAME from the cache: hf:org/name@commit, hf:org/name for all its commits, or the name of a checkpoint."""
    from genzoo.hub.cache import cached, remove

    reference = Reference.parse(name if is_reference(name) else _on_the_hub(name).pin)
    found = [entry for entry in cached(reference.repo) if reference.revision in ("", entry.commit)]
    if not found:
        raise NotFound(f"{reference} is not in the cache; see: genzoo cache ls")
    remove(found)
    for entry in found:
        echo(f"{entry.pin}  {entry.size / 1e6:.1f} MB")
