"""Columns: what is known of each example beside x, and what a model may be told. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

from genzoo.errors import InvalidInput
from genzoo.spec.names import ROLE
from genzoo.spec.spaces import Space
from genzoo.typecheck import conform

__all__ = ["Column", "check_columns", "parse_column", "shared_columns"]

MAX_COLUMNS = 64
MAX_VALUES = 1 << 24
MAX_LENGTH = 1 << 16
MAX_PIXELS = 8192
"""The most values of an index, numbers or words in a row, and pixels on a side of a picture."""
RESERVED = (
    *("self", "model", "n", "x", "z", "a", "b", "has", "start", "latent", "span", "steps", "mode", "extent"),
    *("seed", "sampler", "device", "index", "given", "original"),
)
"""Names that verbs have for something else."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One thing that is known of each example: a label, a word, another picture.

    Attributes:
        space: what its values are. Indices of shape (k,) are texts of at most k words.
        names: what the values of an index are called, in their order; empty where they have no names.
        doc: what it says, in a few words.
        optional: whether a model may be left without it: such a model has learned from examples in which it was
            missing.
    """

    space: Space
    names: tuple[str, ...] = ()
    doc: str = ""
    optional: bool = False

    def __post_init__(self) -> None:
        conform(self, "a column")
        if self.names and (len(self.names) != self.space.size or len(set(self.names)) < len(self.names)):
            raise InvalidInput(
                f"a column has a name for each of its {self.space.size} values, or none; got {len(set(self.names))}"
            )
        if len(self.space.shape) not in (0, 1, 3) or (self.space.values == "index" and len(self.space.shape) > 1):
            raise InvalidInput(
                f"a column has numbers, vectors, words or pictures; got {self.space.values} of shape "
                f"{self.space.shape!s:.80}"
            )
        most = MAX_PIXELS if self.is_picture else MAX_LENGTH
        if self.space.size > MAX_VALUES or any(length > most for length in self.space.shape):
            raise InvalidInput(
                f"a column has at most {MAX_VALUES:,} values, {MAX_LENGTH:,} numbers or words in a row, and "
                f"pictures of {MAX_PIXELS:,} pixels a side"
            )

    @classmethod
    def of(cls, names: tuple[str, ...] | list[str], *, doc: str = "") -> Column:
        """A column of one of several names."""
        return cls(space=Space(shape=(), values="index", size=len(names)), names=tuple(names), doc=doc)

    @property
    def is_picture(self) -> bool:
        """Whether its values are (channels, height, width)."""
        return len(self.space.shape) == 3

    @property
    def is_text(self) -> bool:
        """Whether its values are words in a row."""
        return self.space.values == "index" and len(self.space.shape) == 1

    def wanted(self) -> str:
        """What it takes, in words: ``an integer below 10, or a name: ankle boot, bag, …``."""
        shape, size = self.space.shape, self.space.size
        if self.is_text:
            return (
                f"at most {shape[0]} of {size:,} words" if self.names else f"at most {shape[0]} integers below {size:,}"
            )
        if self.space.values == "index":
            shown = ", ".join(self.names[:12]) + (", …" if len(self.names) > 12 else "")
            return f"an integer below {size:,}" + (f", or a name: {shown}" if self.names else "")
        numbers = {"unit": "in [0, 1]", "binary": "0 or 1", "real": "of any size"}[self.space.values]
        if not shape:
            return f"a number {numbers}"
        kind = "a picture" if self.is_picture else "numbers"
        return f"{kind} of shape {shape}, values {numbers}"


def check_columns(columns: Mapping[str, Column], where: str) -> None:
    """InvalidInput if a column has a name that cannot be a keyword, or there are too many."""
    if len(columns) > MAX_COLUMNS:
        raise InvalidInput(f"{where} has {len(columns)} columns, more than the {MAX_COLUMNS} allowed")
    for name in columns:
        if not ROLE.fullmatch(name) or name in RESERVED or iskeyword(name):
            raise InvalidInput(
                f"{where}: a column cannot be called {name!r:.80}: take another word of a-z, 0-9 and '_'"
            )


def shared_columns(told: Mapping[str, Column], known: Mapping[str, Column], model: str, data: str) -> tuple[str, ...]:
    """The columns that a model is told and a data set knows.

    Raises:
        InvalidInput: both have one of a name, and mean something else by it.
    """
    names = tuple(name for name in told if name in known)
    for name in names:
        if (told[name].space, told[name].names) != (known[name].space, known[name].names):
            raise InvalidInput(
                f"{name} is one thing for {model} ({told[name].wanted()}) and another in {data} "
                f"({known[name].wanted()}): "
                "take the data that the model was trained on, or say what it is told"
            )
    return names


def parse_column(table: Any, where: str) -> Column:
    """The column in a table of JSON, as dataclasses.asdict writes it; InvalidInput if it is none."""
    if isinstance(table, Column):
        return table
    try:
        space = table["space"]
        return Column(**{**table, "space": space if isinstance(space, Space) else Space(**space)})
    except (TypeError, KeyError):
        raise InvalidInput(f"{where} must be a table of space (shape, values, size), names, doc and optional") from None
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error.message}") from None
