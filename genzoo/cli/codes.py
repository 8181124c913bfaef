"""encode, decode: codes to and from files."""

from __future__ import annotations

from pathlib import Path

import click

from genzoo.cli.common import (
    Starts,
    device_option,
    force_option,
    load_model,
    output_option,
    path_type,
    starts_options,
    target_of,
    write,
)
from genzoo.cli.given import Given, given_option, told
from genzoo.errors import InvalidInput
from genzoo.files import user_path

__all__ = ["decode_command", "encode_command"]

CODES = (".npz", ".safetensors")


@click.command("encode", short_help="Write the codes of pictures into a file.")
@click.argument("name")
@starts_options(10_000)
@output_option("NPZ or safetensors")
@force_option
@device_option
def encode_command(name: str, starts: Starts, output: Path | None, force: bool, device: str) -> None:
    """Write the codes of pictures: z (n, latents), and the columns (label, …) or factors (n, factors) that a data set
    has.

    NAME is the name of a checkpoint, or a run folder (a path with a '/').
    """
    starts.require()
    target = target_of(name, "codes", output, *CODES, force=force)
    model = load_model(name, device)
    from genzoo.api.codes import encode_tensors
    from genzoo.latent import in_blocks

    encode = model.encode  # refused here if it cannot
    x, known = starts.examples(model)
    given = model.told(starts.told(model, len(x), known), len(x), "encode")
    write(target, encode_tensors({"z": in_blocks(encode, x, given), **known}, target.suffix.lower() if target else ""))


@click.command("decode", short_help="Decode the codes in a file.")
@click.argument("name")
@click.argument("codes", type=path_type)
@given_option
@output_option("PNG, NPZ or safetensors")
@force_option
@device_option
def decode_command(name: str, codes: Path, given: Given, output: Path | None, force: bool, device: str) -> None:
    """Decode the codes in CODES, an .npz or .safetensors with z (n, latents), into a picture or as x into a file.

    NAME is the name of a checkpoint, or a run folder (a path with a '/').
    """
    target = target_of(name, "decoded", output, ".png", *CODES, force=force)
    model = load_model(name, device)
    from genzoo.api.codes import encode_tensors, read_codes
    from genzoo.latent import in_blocks
    from genzoo.pictures import draw, is_drawable, png

    decode, suffix = model.decode, target.suffix.lower() if target else ""
    z = read_codes(user_path(codes), model.latent_dim)
    if suffix not in CODES and not is_drawable(model.input_shape):
        raise InvalidInput(f"{name} decodes data of shape {model.input_shape}, which cannot be drawn; give -o x.npz")
    x = in_blocks(decode, z, model.told(told(model, given, len(z), {}), len(z), "decode"))
    if suffix in CODES:
        write(target, encode_tensors({"x": x}, suffix))
    else:
        write(target, png(draw(x)))
