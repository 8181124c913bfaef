"""push, search: checkpoints on the Hub. huggingface_hub is imported when a command runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from genzoo.cli.catalog import as_json, print_json, print_table
from genzoo.cli.output import echo, echo_lines
from genzoo.cli.process import keep_memory
from genzoo.errors import InvalidInput
from genzoo.text import one_line

if TYPE_CHECKING:
    from genzoo.api.publish import Draft

__all__ = ["push_command", "search_command"]


@click.command("push", short_help="Publish a checkpoint on the Hugging Face Hub.")
@click.argument("name")
@click.argument("repo", metavar="ORG/NAME")
@click.option("--dry-run", is_flag=True, help="Show what would be uploaded, and send nothing.")
@click.option("--private", is_flag=True, help="A repository that nobody else may see.")
@click.option("--license", metavar="SPDX", default="", help="Licence of the weights, if the record states none.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def push_command(
    name: str,
    repo: str,
    dry_run: bool,
    private: bool,
    license: str,  # noqa: A002  # the record's word
    yes: bool,
) -> None:
    """Publish NAME, a checkpoint or a run folder (a path with a '/'), as ORG/NAME, and read it back.

    Writes the card, but for what you wrote between its markers, and tags the commit. Prints the pin: what loads exactly
    this checkpoint, hf:ORG/NAME@COMMIT.
    """
    if not (dry_run or yes or sys.stdin.isatty()):
        raise InvalidInput("a push asks before it publishes, and there is nobody to ask; --yes goes ahead")
    keep_memory()
    from genzoo.api.publish import Draft
    from genzoo.hub.settings import endpoint

    endpoint()  # wrong settings are told before the model is loaded

    draft = Draft.of(name, repo, license=license)
    for file, data in draft.files.items():
        echo(f"{len(data):>12,}  {file}", err=True)
    if dry_run:
        echo_lines(draft.card())
        return
    if not yes:
        _ask(draft, private=private)
    published = draft.publish(private=private)
    if not published.new:
        echo(f"genzoo: {published.tag} of {draft.repo} is this checkpoint already", err=True)
    echo(published.pin)


def _ask(draft: Draft, *, private: bool) -> None:
    """Abort unless a person says yes."""
    from genzoo.hub.settings import shown_endpoint

    seen = "privately" if private else "for everyone to see"
    what = one_line(f"{draft.checkpoint.name} ({draft.checkpoint.license})")
    click.confirm(f"Publish {what} as {draft.repo} on {shown_endpoint()}, {seen}?", abort=True, err=True)


@click.command("search", short_help="Find checkpoints of others on the Hub.")
@click.argument("text", default="")
@click.option("--author", default="", help="Of this user or organisation alone.")
@as_json
def search_command(text: str, author: str, as_json: bool) -> None:
    """Find checkpoints on the Hub whose name has TEXT in it, the most downloaded first; bare names when piped.

    They are anyone's: genzoo checks the bytes of what it loads, not who made it.
    """
    from genzoo.hub.search import search

    rows = search(text, author=author)
    if as_json:
        print_json(rows)
    elif sys.stdout.isatty():
        columns = ("name", "task", "license", "downloads", "tags")
        print_table(columns, [tuple(_text(row[key]) for key in columns) for row in rows], columns[:0:-1])
    else:
        for row in rows:
            echo(row["name"])
    if not rows:
        echo("genzoo: the hub has no such checkpoint", err=True)


def _text(value: str | int | list[str]) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)
