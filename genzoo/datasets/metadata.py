"""``metadata.jsonl`` and ``metadata.csv``: labels and texts of the pictures in a folder, as image folders on the Hub
have them (https://huggingface.co/docs/datasets/image_dataset)."""

from __future__ import annotations

import csv
import io
import json
import posixpath
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unicodedata import normalize

from genzoo.datasets.files import NAMED
from genzoo.errors import InvalidInput, MalformedWeights
from genzoo.files import read_regular
from genzoo.text import CONTROL

__all__ = ["METADATA", "Line", "Metadata", "key_of", "read_metadata"]

METADATA = ("metadata.jsonl", "metadata.csv")

MAX_BYTES = 1 << 26
MAX_LINE = 1 << 20
MAX_LABEL = 256
"""The most bytes of a file, and characters of a line of JSON and of a label."""

NOT_JSON = "not a JSON object"


class _Unusable(Exception):
    """A line cannot be used; as a string: why."""


@dataclass(frozen=True)
class Line:
    """What a line says of its picture: `label` is None where it says none, and `text` is empty then."""

    number: int
    label: str | None
    text: str


@dataclass
class Metadata:
    """What metadata says of pictures.

    Attributes:
        lines: by the name of the picture.
        unusable: how many other lines there are.
        reasons: why the first NAMED of these cannot be used.
    """

    lines: dict[str, Line] = field(default_factory=dict)
    unusable: int = 0
    reasons: list[str] = field(default_factory=list)


def key_of(name: str) -> str:
    """A file's name below the folder of the data as metadata of every machine has it."""
    return normalize("NFC", name)


def read_metadata(path: Path, folder: str, known: Mapping[str, str], unread: Container[str]) -> Metadata:
    """The lines of a file of metadata that name pictures.

    A line that is no JSON object is counted in `Metadata.unusable`, as is one without a ``file_name``, or with one that
    leaves the folder of the data, is no picture there, or stands in an earlier line, or with a label or text of another
    type. One is kept in memory for each picture.

    Args:
        path: the file.
        folder: where it lies, below the folder of the data; "" for that folder itself.
        known: the name of each picture by its `key_of`.
        unread: keys of files whose lines are passed over, as something else is said of these.

    Raises:
        InvalidInput: it is not a regular file, too large, not UTF-8, or CSV without a column ``file_name``.
        NotFound: it cannot be opened.
    """
    try:
        data = io.BytesIO(read_regular(path, limit=MAX_BYTES))
    except MalformedWeights as error:
        raise InvalidInput(error.message) from None
    found = Metadata()
    rows = _csv_rows if path.suffix == ".csv" else _json_rows
    try:
        for number, row in rows(data, path):
            try:
                key, line = _parsed(row, folder, number)
                if key in unread:
                    continue
                if key not in known:
                    raise _Unusable(f"{key:.80} is not there, or no picture")
                if earlier := found.lines.get(known[key]):
                    raise _Unusable(f"{key:.80} is in line {earlier.number} already")
                found.lines[known[key]] = line
            except _Unusable as error:
                found.unusable += 1
                if found.unusable <= NAMED:
                    found.reasons.append(f"line {number} ({error})")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not UTF-8: save it as UTF-8") from None
    return found


Row = Mapping[str, Any] | str
"""The keys of a line, or why it has none."""


def _json_rows(data: io.BytesIO, path: Path) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(io.TextIOWrapper(data, encoding="utf-8-sig", newline="\n"), 1):
        if line.isspace():
            continue
        try:
            row = json.loads(line) if len(line) <= MAX_LINE else None
        except (ValueError, RecursionError):
            row = None
        yield number, row if isinstance(row, dict) else NOT_JSON


def _csv_rows(data: io.BytesIO, path: Path) -> Iterator[tuple[int, Row]]:
    reader = csv.reader(io.TextIOWrapper(data, encoding="utf-8-sig", newline=""))
    header: list[str] = []
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield number, str(error)
            continue
        if cells is None:
            return
        if not header:
            header = [cell.strip() for cell in cells]
            if "file_name" not in header:
                raise InvalidInput(
                    f"{path} has no column file_name; its first line is {','.join(cells)!r:.80}. If it says nothing of "
                    "the pictures, give it another name"
                )
        elif cells:
            yield number, dict(zip(header, cells, strict=False))


def _parsed(row: Row, folder: str, number: int) -> tuple[str, Line]:
    if isinstance(row, str):
        raise _Unusable(row)
    name = row.get("file_name")
    if not isinstance(name, str) or not name:
        raise _Unusable("no file_name")
    place = posixpath.normpath(posixpath.join(folder, name))
    if posixpath.isabs(name) or place.split("/")[0] == "..":
        raise _Unusable(f"{name:.80} leaves the folder")
    return key_of(place), Line(number, _label(row.get("label")), _text(row.get("text")))


def _label(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | str):
        raise _Unusable("its label is neither a text nor a whole number")
    try:
        label = normalize("NFC", str(value)).strip()
    except ValueError:  # an integer of thousands of digits
        label = "9" * (MAX_LABEL + 1)
    if len(label) > MAX_LABEL or CONTROL.search(label) or re.search(r"[^\S ]", label):
        raise _Unusable(f"its label has more than {MAX_LABEL} characters, or some that are not shown")
    return label or None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Unusable("its text is not a text")
    return value
