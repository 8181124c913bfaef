"""What commands that run a model share: their options, what they start from, and where they write."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genzoo.cli.given import Given, given_option, read_images, told
from genzoo.cli.output import echo_path
from genzoo.cli.process import keep_memory
from genzoo.errors import InvalidInput
from genzoo.files import atomic_write, refuse_existing, user_path
from genzoo.hub.reference import Reference, is_reference
from genzoo.spec import shared_columns

if TYPE_CHECKING:
    from torch import Tensor

    from genzoo.batch import Batch
    from genzoo.datasets import Split
    from genzoo.models import Model

__all__ = [
    "MAX_SAMPLES",
    "Starts",
    "data_root_option",
    "device_option",
    "first_batch",
    "force_option",
    "load_model",
    "output_option",
    "path_type",
    "seed_option",
    "split_option",
    "starts_options",
    "target_of",
    "want_pictures",
    "write",
]

MAX_SAMPLES = 100_000
path_type = click.Path(path_type=Path)
device_option = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps.")
data_root_option = click.option(
    "--data-root", type=path_type, help="Where data sets lie or are downloaded to [default: $GENZOO_DATA or the cache]."
)
data_option = click.option(
    "--data", help="Take the pictures from this data set instead, or from a folder: folder:PATH."
)
split_option = click.option("--split", help="Its split [default: test, or the first].")
force_option = click.option("--force", is_flag=True, help="Overwrite what is there.")
seed_option = click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same pictures."
)
images_argument = click.argument("images", nargs=-1, type=path_type)


def output_option(kinds: str) -> Callable[[Any], Any]:
    """-o for files of these kinds."""
    told = f"{kinds} file to write [default: named after NAME, here]; '-' is stdout."
    return click.option("-o", "--output", type=path_type, help=told)


@dataclass(frozen=True, kw_only=True)
class Starts:
    """The pictures or draws that a command starts from, as its options say."""

    images: tuple[Path, ...]
    data: str | None
    split: str | None
    count: int
    data_root: Path | None
    given: Given

    def __post_init__(self) -> None:
        if self.images and self.data:
            raise click.UsageError("give image files, or --data NAME, one of the two")

    @property
    def has_pictures(self) -> bool:
        """Whether there are pictures."""
        return bool(self.images or self.data)

    def require(self) -> None:
        """UsageError if there are none."""
        if not self.has_pictures:
            raise click.UsageError("give image files, or --data NAME, one of the two")

    def examples(self, model: Model) -> tuple[Tensor, dict[str, Tensor]]:
        """The pictures given, on the model's device, and the columns (n, …) and factors (n, f) that their data set
        has."""
        if not self.data:
            return read_images(self.images, model.input_shape).to(model.device), {}
        data, batch = first_batch(self.data, self.split, self.data_root, model, self.count)
        factors = {} if data.factors is None else {"factors": data.factors.of(batch.index)}
        return batch.x, {**batch.known, **factors}

    def told(self, model: Model, n: int, known: Mapping[str, Any]) -> dict[str, Any]:
        """What the model is told of n examples: as --given says, or else as is `known` of them."""
        return told(model, self.given, n, known)

    def codes(self, model: Model, seed: int) -> tuple[Tensor, dict[str, Any]]:
        """The codes of the pictures given, and what the model is told of them; codes of the samples of `seed` if there
        are no pictures, and the model samples."""
        from genzoo.latent import in_blocks
        from genzoo.protocols import Encoder, Generator
        from genzoo.randomness import Noise

        if self.has_pictures and not isinstance(model, Encoder):
            raise InvalidInput(
                f"{model.name} has no encoder, so no picture has a code; leave the pictures out, and it starts from "
                f"samples of its own: --seed {seed}"
            )
        if self.has_pictures:
            x, known = self.examples(model)
            told = self.told(model, len(x), known)
            return in_blocks(model.encode, x, model.told(told, len(x), "encode")), told
        if not isinstance(model, Generator):
            raise click.UsageError(f"{model.name} does not sample: give image files, or --data NAME")
        codes = Noise(seed=seed, n=self.count).normal(model.latent_dim).to(model.device)
        return codes, self.told(model, len(codes), {})


def starts_options(default: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The arguments and options of `Starts`; a command takes the result as `starts`. `default` is how many."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def with_starts(**options: Any) -> None:
            starts = Starts(**{field.name: options.pop(field.name) for field in fields(Starts)})
            command(starts=starts, **options)

        run: Callable[..., None] = with_starts
        count = click.option(
            "-n",
            "count",
            type=click.IntRange(1, MAX_SAMPLES),
            default=default,
            show_default=True,
            help="How many, without files.",
        )
        for option in (given_option, data_root_option, count, split_option, data_option, images_argument):
            run = option(run)
        return run

    return decorate


def first_batch(data: str, split: str | None, root: Path | None, model: Model, count: int) -> tuple[Split, Batch]:
    """A data set given as NAME or NAME:PATH, in the shape that the model takes, and its first examples on the model's
    device; binarised ones by draws that are always the same. They have the columns that the model is told, and all
    others that are no pictures."""
    from genzoo.api.data import find_dataset, one_root, open_data, split_root

    name, path = split_root(data)
    place = one_root(path, root)
    dataset = find_dataset(name, place)
    opened = open_data(dataset, split or dataset.held_out, root=place, shape=model.input_shape)
    told = shared_columns(model.spec.given, dataset.columns, model.name, dataset.name)
    others = [key for key, column in dataset.columns.items() if key not in told and not column.is_picture]
    return opened, opened.examples(count, model.device, columns=(*told, *others))


def load_model(name: str, device: str) -> Model:
    """As genzoo.load, in a process of the command line's own."""
    keep_memory()
    from genzoo.api.build import load

    return load(name, device=device)


def want_pictures(model: Model, name: str, call: str) -> None:
    """InvalidInput with the `call` that does it in Python, if what a model decodes cannot be drawn side by side."""
    from genzoo.pictures import is_picture

    if not is_picture(model.input_shape):
        raise InvalidInput(
            f"{name} models data of shape {model.input_shape}, not pictures; in Python: genzoo.load({name!r}).{call}"
        )


def _stem(name: str) -> str:
    """What a file of a model is called after: ``digits`` of ``runs/digits`` and of ``hf:me/digits@v1``."""
    return Path(Reference.parse(name).repo if is_reference(name) else name).resolve().name


def target_of(name: str, what: str, output: Path | None, *suffixes: str, force: bool) -> Path | None:
    """Where to write (None is stdout), refused before any work is done; the first suffix is that of the default."""
    if output == Path("-"):
        if sys.stdout.isatty():
            raise InvalidInput(f"a {_kind(suffixes[:1])} does not go to a terminal; give -o FILE, or pipe it")
        return None
    path = user_path(output or f"{_stem(name)}-{what}{suffixes[0]}")
    if path.suffix.lower() not in ("", *suffixes):
        raise InvalidInput(f"{path} would hold a {_kind(suffixes)}; give a name that ends in {' or '.join(suffixes)}")
    refuse_existing(path, force=force)
    if not path.parent.is_dir():
        raise InvalidInput(f"cannot write {path}: {path.parent} is not a folder; mkdir -p {path.parent}")
    return path


def _kind(suffixes: tuple[str, ...]) -> str:
    return " or ".join(suffix.removeprefix(".").upper() for suffix in suffixes)


def write(target: Path | None, data: bytes) -> None:
    """Write a file and print its name, or the bytes to stdout."""
    if target is None:
        sys.stdout.buffer.write(data)
    else:
        atomic_write(target, data)
        echo_path(target)
