"""Which files of a folder are pictures, what is left out, and what is said of it."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from genzoo.api.data import find_dataset, open_data
from genzoo.datasets import Split
from genzoo.datasets.files import Files
from genzoo.datasets.folder import survey
from genzoo.errors import GenzooWarning, InvalidInput, NotFound
from genzoo.spec import DatasetSpec

RAMP = Image.fromarray(np.linspace(0, 255, 24 * 32).reshape(24, 32).astype(np.uint8))


def opened(root: Path, shape: tuple[int, ...] = (1, 24, 32)) -> Split:
    return open_data("folder", "train", root=root, shape=shape)


def names(split: Split) -> list[str]:
    assert isinstance(split.source, Files)
    return split.source.names()


def test_pictures_of_every_common_ending_are_read(tmp_path: Path) -> None:
    kinds = {"jfif": "JPEG", "jpe": "JPEG", "jp2": "JPEG2000", "pgm": "PPM", "ppm": "PPM"}
    plain = ("avif", "bmp", "gif", "JPG", "pcx", "png", "sgi", "tif", "TIFF", "webp")
    for suffix, kind in {**kinds, **dict.fromkeys(plain, "")}.items():
        RAMP.convert("RGB" if suffix == "ppm" else "L").save(tmp_path / f"a.{suffix}", kind or None)
    (tmp_path / "a.png").rename(tmp_path / "without")
    split = opened(tmp_path)
    assert len(split) == len(kinds) + len(plain)
    wanted = torch.from_numpy(np.array(RAMP)).float() / 255
    assert (split.first(99) - wanted).abs().mean((1, 2, 3)).max() < 0.02


def test_links_to_folders_are_followed_and_each_folder_is_read_once(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    for place in (tmp_path / "set" / "a", elsewhere / "b"):
        place.mkdir(parents=True)
        RAMP.save(place / "0.png")
    (tmp_path / "set" / "link").symlink_to(elsewhere)
    (elsewhere / "b" / "loop").symlink_to(tmp_path / "set")
    (elsewhere / "self").symlink_to("self")
    assert names(opened(tmp_path / "set")) == ["a/0.png", "link/b/0.png"]


def test_hidden_files_and_folders_are_no_data(tmp_path: Path) -> None:
    root = tmp_path / ".mine"  # the folder itself may be
    for name in ("0.png", "._0.png", ".ipynb_checkpoints/0-checkpoint.png", ".git/a/b.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        RAMP.save(root / name)
    assert names(opened(root)) == ["0.png"]


def test_pictures_that_are_not_read_are_counted_and_named(tmp_path: Path) -> None:
    RAMP.save(tmp_path / "0.png")
    for name in ("IMG_1.HEIC", "b.svg", "c.png", "notes.txt", "README", "labels.csv"):
        (tmp_path / name).write_bytes(b"nothing that is read")
    (tmp_path / "d.jpg").symlink_to("nowhere")
    os.mkfifo(tmp_path / "e.png")
    told = (
        r"5 of 6 files .*: IMG_1\.HEIC \(HEIC is not read\), b\.svg \(SVG is not read\), c\.png, d\.jpg, e\.png; they"
    )
    with pytest.warns(GenzooWarning, match=told):
        assert names(opened(tmp_path)) == ["0.png"]


@pytest.fixture
def another_user() -> Iterator[Path]:
    """A folder for a user to whom permissions mean something."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o777)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield root
    finally:
        os.seteuid(before)
        for folder, _, _ in os.walk(root):
            Path(folder).chmod(0o777)
        shutil.rmtree(root)


def test_folders_that_cannot_be_opened_are_counted_and_named(another_user: Path) -> None:
    for place in ("open", "closed"):
        (another_user / place).mkdir()
        RAMP.save(another_user / place / "0.png")
    (another_user / "closed").chmod(0)
    with pytest.warns(GenzooWarning, match=r"1 folder in .* cannot be opened: closed; their pictures are left out"):
        assert len(opened(another_user)) == 1


@pytest.mark.parametrize(
    ("modes", "sizes", "shape", "told"),
    [
        ("L", [(32, 24)], (1, 24, 32), ""),
        ("RGB", [(32, 24)], (3, 24, 32), ""),
        ("RGB", [(32, 24)], (1, 24, 32), r"(32×24 pixels) are turned to grey (2 in colour)"),
        ("L", [(32, 24)], (3, 12, 16), "(32×24 pixels) are resized to 16×12 and given as RGB (2 in grey)"),
        (
            "RGB",
            [(64, 48), (9, 9)],
            (1, 28, 28),
            "(9×9 to 64×48 pixels) are resized and cropped about the centre to 28×28 and turned to grey (2 in colour)",
        ),
    ],
)
def test_what_is_done_to_the_pictures_is_said(
    modes: str, sizes: list[tuple[int, int]], shape: tuple[int, ...], told: str, tmp_path: Path
) -> None:
    for index in range(2):
        RAMP.resize(sizes[index % len(sizes)]).convert(modes).save(tmp_path / f"{index}.png")
    assert opened(tmp_path, shape).preparation == (told and f"the 2 pictures in {tmp_path} {told}")


def test_files_that_turn_out_bad_are_told_as_before(tmp_path: Path) -> None:
    """The first bytes are those of a picture, and its values are in no range."""
    RAMP.save(tmp_path / "0.png")
    Image.fromarray(np.full((24, 32), np.nan, dtype=np.float32)).save(tmp_path / "1.tif")
    split = opened(tmp_path)
    with pytest.warns(GenzooWarning, match=r"1\.tif cannot be read as an image: its values go from nan to nan; wanted"):
        x = split.first(2)
    assert torch.equal(x[0], x[1])


def test_a_folder_of_bad_files_alone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"")
    with (
        warnings.catch_warnings(),
        pytest.raises(InvalidInput, match=r"1 of 1 files .*: a\.heic \(HEIC is not read\)$"),
    ):
        opened(tmp_path)


def made(root: Path, *names: str) -> Path:
    """Grey pictures of these names."""
    for index, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), index % 256).save(root / name)
    return root


def labels(split: Split, record: DatasetSpec) -> dict[str, str]:
    """The label of each picture, by name."""
    assert split.labels is not None
    alphabet = record.columns["label"].names
    return {name: alphabet[index] for name, index in zip(names(split), split.labels.tolist(), strict=True)}


def test_subfolders_are_labels_in_their_order(tmp_path: Path) -> None:
    made(tmp_path, "dogs/a.png", "cats/deeper/b.png", "cats/c.png")
    record = find_dataset("folder", tmp_path)
    assert record.columns["label"].names == ("cats", "dogs")
    found = labels(opened(tmp_path, (1, 8, 8)), record)
    assert found == {"cats/c.png": "cats", "cats/deeper/b.png": "cats", "dogs/a.png": "dogs"}


def test_numbers_are_labels_in_their_order(tmp_path: Path) -> None:
    made(tmp_path, *(f"{digit}/a.png" for digit in (10, 2, 0, "zebra")))
    assert find_dataset("folder", tmp_path).columns["label"].names == ("0", "2", "10", "zebra")


def test_one_subfolder_tells_no_classes_apart(tmp_path: Path) -> None:
    made(tmp_path, "images/a.png", "images/b.png")
    assert find_dataset("folder", tmp_path).columns == {}


def test_pictures_beside_subfolders_leave_none_with_a_label(tmp_path: Path) -> None:
    made(tmp_path, "cats/a.png", "dogs/b.png", "c.png")
    with pytest.warns(
        GenzooWarning, match=r"1 picture in .* lies beside the folders cats, dogs: c\.png; so no picture"
    ):
        split = opened(tmp_path, (1, 8, 8))
    assert (len(split), split.columns) == (3, {})


def test_an_empty_subfolder_is_no_class(tmp_path: Path) -> None:
    made(tmp_path, "cats/a.png", "dogs/b.png")
    (tmp_path / "birds").mkdir()
    with pytest.warns(GenzooWarning, match="1 folder in .* without a picture: birds; it is no class"):
        assert find_dataset("folder", tmp_path).columns["label"].names == ("cats", "dogs")


def test_a_tenth_is_held_out_by_name_wherever_the_folder_lies(tmp_path: Path) -> None:
    names_ = [f"{index:03}.png" for index in range(200)]
    made(tmp_path / "a", *names_)
    made(tmp_path / "b", *names_[:100])
    found = {
        (place, split): set(names(open_data("folder", split, root=tmp_path / place, shape=(1, 8, 8))))
        for place in "ab"
        for split in ("train", "test", "all")
    }
    train, test = found["a", "train"], found["a", "test"]
    assert train | test == found["a", "all"] == set(names_)
    assert not train & test
    assert sorted(test)[:4] == ["003.png", "006.png", "019.png", "032.png"]  # on every machine
    assert len(test) == 24
    assert found["b", "test"] == test & set(names_[:100])
    assert "24 others there are held out, as its split test" in opened(tmp_path / "a", (1, 4, 4)).preparation


def test_a_class_keeps_a_picture_to_learn_from(tmp_path: Path) -> None:
    made(tmp_path, *(f"{index}/only.png" for index in range(60)))
    assert len(opened(tmp_path, (1, 8, 8))) == len(find_dataset("folder", tmp_path).columns["label"].names) == 60


def test_of_few_pictures_none_is_held_out(tmp_path: Path) -> None:
    made(tmp_path, *(f"{index}.png" for index in range(19)))
    record = find_dataset("folder", tmp_path)
    assert (record.splits, record.held_out, len(opened(tmp_path, (1, 8, 8)))) == (("train",), "train", 19)
    with pytest.raises(NotFound, match="folder has no split 'test': it has train"):
        open_data("folder", "test", root=tmp_path, shape=(1, 8, 8))


def test_folders_called_train_and_test_are_the_splits(tmp_path: Path) -> None:
    made(tmp_path, "train/cats/a.png", "train/dogs/b.png", "test/cats/c.png", "valid/cats/d.png", "train.png")
    told = r"2 pictures in .* outside the folders train and test: train\.png, valid/cats/d\.png; they are left out"
    with pytest.warns(GenzooWarning, match=told):
        record = find_dataset("folder", tmp_path)
    assert record.columns["label"].names == ("cats", "dogs")
    found = {split: open_data(record, split, root=tmp_path, shape=(1, 8, 8)) for split in record.splits}
    assert {split: [path.name for path in files(data)] for split, data in found.items()} == {
        "train": ["a.png", "b.png"],
        "test": ["c.png"],
        "all": ["c.png", "a.png", "b.png"],
    }


def files(split: Split) -> list[Path]:
    assert isinstance(split.source, Files)
    return list(split.source.paths)


def test_metadata_says_labels_and_texts(tmp_path: Path) -> None:
    made(tmp_path, "x/a.png", "x/b.png", "y/c.png", "y/unnamed.png")
    (tmp_path / "metadata.jsonl").write_text(
        '{"file_name": "x/a.png", "label": 10, "text": "A cat’s tail."}\n'
        '{"file_name": "x/b.png", "label": 2, "text": ""}\n'
        '{"file_name": "gone.png", "label": 3}\n'
    )
    (tmp_path / "y" / "metadata.csv").write_text("file_name,label,text\nc.png,10,(cat)\n")
    with pytest.warns(GenzooWarning) as caught:
        record = find_dataset("folder", tmp_path)
    out = "it is left out"
    assert [str(warning.message) for warning in caught] == [
        f"1 line of {tmp_path}/metadata.jsonl cannot be used: line 3 (gone.png is not there, or no picture); {out}",
        f"1 picture in {tmp_path} with no line in the metadata: y/unnamed.png; {out}",
    ]
    split = open_data(record, "train", root=tmp_path, shape=(1, 8, 8))
    assert labels(split, record) == {"x/a.png": "10", "x/b.png": "2", "y/c.png": "10"}
    text = record.columns["text"]
    assert (text.names, text.space.shape) == (("a", "cat", "cat's", "tail"), (3,))
    assert split.column("text", torch.arange(3)).tolist() == [[0, 2, 3], [4, 4, 4], [1, 4, 4]]


def test_pictures_without_the_label_that_others_have_are_left_out(tmp_path: Path) -> None:
    made(tmp_path, "a.png", "b.png")
    (tmp_path / "metadata.csv").write_text("file_name,label\na.png,cat\nb.png,\n")
    with pytest.warns(GenzooWarning, match=r"1 picture in .* with no label in the metadata: b\.png; it is left out"):
        assert names(opened(tmp_path, (1, 8, 8))) == ["a.png"]


def test_metadata_that_names_no_picture_is_an_error(tmp_path: Path) -> None:
    made(tmp_path, "a.png")
    (tmp_path / "metadata.csv").write_text("file_name\nb.png\n")
    match = r"no line of .*metadata\.csv names a picture below .*line 2 \(b\.png is not there.*another name"
    with pytest.raises(InvalidInput, match=match):
        opened(tmp_path)
    (tmp_path / "metadata.jsonl").write_text("")
    with pytest.raises(InvalidInput, match=r"has metadata\.jsonl and metadata\.csv: keep one"):
        opened(tmp_path)


def test_metadata_may_be_of_the_pictures_held_out_alone(tmp_path: Path) -> None:
    made(tmp_path, "train/a.png", "test/b.png")
    (tmp_path / "metadata.csv").write_text("file_name\ntest/b.png\n")
    with pytest.raises(InvalidInput, match=r"has no picture to learn from: 1 picture in .* with no line"):
        opened(tmp_path)


def test_the_fingerprint_changes_with_the_labels(tmp_path: Path) -> None:
    made(tmp_path, "a.png", "b.png")
    found = []
    for label in ("cat", "dog"):
        (tmp_path / "metadata.csv").write_text(f"file_name,label\na.png,cat\nb.png,{label}\n")
        found.append(opened(tmp_path).fingerprint())
    assert found[0] != found[1]


def test_a_picture_takes_the_place_of_one_of_its_class(tmp_path: Path) -> None:
    made(tmp_path, *(f"{kind}/{index}.png" for kind in ("a", "b") for index in range(3)))
    split = opened(tmp_path, (1, 8, 8))
    (tmp_path / "a" / "2.png").write_bytes(b"cut")
    with pytest.warns(GenzooWarning, match=r"2\.png cannot be read as an image"):
        x = split.first(6)
    assert torch.equal(x[2], x[0])


def test_a_folder_that_is_gone_while_it_is_read_is_a_typed_error(tmp_path: Path) -> None:
    root = made(tmp_path / "set", "a/0.png", "b/1.png")
    split = opened(root, (1, 8, 8))
    shutil.rmtree(root)
    with pytest.raises(InvalidInput, match=r"no picture can be read any more; .*0\.png does not exist"):
        split.first(2)


@pytest.mark.parametrize(
    ("mode", "colour"), [("L", False), ("RGB", False), ("RGBA", True), ("P", True), ("CMYK", True)]
)
def test_colour_is_seen_in_the_pixels(mode: str, colour: bool, tmp_path: Path) -> None:
    for index in range(3):
        image = Image.merge("RGB", (RAMP, RAMP, RAMP)) if not colour or index < 2 else Image.new("RGB", (32, 24), "red")
        image.convert(mode).save(tmp_path / f"{index}.{'tif' if mode == 'CMYK' else 'png'}")
    found = survey(tmp_path)
    assert (found.colour(), found.count, found.sizes) == (colour, 3, {(24, 32): 3})
