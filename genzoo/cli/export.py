"""export: a verb of a model as a file that runs without genzoo."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import click

from genzoo.catalog import export_suffixes
from genzoo.cli.common import force_option, output_option, target_of, write
from genzoo.cli.output import echo_lines
from genzoo.cli.process import keep_memory

__all__ = ["export_command"]


@click.command("export", short_help="Write a verb as an ONNX or .pt2 file.")
@click.argument("name")
@click.option(
    "--verb",
    default="",
    help="decode, encode, reconstruct, discriminate, classify or drift [default: the first NAME has].",
)
@output_option("ONNX, PT2 or of a plugin's format")
@force_option
def export_command(name: str, verb: str, output: Path | None, force: bool) -> None:
    """Write one verb of a model as a graph for any number of rows: for onnxruntime (.onnx), for torch (.pt2), or in a
    format that a plugin brings.

    Prints to stderr how to load the file. Its metadata has the name, sha256, licence and data set, and shapes and
    ranges. NAME is the name of a checkpoint, or a run folder (a path with a '/').
    """
    suffixes = export_suffixes()
    target = target_of(name, verb or "model", output, *suffixes, force=force)
    keep_memory()
    from genzoo.api.export import exported

    made = exported(name, (target.suffix.lower() if target else "") or suffixes[0], verb)
    write(target, made.data)
    path = repr(str(target)) if target else "PATH"
    usage = indent(made.usage.replace("{path}", path), "    ")
    echo_lines(f"genzoo: to use it in Python:\n{usage}", err=True)
