"""Picture files: what is read and how, and files made to do harm, which are refused or read and never more."""

from __future__ import annotations

import io
import os
import random
import struct
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from genzoo.api.data import open_data
from genzoo.datasets import images
from genzoo.datasets.images import MAX_PIXELS, read_header, read_image
from genzoo.errors import InvalidInput, NotFound

RAMP = np.linspace(0, 255, 24 * 32).reshape(24, 32)
GREY = Image.fromarray(RAMP.astype(np.uint8))
COLOUR = Image.merge("RGB", (GREY, GREY.transpose(Image.Transpose.ROTATE_180), GREY))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(*entries: tuple[int, int, int]) -> bytes:
    """EXIF with these entries: tag, type, value."""
    body = b"".join(struct.pack("<HHIi", tag, kind, 1, value) for tag, kind, value in entries)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + b"\0\0\0\0"


@pytest.mark.parametrize(
    ("values", "white"),
    [
        (RAMP / 255, "float32"),
        (RAMP, "float32"),
        (RAMP * 257, "float32"),
        (RAMP, "int32"),
        (RAMP * 257, "int32"),
        (RAMP * 257, "uint16"),
    ],
)
def test_grey_of_any_depth_keeps_its_range(values: np.ndarray, white: str, tmp_path: Path) -> None:
    Image.fromarray(values.astype(white)).save(tmp_path / "a.tif")
    found = read_image(tmp_path / "a.tif", (1, 24, 32))[0]
    assert np.abs(found.numpy() - RAMP).max() <= 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1, 70_000])
def test_values_of_unknown_range_are_refused(bad: float, tmp_path: Path) -> None:
    values = RAMP.astype(np.float32)
    values[3, 4] = bad
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(InvalidInput, match=r"a\.tif cannot be read as an image: its values go from .*; wanted 0 to 1"):
        read_image(tmp_path / "a.tif", (1, 24, 32))


def test_transparency_is_white_whatever_size_is_wanted(tmp_path: Path) -> None:
    image = COLOUR.convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 16, 24))
    for name, stored in {"a.png": image, "b.png": image.convert("LA"), "c.gif": image}.items():
        stored.save(tmp_path / name)
        for height, width in ((24, 32), (12, 16)):
            found = read_image(tmp_path / name, (3, height, width))
            assert (found[:, :, : width // 2 - 2] == 255).all()
            assert (found[:, :, width // 2 + 2 :] < 255).any()


HALVES = Image.new("RGB", (32, 24), (200, 30, 40))
HALVES.paste((20, 160, 220), (16, 0, 32, 24))
LATER = {"save_all": True, "append_images": [Image.new("RGB", (32, 24), "white")]}


def deep_colour() -> bytes:
    """A PNG of 16 bits for each channel, which Pillow does not write."""
    pixels = np.asarray(HALVES).astype(">u2") * 257
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", 32, 24, 16, 2, 0, 0, 0),
        b"IDAT": zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)),
        b"IEND": b"",
    }
    packed = (struct.pack(">I", len(b)) + t + b + struct.pack(">I", zlib.crc32(t + b)) for t, b in chunks.items())
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


FOR_PRINT_AND_FILM = {
    "CMYK.jpg": lambda: encoded(HALVES.convert("CMYK"), "JPEG", quality=95),
    "CMYK.tif": lambda: encoded(HALVES.convert("CMYK"), "TIFF"),
    "YCbCr.tif": lambda: encoded(HALVES.convert("YCbCr"), "TIFF"),
    "palette.png": lambda: encoded(HALVES.quantize(8), "PNG"),
    "16 bits.png": deep_colour,
    "moving.gif": lambda: encoded(HALVES, "GIF", **LATER),
    "moving.png": lambda: encoded(HALVES, "PNG", **LATER),
    "moving.webp": lambda: encoded(HALVES, "WEBP", lossless=True, **LATER),
    "pages.tif": lambda: encoded(HALVES, "TIFF", **LATER),
}


@pytest.mark.parametrize(("name", "data"), FOR_PRINT_AND_FILM.items(), ids=FOR_PRINT_AND_FILM)
def test_pictures_for_print_and_the_first_of_moving_ones_have_their_colours(
    name: str, data: Callable[[], bytes], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data())
    assert not read_header(tmp_path / name, (1, 1)).grey
    found = read_image(tmp_path / name, (3, 24, 32)).permute(1, 2, 0).int()
    assert (found[:, :15] - torch.tensor([200, 30, 40])).abs().max() <= 4
    assert (found[:, 17:] - torch.tensor([20, 160, 220])).abs().max() <= 4


ORIENTED = {
    "right": ((0x112, 3, 6),),
    "a width below zero": ((0x100, 9, -5), (0x112, 3, 6)),
}


@pytest.mark.parametrize("entries", ORIENTED.values(), ids=ORIENTED)
def test_a_picture_is_turned_by_exif_that_is_damaged_elsewhere(
    entries: tuple[tuple[int, int, int], ...], tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(GREY, "JPEG", quality=95, exif=exif(*entries)))
    turned = np.asarray(GREY.transpose(Image.Transpose.ROTATE_270)).astype(int)
    assert np.abs(read_image(tmp_path / "a.jpg", (1, 32, 24))[0].numpy() - turned).mean() < 3


def test_exif_that_cannot_be_read_costs_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(
        encoded(GREY, "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\x7f" + b"\x07" * 40)
    )
    assert np.abs(read_image(tmp_path / "a.jpg", (1, 24, 32))[0].numpy() - RAMP).mean() < 3


def emf() -> bytes:
    return struct.pack("<II", 1, 88) + struct.pack("<8i", 0, 0, 9, 9, 0, 0, 9, 9) + b" EMF" + bytes(44)


FOREIGN = {
    "EMF": emf(),
    "DDS": encoded(COLOUR, "DDS"),
    "BLP": encoded(COLOUR.quantize(), "BLP"),
    "SPIDER": encoded(GREY.convert("F"), "SPIDER"),
    "EPS": encoded(COLOUR, "EPS"),
    "ICO": encoded(COLOUR, "ICO"),
    "text": b"no picture",
    "nothing": b"",
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_formats_that_are_not_wanted_are_refused_whatever_their_name(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(InvalidInput, match=r"a\.png cannot be read as an image: it is none of AVIF, .*PNG, .*WEBP"):
        read_image(tmp_path / "a.png", (3, 8, 8))


@pytest.mark.parametrize("kind", ["fifo", "folder", "device", "missing"])
def test_what_is_no_file_is_refused_and_never_waited_for(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    with pytest.raises(
        NotFound if kind == "missing" else InvalidInput, match=r"a\.png (does not exist|cannot be read)"
    ):
        read_image(path, (3, 8, 8))


def png_of(width: int, height: int) -> bytes:
    """The beginning of a PNG in RGBA."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(4 * width))),
    ]
    parts = [struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a_picture_of_too_many_pixels_is_not_decoded(tmp_path: Path) -> None:
    (tmp_path / "huge.png").write_bytes(png_of(13_000, 13_000))
    GREY.save(tmp_path / "a.png")
    with pytest.raises(InvalidInput, match=r"huge.png .*: it has 169,000,000 pixels, and at most 67,108,864 are read"):
        read_image(tmp_path / "huge.png", (3, 8, 8))
    with pytest.warns(
        UserWarning, match=r"1 of 2 files .*: huge\.png \(169,000,000 pixels, more than 67,108,864\); they"
    ):
        assert len(open_data("folder", "train", root=tmp_path, shape=(3, 8, 8))) == 1


def test_a_large_jpeg_is_decoded_small(tmp_path: Path) -> None:
    """So large that Pillow warns of a bomb, which is an error here."""
    side = 9500
    assert side * side > max(MAX_PIXELS, Image.MAX_IMAGE_PIXELS or 0)
    image = Image.new("L", (side, side))
    image.paste(255, (0, 0, side, side // 2))
    image.save(tmp_path / "a.jpg")
    del image
    with Memory() as memory:
        found = read_image(tmp_path / "a.jpg", (3, 32, 32))
    assert found[:, :15].min() > 250
    assert found[:, 17:].max() < 5
    assert memory.grown < 40 << 20


class Memory:
    """By how many bytes this process grew at most inside the context."""

    grown = 0

    def __enter__(self) -> Memory:
        Path("/proc/self/clear_refs").write_text("5")
        self.before = self.kilobytes("VmRSS")
        return self

    def __exit__(self, *error: object) -> None:
        self.grown = (self.kilobytes("VmHWM") - self.before) << 10

    def kilobytes(self, key: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(key))


def test_workers_read_while_another_thread_does(tmp_path: Path) -> None:
    """A forked worker must not wait for a lock of a thread that it does not have."""
    for index in range(4):
        GREY.save(tmp_path / f"{index}.png")
    data = open_data("folder", "train", root=tmp_path, shape=(1, 8, 8))
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with images._no_warnings():
            held.set()
            done.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        started = time.monotonic()
        assert sum(map(len, data.batches(torch.arange(4), 2, workers=2))) == 4
        assert time.monotonic() - started < 15
    finally:
        done.set()
        thread.join()


SOUND: dict[str, Callable[[], bytes]] = {
    "avif": lambda: encoded(COLOUR, "AVIF", speed=10),
    "bmp": lambda: encoded(COLOUR, "BMP"),
    "gif": lambda: encoded(COLOUR.quantize(16), "GIF", transparency=3),
    "jpg": lambda: encoded(COLOUR, "JPEG", exif=exif((0x112, 3, 6), (0x100, 4, 32))),
    "mpo": lambda: encoded(COLOUR, "MPO", save_all=True, append_images=[COLOUR]),
    "progressive": lambda: encoded(GREY, "JPEG", progressive=True),
    "jp2": lambda: encoded(COLOUR, "JPEG2000"),
    "pcx": lambda: encoded(COLOUR, "PCX"),
    "png": lambda: encoded(COLOUR.convert("RGBA"), "PNG", exif=exif((0x112, 3, 3))[6:]),
    "palette": lambda: encoded(COLOUR.quantize(16), "PNG", transparency=3),
    "deep": lambda: encoded(Image.fromarray((RAMP * 257).astype(np.uint16)), "PNG"),
    "ppm": lambda: encoded(COLOUR, "PPM"),
    "plain": lambda: b"P2 4 4 9 " + b"1 2 3 4 " * 4,
    "sgi": lambda: encoded(COLOUR, "SGI"),
    "lzw": lambda: encoded(COLOUR, "TIFF", compression="tiff_lzw"),
    "float": lambda: encoded(GREY.convert("F"), "TIFF"),
    "webp": lambda: encoded(COLOUR.convert("RGBA"), "WEBP"),
}


def mutated(data: bytes, draws: random.Random) -> bytes:
    """`data` with a few bytes set, mostly near the beginning, or with a part cut out, doubled or set."""
    changed = bytearray(data)
    for _ in range(draws.choice((1, 1, 2, 4))):
        at = int(len(changed) * draws.random() ** draws.choice((1, 3)))
        size = draws.choice((1, 1, 2, 4, 16))
        match draws.randrange(4):
            case 0:
                changed[at : at + size] = draws.randbytes(size)
            case 1:
                changed[at : at + size] = draws.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * size
            case 2:
                del changed[at : at + size]
            case _:
                changed[at:at] = changed[at : at + size]
    return bytes(changed[: draws.randrange(len(changed))] if draws.random() < 0.05 else changed)


def test_five_thousand_damaged_pictures_are_read_or_refused(tmp_path: Path) -> None:
    draws = random.Random(0)  # noqa: S311 -- the same at each run
    sound = {name: make() for name, make in SOUND.items()}
    path = tmp_path / "a.png"
    started, slowest, refused = time.monotonic(), 0.0, []
    with Memory() as memory:
        for case in range(5000):
            path.write_bytes(mutated(draws.choice(list(sound.values())), draws))
            shape, before = (1 + case % 2 * 2, 16, 16), time.monotonic()
            try:
                assert read_image(path, shape).shape == shape
            except InvalidInput as error:
                refused.append(error.message)
            slowest = max(slowest, time.monotonic() - before)
    assert all("a.png cannot be read as an image: " in message for message in refused)
    assert 500 < len(refused) < 4500
    assert memory.grown < 1 << 29
    assert slowest < 10
    assert time.monotonic() - started < 60
