"""The emoji in five styles: what is held out, and which belong together."""

from __future__ import annotations

from hashlib import blake2b

import pytest
import torch
from torch import Tensor

from genzoo.api.data import open_data
from genzoo.datasets import Split
from genzoo_emoji.names import GROUPS, STYLES, emoji, vocabulary, words
from genzoo_emoji.sets import Drawings, drawings

COUNT = 1537
Pairs = set[tuple[int, int]]


@pytest.fixture(scope="module")
def splits() -> dict[str, Split]:
    return {name: open_data("emoji", name, root="nowhere") for name in ("train", "test", "concepts")}


def column(split: Split, name: str) -> Tensor:
    values = split.columns[name]
    assert isinstance(values, Tensor)
    return values


def pairs(drawn: object) -> Pairs:
    """(emoji, style) of each drawing."""
    assert isinstance(drawn, Drawings)
    return {(row % COUNT, row // COUNT) for row in drawn.rows.tolist()}


def test_every_emoji_in_every_style_is_in_one_split(splits: dict[str, Split]) -> None:
    found = [pairs(split.source) for split in splits.values()]
    assert sum(map(len, found)) == sum(map(len, splits.values())) == COUNT * len(STYLES)
    assert set.union(*found) == {(row, style) for row in range(COUNT) for style in range(len(STYLES))}


def test_a_held_out_pair_is_of_an_emoji_and_a_style_that_training_knows(splits: dict[str, Split]) -> None:
    train, test = pairs(splits["train"].source), pairs(splits["test"].source)
    assert 0.07 < len(test) / (len(test) + len(train)) < 0.13
    assert {style for _, style in test} == set(range(len(STYLES)))
    for row, style in test:
        assert {(row, other) for other in range(len(STYLES)) if other != style} <= train


def test_no_style_of_a_held_out_concept_is_shown(splits: dict[str, Split]) -> None:
    hidden, seen = ({row for row, _ in pairs(splits[name].source)} for name in ("concepts", "train"))
    assert not hidden & seen
    assert 0.07 < len(hidden) / COUNT < 0.13
    assert len(splits["concepts"]) == len(hidden) * len(STYLES)


def test_the_source_is_the_same_emoji_in_another_style_and_nothing_held_out(splits: dict[str, Split]) -> None:
    for name, split in splits.items():
        drawn, beside = split.source, split.columns["source"]
        assert isinstance(drawn, Drawings)
        assert isinstance(beside, Drawings)
        assert torch.equal(drawn.rows % COUNT, beside.rows % COUNT)
        assert (drawn.rows != beside.rows).all()
        assert pairs(beside) <= pairs(splits["concepts" if name == "concepts" else "train"].source)
        assert {style for _, style in pairs(beside)} == set(range(len(STYLES)))


def test_labels_groups_and_texts_are_those_of_the_drawing(splits: dict[str, Split]) -> None:
    known = (*vocabulary(), "")
    for split in splits.values():
        drawn = split.source
        assert isinstance(drawn, Drawings)
        assert torch.equal(column(split, "label"), drawn.rows // COUNT)
        for row, group, text in zip(drawn.rows % COUNT, column(split, "group"), column(split, "text"), strict=True):
            one = emoji()[row]
            assert GROUPS[group] == one.group
            assert " ".join(known[word] for word in text).split() == words(one.name)


def test_words_are_as_a_person_types_them() -> None:
    assert words("man’s shoe") == ["man's", "shoe"]
    assert words("A button (blood type)") == ["a", "button", "blood", "type"]
    assert words("Japanese “free of charge” button") == ["japanese", "free", "of", "charge", "button"]
    assert vocabulary() == tuple(sorted({word for one in emoji() for word in words(one.name)}))


def test_no_pixel_of_any_emoji_ever_changes() -> None:
    table = drawings(STYLES)
    assert table.shape == (COUNT * len(STYLES), 3, 64, 64)
    assert blake2b(table.numpy().tobytes(), digest_size=8).hexdigest() == "a587098eb061b573"


def test_the_black_style_has_no_colour_and_the_others_do() -> None:
    table = drawings(STYLES)
    spread = (table.amax(1) - table.amin(1)).amax((1, 2)).view(len(STYLES), COUNT)
    black = STYLES.index("black")
    assert not spread[black].any()
    coloured = [style for style in range(len(STYLES)) if style != black]
    assert (spread[coloured] > 32).float().mean() > 0.9


@pytest.mark.parametrize(
    ("name", "before", "after"), [("emoji-flat-3d", "flat", "3d"), ("emoji-black-flat", "black", "flat")]
)
def test_a_pair_is_one_emoji_in_two_styles(name: str, before: str, after: str, splits: dict[str, Split]) -> None:
    hidden = {row for row, _ in pairs(splits["concepts"].source)}
    sheet = drawings(STYLES).view(len(STYLES), COUNT, 3, 64, 64)
    for split in ("train", "test"):
        data = open_data(f"emoji-{before}-{after}", split, root="nowhere")
        rows = torch.tensor([row for row in range(COUNT) if (row in hidden) == (split == "test")])
        assert len(data) == len(rows)
        batch = next(data.batches(torch.arange(len(data)), len(data), columns=["source"]))
        assert torch.equal((batch.x * 255).round().byte(), sheet[STYLES.index(after)][rows])
        assert torch.equal((batch.given["source"] * 255).round().byte(), sheet[STYLES.index(before)][rows])
