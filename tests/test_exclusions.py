"""Values that exclude each other: what gives way to what is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genzoo.errors import InvalidInput
from genzoo.spec import Column, DatasetSpec, by_index, settle

COLUMNS = {
    "hat": Column.of(["no", "yes"]),
    "bald": Column.of(["no", "yes"]),
    "beard": Column.of(["no", "yes"]),
    "hair": replace(Column.of(["none", "black", "red"]), optional=True),
}
EXCLUSIONS = (
    {"hat": "yes", "bald": "yes"},
    {"beard": "yes", "hair": "none"},
    {"beard": "no", "hat": "yes", "hair": "red"},
)
KNOWN = by_index(COLUMNS, EXCLUSIONS)
examples = st.fixed_dictionaries({name: st.integers(0, column.space.size - 1) for name, column in COLUMNS.items()})


@given(examples, examples, st.sets(st.sampled_from(list(COLUMNS))))
def test_what_is_asked_for_is_told_and_nothing_that_excludes_it(
    shown: dict[str, int], other: dict[str, int], names: set[str]
) -> None:
    asked = {name: other[name] for name in names}
    if any(each.items() <= asked.items() for each in KNOWN):
        with pytest.raises(InvalidInput, match=r"=\w+ and \w+=\w+ exclude each other"):
            settle(COLUMNS, KNOWN, asked, shown)
        return
    told = settle(COLUMNS, KNOWN, asked, shown)
    assert told.keys() == COLUMNS.keys()
    assert asked.items() <= told.items()
    assert not any(each.items() <= told.items() for each in KNOWN)
    before = {**shown, **asked}
    if not any(each.items() <= before.items() for each in KNOWN):
        assert told == before


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"bald": 1}, {"hat": 0, "bald": 1, "beard": 0, "hair": 1}),
        ({"hair": 2}, {"hat": 0, "bald": 0, "beard": 0, "hair": 2}),
        ({"hat": 1, "hair": 2}, {"hat": 1, "bald": 0, "beard": 1, "hair": 2}),
        ({"hair": 0, "beard": 1}, None),
    ],
)
def test_the_last_value_that_was_not_asked_for_gives_way(asked: dict[str, int], told: dict[str, int] | None) -> None:
    shown = {"hat": 1, "bald": 0, "beard": 0, "hair": 1}
    if told is None:
        with pytest.raises(InvalidInput, match="beard=yes and hair=none exclude each other; leave one out"):
            settle(COLUMNS, KNOWN, asked, shown)
    else:
        assert settle(COLUMNS, KNOWN, asked, shown) == told


def test_a_column_of_several_values_gives_way_only_if_it_may_be_left_out() -> None:
    shown = {"hat": 0, "bald": 0, "beard": 0, "hair": 0}
    assert settle(COLUMNS, KNOWN, {"beard": 1}, shown)["hair"] == 3
    required = COLUMNS | {"hair": replace(COLUMNS["hair"], optional=False)}
    with pytest.raises(InvalidInput, match="beard=yes and hair=none exclude each other; ask for another hair too"):
        settle(required, KNOWN, {"beard": 1}, shown)


def test_exclusions_of_columns_that_are_not_told_are_left_out() -> None:
    assert by_index({"hat": COLUMNS["hat"], "bald": COLUMNS["bald"]}, EXCLUSIONS) == [{"hat": 1, "bald": 1}]


@pytest.mark.parametrize(
    ("exclusion", "message"),
    [
        ({"hat": "yes"}, "an exclusion names values of at least two columns"),
        ({"hat": "yes", "hair": "green"}, "an exclusion names hair=green, which is no value of its columns"),
        ({"hat": "yes", "scarf": "yes"}, "an exclusion names scarf=yes, which is no value"),
        ({"hat": 1, "bald": 1}, "exclusions"),
    ],
)
def test_a_data_set_excludes_values_that_it_has(exclusion: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        DatasetSpec(
            name="heads", target="m:a", summary="", shape=(1,), values="unit", columns=COLUMNS, exclusions=(exclusion,)
        )
