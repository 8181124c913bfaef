"""The drawn faces, against a slow drawing of their own sheet and against what is said of them."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import genzoo_faces
from genzoo.api.data import open_data
from genzoo.datasets import Split
from genzoo.registry import registry
from genzoo.spec import DatasetSpec
from genzoo_faces import parts, sets
from genzoo_faces.drawing import draw

SHEET = Path(genzoo_faces.__file__).parent / "layers.webp"
NAMES = list(parts.FACTORS)
ROWS = {  # where the parts of each factor begin on the sheet; below the body
    "head": 1,
    "face": 1 + 47,
    "facial_hair": 1 + 47 + 28 - 1,
    "mask_kind": 1 + 47 + 28 + 16 - 1,
    "accessories": 1 + 47 + 28 + 16 + 2 - 1,
}
SIDES = (32, 64, 128)


def face(**values: str) -> Tensor:
    """The factors of one face: a bald smiling one, where nothing else is said."""
    plain = {"head": "no hair", "face": "smile", "skin": "tan", "clothing": "blue"} | dict.fromkeys(NAMES[2:5], "none")
    told = {"hair": "none", **plain, **values}
    return torch.tensor([[parts.FACTORS[name].index(told[name]) for name in NAMES]], dtype=torch.int64)


FACES = torch.cat([
    face(),
    face(head="mohawk", hair="red", skin="dark", clothing="green", accessories="white glasses"),
    face(head="turban", face="rage", facial_hair="tinted beard", hair="auburn", clothing="yellow"),
    face(head="bun with bow", face="explaining", hair="black", mask_kind="respirator", accessories="sunglasses"),
    face(head="hijab", face="awe", mask_kind="medical mask", clothing="pink"),
    face(head="big afro", face="loving laugh", facial_hair="endless moustache", hair="black", accessories="eyepatch"),
])  # fmt: skip


@cache
def sheet() -> np.ndarray[Any, np.dtype[np.uint8]]:
    with Image.open(SHEET) as image:
        return np.asarray(image.convert("L"))


def slow(factors: Tensor, side: int, *, line: bool) -> np.ndarray[Any, np.dtype[np.float64]]:
    """One face, in double precision: every part laid over the others as its planes say."""
    told = dict(zip(NAMES, factors.tolist(), strict=True))
    chosen = [0] + [ROWS[name] + told[name] for name in ROWS if told[name] or name in {"head", "face"}]
    picture = np.ones((3, side, side))
    for row in chosen:
        strip = sheet()[row * 128 : (row + 1) * 128] / 255.0
        planes = np.stack(np.split(strip, 7, axis=1)).reshape(7, side, 128 // side, side, 128 // side).mean((2, 4))
        colours = [
            np.ones(3) if line else np.frombuffer(list(palette.values())[told[name]].to_bytes(3, "big"), np.uint8) / 255
            for name, palette in (("skin", parts.SKIN), ("clothing", parts.CLOTHING), ("hair", parts.HAIR))
        ]
        painted = planes[1:4] + sum(
            plane * colour[:, None, None] for plane, colour in zip(planes[4:], colours, strict=True)
        )
        picture = picture * (1 - planes[0]) + painted
    return np.tensordot([[0.299, 0.587, 0.114]], picture, 1) if line else picture


def all_of(split: Split, name: str) -> Tensor:
    """A column, whole."""
    values = split.columns[name]
    assert isinstance(values, Tensor)
    return values.long()


@pytest.fixture(scope="module")
def train() -> Split:
    return open_data("faces", "train", root="nowhere")


@pytest.fixture(scope="module")
def test() -> Split:
    return open_data("faces", "test", root="nowhere")


@pytest.mark.parametrize("line", [False, True])
@pytest.mark.parametrize("side", SIDES)
def test_a_face_is_drawn_as_a_slow_drawing_of_its_parts(side: int, line: bool) -> None:
    drawn = draw(FACES, side, line=line).double().numpy()
    for found, factors in zip(drawn, FACES, strict=True):
        difference = np.abs(found - 255 * slow(factors, side, line=line))
        assert difference.max() < 2.5, "two levels of 255"
        assert difference.mean() < 0.25


def test_no_byte_of_any_face_ever_changes(test: Split) -> None:
    """Numbers on cards depend on every pixel, on every machine, so a change here is a new data set."""
    order = torch.arange(256)
    batch = next(test.batches(order, 256, columns=["source"]))
    pictures = [(255 * x).round().to(torch.uint8).numpy().tobytes() for x in (batch.x, batch.given["source"])]
    assert [blake2b(data, digest_size=8).hexdigest() for data in pictures] == ["5e9dc94a7667e65c", "d6f2663cc39319cd"]


def test_a_face_does_not_depend_on_its_batch_or_on_torch_settings() -> None:
    whole = draw(FACES, 64)
    dtype = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        with torch.autocast("cpu", dtype=torch.bfloat16), torch.device("meta"):
            single = torch.cat([draw(one[None], 64) for one in FACES])
    finally:
        torch.set_default_dtype(dtype)
    assert torch.equal(whole, single)


def test_splits_are_of_the_size_they_say_and_have_no_drawing_in_common(train: Split, test: Split) -> None:
    assert (len(train), len(test)) == (200_000, 10_000)
    seen = []
    for split in (train, test):
        shapes = torch.unique(torch.stack([all_of(split, name) for name in NAMES[:5]], dim=1), dim=0)
        white = torch.cat([shapes, torch.zeros(len(shapes), 3, dtype=torch.int64)], dim=1)
        drawings = torch.cat([draw(some, 64, line=True) for some in torch.split(white, 256)])
        seen.append({blake2b(one.tobytes(), digest_size=16).digest() for one in drawings.numpy()})
        assert len(seen[-1]) == len(shapes), "two faces of different parts look alike"
    assert not seen[0] & seen[1]


def test_what_is_rare_is_as_rare_as_it_should_be(train: Split, test: Split) -> None:
    for split, tolerance in ((train, 0.004), (test, 0.02)):
        masked = all_of(split, "mask") == 1
        bearded = all_of(split, "facial_hair") > 0
        assert float(masked.float().mean()) == pytest.approx(1 / 20, abs=tolerance)
        assert float(bearded[~masked].float().mean()) == pytest.approx(1 / 4, abs=tolerance)
        assert float((all_of(split, "accessories") > 0).float().mean()) == pytest.approx(1 / 3, abs=tolerance)
        assert not bearded[masked].any()


def test_every_value_is_seen_in_both_splits(train: Split, test: Split) -> None:
    for name, values in parts.FACTORS.items():
        for split in (train, test):
            assert torch.unique(all_of(split, name)).tolist() == list(range(len(values)))


def test_hair_is_black_where_it_is_ink_and_none_where_none_is_seen(train: Split) -> None:
    hair = np.array(tuple(parts.HAIR))[all_of(train, "hair").numpy()]
    head = np.array(parts.HEADS)[all_of(train, "head").numpy()]
    beard = np.array(parts.FACIAL_HAIR)[all_of(train, "facial_hair").numpy()]
    assert set(hair[head == "afro"]) == {"black"}
    assert set(hair[head == "mohawk"]) == set(parts.HAIR) - {"none"}
    assert set(hair[(head == "hijab") & (beard == "none")]) == {"none"}
    assert set(hair[(head == "turban") & (beard == "goatee")]) == {"black"}
    assert set(hair[(head == "turban") & (beard == "tinted beard")]) == set(parts.HAIR) - {"none"}


def test_what_is_painted_in_the_colour_of_the_hair_is_what_parts_say() -> None:
    for factor in ("head", "facial_hair"):
        for value in parts.FACTORS[factor]:
            black, pink = (draw(face(**{factor: value, "hair": hair}), 64) for hair in ("black", "pink"))
            assert torch.equal(black, pink) == (value not in parts.TINTED[factor]), value


def test_the_sets_of_values_name_values() -> None:
    for attribute in parts.ATTRIBUTES.values():
        assert attribute.yes < set(parts.FACTORS[attribute.factor])
    for some in (parts.INKED, parts.TINTED):
        assert all(values < set(parts.FACTORS[name]) for name, values in some.items())


def test_exclusions_are_what_no_face_has_together() -> None:
    names = (*parts.ATTRIBUTES, "hair")
    drawn = every_face_but_for_skin_and_clothing()
    columns = sets._columns(drawn.to(torch.uint8))
    seen = set(map(tuple, torch.stack([columns[name] for name in names], dim=1).tolist()))

    known = registry().find(DatasetSpec, "faces").columns
    excluded = [
        {names.index(name): known[name].names.index(value) for name, value in exclusion.items()}
        for exclusion in parts.EXCLUSIONS
    ]
    allowed = {
        values
        for values in product(*(range(known[name].space.size) for name in names))
        if not any(all(values[place] == value for place, value in each.items()) for each in excluded)
    }
    assert allowed == seen


def every_face_but_for_skin_and_clothing() -> Tensor:
    """The factors of faces that smile or not, with and without glasses of each kind, and of all other parts."""
    shown = dict(parts.FACTORS) | {
        "face": ("smile", "solemn"),
        "accessories": ("none", "small glasses", "sunglasses"),
        "skin": ("pale",),
        "clothing": ("red",),
        "hair": tuple(parts.HAIR)[1:],
    }
    places = [[parts.FACTORS[name].index(value) for value in values] for name, values in shown.items()]
    drawn = torch.cartesian_prod(*map(torch.tensor, places))
    head, beard, mask, hair = (NAMES.index(name) for name in ("head", "facial_hair", "mask_kind", "hair"))
    drawn = drawn[(drawn[:, beard] == 0) | (drawn[:, mask] == 0)]
    drawn[:, hair] = torch.from_numpy(sets._seen_hair(*(drawn[:, place].numpy() for place in (head, beard, hair))))
    return drawn


def test_attributes_are_what_the_parts_are(train: Split) -> None:
    mask, smiling = all_of(train, "mask"), all_of(train, "smiling")
    face_names = np.array(parts.FACES)[all_of(train, "face").numpy()]
    assert smiling[torch.from_numpy(face_names == "big smile") & (mask == 0)].all()
    assert not smiling[torch.from_numpy(face_names == "solemn")].any()
    beard = np.array(parts.FACIAL_HAIR)[all_of(train, "facial_hair").numpy()]
    for value, answers in {"chin strap": (1, 0), "goatee": (1, 1), "thin moustache": (0, 1), "none": (0, 0)}.items():
        rows = torch.from_numpy(beard == value)
        found = [torch.unique(all_of(train, name)[rows]).tolist() for name in ("beard", "moustache")]
        assert found == [[answer] for answer in answers]


def test_the_source_is_the_line_drawing_of_the_same_face(test: Split) -> None:
    """What is ink in the drawing is dark in the picture, and colour only darkens paper."""
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))[:256]
    batch = next(test.batches(order, 256, columns=["source"]))
    source = batch.given["source"]
    assert source.shape == (256, 1, 64, 64)
    assert (batch.x.amin(1, keepdim=True) <= source + 3 / 255).all()
    assert (batch.x.amax(1, keepdim=True)[source < 0.02] < 0.05).all()
    lines = next(open_data("faces-line", "test", root="nowhere").batches(order, 256))
    assert torch.equal(lines.x, source)


def test_colours_are_no_columns_of_line_drawings() -> None:
    split = open_data("faces-line", "train", root="nowhere")
    assert not {"skin", "clothing", "hair", "source"} & set(split.columns)
    assert {"head", "smiling"} <= set(split.columns)
