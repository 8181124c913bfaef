"""Emoji as five designers drew them: the same 1,537 in each style, with their names and groups."""

from __future__ import annotations

from collections.abc import Iterable

from genzoo import Column, DatasetSpec, Record, Space, hookimpl
from genzoo_emoji.names import GROUPS, LONGEST, STYLES, vocabulary

GENZOO_API = 2

SHAPE = (3, 64, 64)

TEXT = Space(shape=(LONGEST,), values="index", size=len(vocabulary()))
KNOWN = {
    "group": Column.of(GROUPS, doc="Unicode's group"),
    "text": Column(space=TEXT, names=vocabulary(), doc="name"),
}


def _source(doc: str) -> Column:
    return Column(space=Space(shape=SHAPE, values="unit"), doc=doc)


def _pair(before: str, after: str, summary: str) -> DatasetSpec:
    return DatasetSpec(
        name=f"emoji-{before}-{after}",
        target=f"genzoo_emoji.sets:{before}_to_{after}",
        summary=summary,
        shape=SHAPE,
        values="unit",
        license="MIT",
        columns={**KNOWN, "source": _source(f"the same emoji in the style {before}")},
    )


@hookimpl
def genzoo_records() -> Iterable[Record]:
    yield DatasetSpec(
        name="emoji",
        target="genzoo_emoji.sets:all_styles",
        summary="1,537 emoji in colour, each in five styles, with its name and group",
        shape=SHAPE,
        values="unit",
        splits=("train", "test", "concepts"),
        license="Apache-2.0 AND CC-BY-4.0 AND MIT",
        columns={
            "label": Column.of(STYLES, doc="style"),
            **KNOWN,
            "source": _source("the same emoji in another style"),
        },
    )
    yield _pair("flat", "3d", "emoji in relief, each beside itself in flat colours")
    yield _pair("black", "flat", "emoji in flat colours, each beside itself in black on white")
