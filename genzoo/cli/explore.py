"""explore and gallery: the page of a model, served here or written to files."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from genzoo.cli.process import keep_memory
from genzoo.cli.common import data_root_option, device_option, load_model

__all__ = ["explore_command"]


@click.command("explore", short_help="Open a page to move through a latent space.")
@click.argument("name")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1 [default: a free one].")
@click.option("--no-browser", is_flag=True, help="Print the address alone.")
@data_root_option
@device_option
def explore_command(name: str, port: int, no_browser: bool, data_root: Path | None, device: str) -> None:
    """Open a page in the browser on which each latent of a model has a slider, and serve it until Ctrl-C.

    Pictures to begin with come from the data set of the model, where there is one. Nothing leaves this machine, and no
    other one can ask. NAME is the name of a checkpoint, or a run folder (a path with a '/').
    """
    keep_memory()
    from genzoo.api.build import load
    from genzoo.explore.server import PageServer
    from genzoo.explore.studio import Studio

    studio = Studio(load(name, device=device), name, data_root=data_root)
    with PageServer(studio, port) as server:
        click.echo(server.url)
        click.echo("genzoo: serving the page; Ctrl-C stops", err=True)
        if not no_browser:
            webbrowser.open(server.url)
        server.serve_forever()
