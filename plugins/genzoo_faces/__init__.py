"""Faces of people, drawn from parts of which everything is known, in colour and as line drawings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from genzoo import Column, DatasetSpec, Record, Space, hookimpl
from genzoo_faces.parts import ATTRIBUTES, COLOURS, EXCLUSIONS, FACTORS

GENZOO_API = 2

SIDES = (64, 32, 128)
FEATURES = {64: "features-conv-faces"}
"""The feature network for faces in colour of a side, where there is one."""

DOCS = {
    "head": "hair, or what covers it",
    "face": "expression",
    "facial_hair": "beard, moustache",
    "mask_kind": "what covers mouth and nose",
    "accessories": "glasses, eyepatch",
    "skin": "colour of the skin",
    "clothing": "colour of clothing",
    "hair": "colour of the hair that is seen",
}


def _columns() -> Iterator[tuple[str, Column]]:
    for name, values in FACTORS.items():
        yield name, Column.of(values, doc=DOCS[name])
    for name, attribute in ATTRIBUTES.items():
        yield name, Column.of(("no", "yes"), doc=attribute.doc)


KNOWN = dict(_columns())


def _sets(side: int) -> Iterator[DatasetSpec]:
    size = "" if side == SIDES[0] else f"-{side}"
    line = Column(space=Space(shape=(1, side, side), values="unit"), doc="line drawing of the face")
    yield DatasetSpec(
        name=f"faces{size}",
        target="genzoo_faces.sets:faces",
        summary=f"drawn faces in colour, {side}×{side}, from parts and colours that are all known",
        shape=(3, side, side),
        values="unit",
        license="CC0-1.0",
        features=FEATURES.get(side, ""),
        columns={**KNOWN, "source": line},
        exclusions=EXCLUSIONS,
    )
    yield DatasetSpec(
        name=f"faces-line{size}",
        target="genzoo_faces.sets:line_drawings",
        summary=f"line drawings of the same faces, {side}×{side}, grey levels",
        shape=(1, side, side),
        values="unit",
        license="CC0-1.0",
        columns={name: column for name, column in KNOWN.items() if name not in COLOURS},
        exclusions=tuple(values for values in EXCLUSIONS if not values.keys() & set(COLOURS)),
    )


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return [record for side in SIDES for record in _sets(side)]
