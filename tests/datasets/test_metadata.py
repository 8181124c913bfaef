"""``metadata.jsonl`` and ``metadata.csv``: what lines say of pictures, and lines that say nothing usable."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genzoo.datasets import metadata
from genzoo.datasets.files import NAMED
from genzoo.datasets.metadata import Metadata, key_of, read_metadata
from genzoo.errors import InvalidInput
from genzoo.text import CONTROL

KNOWN = {key_of(name): name for name in ("a.png", "cats/b.png", "Gärten/c.jpg", "d")}


def read(data: bytes, name: str = "metadata.jsonl", folder: str = "") -> Metadata:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, name)
        path.write_bytes(data)
        return read_metadata(path, folder, KNOWN, {"unread.png"})


def lines(*rows: Any) -> bytes:
    return "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()


LABELS = st.text(st.characters(exclude_characters="\r\n\t"), max_size=20) | st.integers() | st.booleans() | st.none()
ROWS = st.dictionaries(st.sampled_from(list(KNOWN)), st.tuples(LABELS, st.text(max_size=30)))


@settings(max_examples=60)
@given(ROWS)
def test_what_is_written_is_read(rows: dict[str, tuple[Any, str]]) -> None:
    found = read(lines(*({"file_name": name, "label": label, "text": text} for name, (label, text) in rows.items())))
    for name, (label, text) in rows.items():
        plain = {True: "yes", False: "no"}[label] if isinstance(label, bool) else str(label or "").strip()
        if label == 0 and not isinstance(label, bool):
            plain = "0"
        if name in found.lines:
            assert found.lines[name].text == text
            assert key_of(plain) == (found.lines[name].label or "")
        else:
            assert CONTROL.search(plain) or any(char.isspace() and char != " " for char in plain)
    assert found.unusable == len(rows) - len(found.lines)


@settings(max_examples=60)
@given(ROWS.filter(lambda rows: len(rows) > 0))
def test_csv_says_the_same_as_json(rows: dict[str, tuple[Any, str]]) -> None:
    told = {name: ("" if label is None else str(label), text.replace("\0", "")) for name, (label, text) in rows.items()}
    text = io.StringIO(newline="")
    try:
        csv.writer(text).writerows([("text", "file_name", "label"), *((t, n, label) for n, (label, t) in told.items())])
    except csv.Error:  # a character that this writer cannot quote
        return
    as_json = read(lines(*({"file_name": n, "label": label, "text": t} for n, (label, t) in told.items())))
    as_csv = read(text.getvalue().encode(), "metadata.csv")
    assert {n: (line.label, line.text) for n, line in as_csv.lines.items()} == {
        n: (line.label, line.text) for n, line in as_json.lines.items()
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["file_name", "label", "text"]), inner),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()), max_size=6))
def test_whatever_stands_there_is_read_counted_or_a_typed_error(rows: list[bytes]) -> None:
    for name in ("metadata.jsonl", "metadata.csv"):
        data = b"\n".join(rows) if name.endswith("jsonl") else b"\n".join([b"file_name,label,text", *rows])
        try:
            found = read(data, name)
        except InvalidInput:
            with pytest.raises(UnicodeDecodeError):
                data.decode()
            continue
        assert found.lines.keys() <= set(KNOWN.values())
        assert len(found.reasons) == min(found.unusable, NAMED)


UNUSABLE = {
    "no JSON": ("{", "not a JSON object"),
    "another value": ("[1]", "not a JSON object"),
    "deep": ("[" * 100_000, "not a JSON object"),
    "a long number": ('{"file_name": "a.png", "label": ' + "9" * 5000 + "}", "not a JSON object"),
    "no name": ({"text": "a"}, "no file_name"),
    "a number for a name": ({"file_name": 3}, "no file_name"),
    "a way out": ({"file_name": "x/../../a.png"}, "x/../../a.png leaves the folder"),
    "from the root": ({"file_name": "/a.png"}, "/a.png leaves the folder"),
    "nothing of this name": ({"file_name": "e.png"}, "e.png is not there, or no picture"),
    "a NUL": ({"file_name": "a.png\0"}, "is not there, or no picture"),
    "twice": ({"file_name": "./d"}, "d is in line 1 already"),
    "a list for a label": ({"file_name": "a.png", "label": [1]}, "its label is neither a text nor a whole number"),
    "a label that turns": ({"file_name": "a.png", "label": "a\u202eb"}, "its label has more than 256 characters, or"),
    "a long label": ({"file_name": "a.png", "label": "x" * 257}, "its label has more than 256 characters, or"),
    "a number for a text": ({"file_name": "a.png", "text": 3}, "its text is not a text"),
}


@pytest.mark.parametrize(("row", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_line_that_cannot_be_used_is_counted_and_explained(row: Any, reason: str) -> None:
    found = read(lines({"file_name": "d", "label": 7}, "", row, {"file_name": "unread.png"}))
    assert list(found.lines) == ["d"]
    assert found.unusable == 1
    assert found.reasons[0].startswith("line 3 (")
    assert reason in found.reasons[0]


def test_names_are_found_however_a_system_writes_them() -> None:
    decomposed = "Ga\u0308rten/c.jpg"
    assert list(read(lines({"file_name": decomposed})).lines) == ["Gärten/c.jpg"]
    assert list(read(lines({"file_name": "b.png"}), folder="cats").lines) == ["cats/b.png"]
    assert list(read(lines({"file_name": "../a.png"}), folder="cats").lines) == ["a.png"]


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        ("metadata.csv", b"name,text\na.png,b", r"has no column file_name; its first line is 'name,text'"),
        ("metadata.jsonl", b'{"file_name": "\xff"}', "is not UTF-8: save it as UTF-8"),
        ("metadata.csv", b"file_name\n\xff", "is not UTF-8: save it as UTF-8"),
        ("metadata.jsonl", b" " * 200, "has 200 bytes, more than the 100 allowed"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error(
    name: str, data: bytes, match: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "MAX_BYTES", 100)
    with pytest.raises(InvalidInput, match=match):
        read(data, name)


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert list(read(b"\xef\xbb\xbffile_name\r\na.png\r\n", "metadata.csv").lines) == ["a.png"]
    assert list(read(b'\xef\xbb\xbf{"file_name": "a.png"}').lines) == ["a.png"]
