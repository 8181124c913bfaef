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

from genzoo.api.data import open_data
from genzoo.datasets import Split
from genzoo.datasets.files import Files
from genzoo.errors import GenzooWarning, InvalidInput

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
