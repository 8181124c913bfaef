"""What the emoji are called, and in which styles they are drawn. Free of torch."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["GROUPS", "LONGEST", "SHEETS", "STYLES", "Emoji", "emoji", "vocabulary", "words"]

SHEETS = Path(__file__).parent / "sheets"

STYLES = ("noto", "twemoji", "flat", "3d", "black")
"""Google's Noto, Twitter's Twemoji, and Microsoft's Fluent in flat colours, in relief, and in black alone."""

GROUPS = (
    "Smileys & Emotion",
    "People & Body",
    "Animals & Nature",
    "Food & Drink",
    "Travel & Places",
    "Activities",
    "Objects",
    "Symbols",
    "Flags",
)
"""Unicode's, in its order."""

LONGEST = 8
"""Words of a name, at most."""


class Emoji(NamedTuple):
    """One emoji: its code points in hexadecimal, as ``1f468-200d-1f9b0``, its group and its name."""

    code: str
    group: str
    name: str


@cache
def emoji() -> tuple[Emoji, ...]:
    """All of them, in the order of the sheets."""
    lines = (SHEETS / "emoji.tsv").read_text(encoding="utf-8").splitlines()
    return tuple(Emoji(*line.split("\t")) for line in lines)


def words(name: str) -> list[str]:
    """The words of a name in lower case, without brackets and quotation marks: ``["man's", "shoe"]``."""
    return re.sub("[()“”]", "", name.lower().replace("’", "'")).split()


@cache
def vocabulary() -> tuple[str, ...]:
    """Every word of a name, in alphabetical order. It is part of a record, and is read from a file of its own so that a
    listing need not read all names."""
    return tuple((SHEETS / "words.txt").read_text(encoding="utf-8").splitlines())
