"""Parts: the checkpoints that a model stands on. Free of torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from genzoo.errors import InvalidInput
from genzoo.spec.names import ROLE
from genzoo.typecheck import conform

__all__ = ["PARTS_FOLDER", "Part", "check_part_names", "parse_part"]

PARTS_FOLDER = "parts"
"""In the folder of a checkpoint: the folders of the parts that it brings along, by role."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A checkpoint that another one stands on.

    Attributes:
        name: what `load` calls it: a checkpoint's name, or ``hf:org/name@commit``.
        sha256: that of its weights, 64 hex digits: it is exactly this checkpoint, or none.
    """

    name: str
    sha256: str

    def __post_init__(self) -> None:
        conform(self, "a part")
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise InvalidInput(f"the part {self.name:.80}: sha256 must be 64 hex digits")


def parse_part(value: Any, where: str) -> Part:
    """The part in a table of JSON; InvalidInput if it is none."""
    if isinstance(value, Part):
        return value
    try:
        return Part(**value)
    except TypeError:
        raise InvalidInput(f"{where} must be a table of name and sha256") from None


def check_part_names(names: Any, where: str) -> None:
    """InvalidInput if what a part is called cannot name a folder."""
    for name in names:
        if not ROLE.fullmatch(name):
            raise InvalidInput(f"{where}: a part cannot be called {name!r:.80}: 1 to 64 of a-z, 0-9 and '_'")
