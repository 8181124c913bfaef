"""sample, reconstruct, train: what runs a model. torch is imported when a command runs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genzoo.catalog import is_path
from genzoo.cli.common import (
    MAX_SAMPLES,
    Starts,
    data_root_option,
    device_option,
    force_option,
    load_model,
    output_option,
    path_type,
    seed_option,
    starts_options,
    target_of,
    want_pictures,
    write,
)
from genzoo.cli.given import Given, given_option, told
from genzoo.cli.output import echo, echo_path
from genzoo.cli.process import INTERRUPTED, keep_memory
from genzoo.errors import InvalidInput, ProcessLost, TrainingDiverged
from genzoo.registry import registry
from genzoo.spec import Objective

if TYPE_CHECKING:
    from genzoo.models import Model

__all__ = ["fit_command", "reconstruct_command", "sample_command", "train_command"]


@click.command("sample", short_help="Draw samples into one picture.")
@click.argument("name")
@click.option(
    "-n", "count", type=click.IntRange(1, MAX_SAMPLES), help="How many [default: 64 pictures, or 2000 points]."
)
@seed_option
@click.option(
    "--sampler", default="", metavar="NAME[:OPTIONS]", help="How to draw them: heun:8 [default: the model's]."
)
@given_option
@output_option("PNG")
@force_option
@device_option
def sample_command(
    name: str,
    count: int | None,
    seed: int,
    sampler: str,
    given: Given,
    output: Path | None,
    force: bool,
    device: str,
) -> None:
    """Draw samples of a model into one PNG: a grid of pictures, a histogram of numbers, or a plot of points.

    `genzoo plugins` lists the samplers, and `genzoo show heun` says what options one takes. `genzoo show NAME` says
    what a model is told (--given).

    NAME is the name of a checkpoint, or a run folder (a path with a '/').
    """
    target = target_of(name, "samples", output, ".png", force=force)
    model = load_model(name, device)
    from genzoo.pictures import draw, how_many, is_drawable, png

    sample = model.sample  # refused here if it cannot
    if not is_drawable(model.input_shape):
        raise InvalidInput(
            f"{name} has samples of shape {model.input_shape}, which are neither pictures nor points in one or two "
            f"dimensions; in Python: genzoo.load({name!r}).sample(64, seed={seed})"
        )
    n = count or max(map(len, given.values.values()), default=1)
    n = n if n > 1 or count else how_many(model.input_shape)
    write(target, png(draw(sample(n, seed=seed, sampler=sampler, **told(model, given, n, {})))))


@click.command("reconstruct", short_help="Encode and decode pictures.")
@click.argument("name")
@starts_options(8)
@output_option("PNG")
@force_option
@device_option
def reconstruct_command(name: str, starts: Starts, output: Path | None, force: bool, device: str) -> None:
    """Encode and decode pictures: the given ones above, what comes back below.

    Pictures are made grey or RGB as the model wants, cropped to its aspect and resized; transparency is laid on white.
    Models of MNIST expect white on black. NAME is the name of a checkpoint, or a run folder (a path with a '/').
    """
    starts.require()
    target = target_of(name, "reconstructions", output, ".png", force=force)
    model = load_model(name, device)
    import torch

    from genzoo.pictures import png, strip

    reconstruct = model.reconstruct  # refused here if it cannot
    want_pictures(model, name, "reconstruct(x)")
    x, known = starts.examples(model)
    write(target, png(strip(torch.stack([x, reconstruct(x, **starts.told(model, len(x), known))]))))


@click.command("train", short_help="Train a recipe.")
@click.argument("recipe", required=False)
@click.option("--like", metavar="NAME", help="Instead of RECIPE: one to use on other data.")
@click.option("--data", metavar="DATASET[:PATH]", help="That data: fashion-mnist, folder:./faces.")
@click.option("--start", metavar="NAME", help="Begin with the weights of a checkpoint or a run folder.")
@click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change the recipe: training.epochs=5.")
@click.option("--minutes", type=float, metavar="M", help="Train for about so long [default: as the recipe says].")
@data_root_option
@click.option("-o", "--output", type=path_type, help="Run folder [default: runs/<name>].")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
@click.option("--force", is_flag=True, help="Replace the run in the folder.")
@device_option
@click.option("--track", metavar="NAME", default="", help="Tell a tracker the terms too: tensorboard, wandb.")
def train_command(
    recipe: str | None,
    like: str | None,
    data: str | None,
    start: str | None,
    changes: tuple[str, ...],
    minutes: float | None,
    data_root: Path | None,
    output: Path | None,
    resume: bool,
    force: bool,
    device: str,
    track: str,
) -> None:
    """Train RECIPE: a TOML file, the name of a recipe or a checkpoint, or a run folder, to train it anew.

    --resume goes on with a run: after an interruption, or for longer (--minutes, --set training.epochs=…). RECIPE may
    then be the run folder.

    Prints the run folder, which `sample`, `reconstruct` and `show` take as a name. Several processes train together
    where torchrun starts them: torchrun --nproc_per_node 2 -m genzoo train RECIPE
    """
    source = _recipe_or_like(recipe, like, data, start)
    if resume and force:
        raise click.UsageError("--resume and --force exclude each other")
    keep_memory()
    from genzoo.api.train import train
    from genzoo.training.recipe import parse_override

    options: dict[str, Any] = {"data_root": data_root, "output": output, "device": device, "track": track}
    options |= {"minutes": minutes, "start": start}
    overrides = dict(map(parse_override, changes))
    with _going_on():
        model = train(source, data=data or "", overrides=overrides, **options, resume=resume, force=force)
    _tell_next(model, data, data_root, device)


@click.command("fit", short_help="Fit a prior to a model's codes.")
@click.argument("name")
@click.option("--prior", metavar="NAME", default="gmm", help="What kind: gmm, a mixture of Gaussians [default: gmm].")
@click.option("--given", metavar="COLUMN", multiple=True, help="A column that it is told, such as label.")
@click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change the recipe: model.components=100.")
@data_root_option
@click.option("-o", "--output", type=path_type, help="Run folder [default: runs/<name>-<prior>].")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
@click.option("--force", is_flag=True, help="Replace the run in the folder.")
@device_option
def fit_command(
    name: str,
    prior: str,
    given: tuple[str, ...],
    changes: tuple[str, ...],
    data_root: Path | None,
    output: Path | None,
    resume: bool,
    force: bool,
    device: str,
) -> None:
    """Fit a prior to the codes that a model gives its training data, so that it samples by it: an autoencoder, which
    could not, or a VAE, in the place of N(0, I).

    Prints the run folder, a checkpoint of the prior that stands on the model. NAME is the name of a checkpoint, or a
    run folder (a path with a '/').
    """
    if resume and force:
        raise click.UsageError("--resume and --force exclude each other")
    keep_memory()
    from genzoo.api.fit import fit_prior
    from genzoo.training.recipe import parse_override

    options: dict[str, Any] = {"data_root": data_root, "output": output, "device": device}
    overrides = dict(map(parse_override, changes))
    with _going_on():
        model = fit_prior(name, prior=prior, given=given, overrides=overrides, **options, resume=resume, force=force)
    _tell_next(model, None, data_root, device)


@contextmanager
def _going_on() -> Iterator[None]:
    """Where a run is stopped, say how to go on with it."""
    from genzoo.training import Interrupted
    from genzoo.training.processes import is_main

    try:
        yield
    except (Interrupted, ProcessLost, TrainingDiverged) as error:
        if not is_main():  # the main process says it
            click.get_current_context().exit(getattr(error, "exit_code", INTERRUPTED))
        if not isinstance(error, Interrupted):
            raise
        raise KeyboardInterrupt(f"stopped, and the state is saved; go on with: {_again(error.steps)}") from None


def _tell_next(model: Model, data: str | None, data_root: Path | None, device: str) -> None:
    """Print the folder of a run that has ended, and what to type next."""
    if model.checkpoint is None:
        return
    folder = str(model.checkpoint.folder)
    folder = folder if is_path(folder) else f"./{folder}"  # as the other commands take it
    echo_path(folder)
    where = f"{model.checkpoint.dataset}:{data_root}" if data_root else model.checkpoint.dataset
    for line in ("next:", *(f"  {way}" for way in _next(model, folder, data or where, device))):
        echo(line, err=True)


def _recipe_or_like(recipe: str | None, like: str | None, data: str | None, start: str | None) -> str | None:
    """What to train by: RECIPE, --like, or else --start, whose recipe it is; and --data with the latter two alone."""
    if like and not data:
        raise click.UsageError(f"--like {like} needs the data to use it on, e.g. --data folder:./pictures")
    if recipe and like:
        raise click.UsageError("give RECIPE, or --like NAME --data DATASET, one of the two")
    if data and not (like or (start and not recipe)):
        raise click.UsageError(f"--data goes with --like NAME, the recipe to use on it; --like {recipe or 'NAME'}")
    if not (recipe or like or start):
        raise click.UsageError("give RECIPE, or --like NAME --data DATASET, one of the two")
    return recipe or like


def _again(steps: int) -> str:
    """The command that goes on with a run of so many steps: this one, with --resume."""
    context = click.get_current_context()
    words = _words(str(context.info_name))
    for parameter in context.command.params:
        value = context.params[str(parameter.name)]
        if parameter.name in ("resume", "force", "minutes") or value is None or value == parameter.get_default(context):
            continue
        for item in value if parameter.multiple else [value]:
            words += [parameter.opts[0], str(item)] if isinstance(parameter, click.Option) else [str(item)]
    if context.params["minutes"] is not None:
        words += ["--set", f"training.steps={steps}"]
    return shlex.join([*words, "--resume"])


def _words(command: str) -> list[str]:
    """How ``genzoo train`` or ``fit`` was started."""
    if here := os.environ.get("LOCAL_WORLD_SIZE"):
        return ["torchrun", "--nproc_per_node", here, "-m", "genzoo", command]
    return ["genzoo", command]


def _next(model: Model, folder: str, data: str, device: str) -> Iterator[str]:
    """What to type after a run: look at what was learned, go on, publish."""
    from genzoo.api.data import split_root
    from genzoo.api.publish import states_license

    record = model.checkpoint
    assert record is not None
    if "sample" in model.verbs:
        yield shlex.join(["genzoo", "sample", folder])
    if "reconstruct" in model.verbs:
        yield shlex.join(["genzoo", "reconstruct", folder, "--data", data])
    if "decode" in model.verbs:
        yield shlex.join(["genzoo", "explore", folder])
    if registry().find(Objective, record.recipe["objective"]["name"], prefer=record.distribution).players:
        training = record.recipe["training"]
        length = "epochs" if training["epochs"] else "steps"
        root = split_root(data)[1]
        where = [*(["--data-root", str(root)] if root else []), *(["--device", device] if device != "auto" else [])]
        longer = ["--resume", "--set", f"training.{length}={2 * training[length]}"]
        yield shlex.join([*_words("train"), folder, *longer, *where])
    license_ = [] if states_license(record) else ["--license", "Apache-2.0"]
    yield shlex.join(["genzoo", "push", folder, "ORG/NAME", *license_])
