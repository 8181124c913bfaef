"""A dataclass whose fields declare their checks: its keys, and what is built of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest

from genzoo.errors import InvalidInput
from genzoo.fields import Field, fields_of, from_table


@dataclass(frozen=True, kw_only=True)
class Section:
    width: Annotated[int, Field(kind="int", doc="channels", minimum=1)]
    scale: Annotated[float, Field(kind="float", doc="factor", maximum=2.0)] = 1.0


def test_a_dataclass_declares_its_keys_and_is_built_of_a_table() -> None:
    declared = fields_of(Section)
    assert [(key, rule.required) for key, rule in declared.items()] == [("width", True), ("scale", False)]
    section = from_table(Section, {"width": 3, "scale": 2}, "here")
    assert (section, type(section.scale)) == (Section(width=3, scale=2.0), float)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "here.width is missing: channels, a whole number of at least 1"),
        ({"width": 0}, "here.width must be a whole number of at least 1; got 0"),
        ({"width": 1, "scale": 3}, "here.scale must be a number"),
        ({"with": 1}, r"here has no key 'with'; did you mean width\?"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        from_table(Section, table, "here")


def test_a_default_out_of_range_is_refused() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Wrong:
        width: Annotated[int, Field(kind="int", doc="channels", minimum=1)] = 0

    with pytest.raises(InvalidInput, match=r"the default \(channels\) must be"):
        fields_of(Wrong)
