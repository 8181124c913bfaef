"""JSON as it is written beside weights."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from genzoo.files import json_text

NUMBERS = st.floats(allow_nan=False) | st.integers()
TEXT = st.text() | st.text(alphabet='[]{}"\\, \n')
VALUES = st.recursive(
    NUMBERS | TEXT | st.none() | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


@given(data=VALUES)
def test_what_is_written_is_what_is_read(data: object) -> None:
    assert json.loads(json_text(data)) == data


@given(numbers=st.lists(NUMBERS, min_size=1), rows=st.lists(st.lists(NUMBERS, min_size=1), min_size=1))
def test_a_list_of_numbers_is_one_line(numbers: list[float], rows: list[list[float]]) -> None:
    lines = json_text({"numbers": numbers, "rows": rows}).splitlines()
    assert len(lines) == 5 + len(rows)
