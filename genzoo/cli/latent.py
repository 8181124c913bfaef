"""traverse, interpolate, map: looking at a latent space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from genzoo.cli.common import (
    Starts,
    device_option,
    force_option,
    load_model,
    output_option,
    seed_option,
    starts_options,
    target_of,
    want_pictures,
    write,
)
from genzoo.cli.given import Given, given_option, told
from genzoo.cli.output import echo
from genzoo.errors import InvalidInput

if TYPE_CHECKING:
    from torch import Tensor

    from genzoo.models import Model

__all__ = ["interpolate_command", "map_command", "traverse_command"]

SEQUENCES = (".png", ".gif", ".webp")
SHOWN = 10
steps = click.IntRange(2, 1000)


@click.command("traverse", short_help="Move one latent and keep the others.")
@click.argument("name")
@starts_options(1)
@seed_option
@click.option(
    "--latent", "chosen", type=click.IntRange(0), multiple=True, help="Which [default: the 10 most informative]."
)
@click.option(
    "--span", type=float, nargs=2, default=(-3.0, 3.0), show_default=True, help="From, to, in standard deviations."
)
@click.option("--steps", type=steps, default=11, show_default=True, help="How many values.")
@output_option("PNG, GIF or WebP")
@force_option
@device_option
def traverse_command(
    name: str,
    starts: Starts,
    seed: int,
    chosen: tuple[int, ...],
    span: tuple[float, float],
    steps: int,
    output: Path | None,
    force: bool,
    device: str,
) -> None:
    """Move one latent and keep the others: a row for each latent, of a picture's code or of a sample's (--seed).

    In a GIF or WebP the latents move. Of several pictures each has a row, beside one another where they move. NAME is
    the name of a checkpoint, or a run folder (a path with a '/').
    """
    target = target_of(name, "traversal", output, *SEQUENCES, force=force)
    model = _load(name, device, "traverse(z, latent=0)")
    z, told = starts.codes(model, seed)
    import torch

    known = {latent.index: latent for latent in model.latents()}
    rows = chosen or tuple(index for index, latent in known.items() if latent.active is not False)[:SHOWN]
    _write(
        target, torch.cat([model.traverse(z, latent=j, span=span, steps=steps, **told) for j in rows]), columns=len(z)
    )
    echo(f"genzoo: from the top: {', '.join(known[j].told() for j in rows)}", err=True)


@click.command("interpolate", short_help="Walk from one picture to the next.")
@click.argument("name")
@starts_options(6)
@seed_option
@click.option("--steps", type=steps, default=10, show_default=True, help="How many pictures, with both ends.")
@click.option("--mode", type=click.Choice(["linear", "spherical"]), default="linear", show_default=True)
@output_option("PNG, GIF or WebP")
@force_option
@device_option
def interpolate_command(
    name: str,
    starts: Starts,
    seed: int,
    steps: int,
    mode: Literal["linear", "spherical"],
    output: Path | None,
    force: bool,
    device: str,
) -> None:
    """Walk in the latent space from each picture to the next, or from sample to sample (--seed): a row for each way.

    In a GIF or WebP all walk at once. NAME is the name of a checkpoint, or a run folder (a path with a '/').
    """
    target = target_of(name, "interpolation", output, *SEQUENCES, force=force)
    model = _load(name, device, "interpolate(z[:-1], z[1:])")
    z, told = starts.codes(model, seed)
    if len(z) < 2:
        raise InvalidInput("a way leads from one picture to another: give two image files, or -n 2")
    ways = {name: rows[:-1] for name, rows in model.told(told, len(z), "interpolate").items()}
    _write(target, model.interpolate(z[:-1], z[1:], steps, mode=mode, **ways))


@click.command("map", short_help="Draw the map of a model with two latents.")
@click.argument("name")
@click.option("-n", "count", type=click.IntRange(2, 100), default=20, show_default=True, help="Pictures on each side.")
@click.option(
    "--extent",
    type=float,
    help="Equally spaced, up to so many standard deviations [default: quantiles of the normal distribution].",
)
@given_option
@output_option("PNG")
@force_option
@device_option
def map_command(
    name: str,
    count: int,
    extent: float | None,
    given: Given,
    output: Path | None,
    force: bool,
    device: str,
) -> None:
    """Draw what a model with two latents decodes everywhere: the first from left to right, the second upwards.

    NAME is the name of a checkpoint, or a run folder (a path with a '/').
    """
    target = target_of(name, "map", output, ".png", force=force)
    model = _load(name, device, "manifold()")
    _write(target, model.manifold(count, extent=extent, **told(model, given, 1, {})))


def _load(name: str, device: str, call: str) -> Model:
    """A model that decodes pictures; `call` does in Python what the command does."""
    model = load_model(name, device)
    model.decode  # noqa: B018  # refused here if it cannot
    want_pictures(model, name, call)
    return model


def _write(target: Path | None, pictures: Tensor, columns: int | None = None) -> None:
    """Rows of pictures side by side, or one after the other in a file that can move; `columns` are those of a frame."""
    from genzoo.pictures import animate, png, strip

    match target.suffix.lower() if target else "":
        case ".gif":
            write(target, animate(pictures, columns=columns).encode("gif"))
        case ".webp":
            write(target, animate(pictures, columns=columns).encode("webp"))
        case _:
            write(target, png(strip(pictures)))
