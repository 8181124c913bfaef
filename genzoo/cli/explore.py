"""explore and gallery: the page of a model, served here or written to files."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from genzoo.cli.common import data_root_option, device_option, force_option, load_model, path_type
from genzoo.cli.output import echo, echo_path
from genzoo.cli.process import keep_memory
from genzoo.files import user_path

__all__ = ["explore_command", "gallery_command"]


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
    model = load_model(name, device)
    from genzoo.explore.server import PageServer
    from genzoo.explore.studio import Studio

    with PageServer(Studio(model, data_root=data_root), port) as server:
        echo(server.url)
        echo("genzoo: serving the page; Ctrl-C stops", err=True)
        if not no_browser:
            webbrowser.open(server.url)
        server.serve_forever()


@click.command("gallery", short_help="Write pages that run models in the browser.")
@click.argument("names", nargs=-1)
@click.option("--single", metavar="NAME", help="Instead of a folder: one file with the page of this model.")
@click.option(
    "-o", "--output", type=path_type, help="Folder [default: site], or with --single file [default: NAME.html]."
)
@force_option
@data_root_option
def gallery_command(
    names: tuple[str, ...], single: str | None, output: Path | None, force: bool, data_root: Path | None
) -> None:
    """Write a site of plain files: an index, a page with sliders for each model, and a GAN that trains as one looks.

    The models run in the browser, so any file server will do: python -m http.server -d site. NAMES are those of
    checkpoints, or run folders (paths with a '/'); without them, every one is there.
    """
    if names and single:
        raise click.UsageError(f"--single writes one model; leave out {' '.join(names)}, or --single")
    keep_memory()
    from genzoo.explore.gallery import write_gallery, write_single

    if single:
        target = user_path(output or f"{Path(single).resolve().name}.html")
        write_single(single, target, data_root=data_root, force=force)
        echo_path(target)
    else:
        echo_path(write_gallery(names, output or Path("site"), data_root=data_root, force=force))
