"""Draw what the data sets of faces and emoji hold into a folder: some of each, and every part of a face with its name.

python docs/drawings.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

import genzoo
from genzoo_emoji.names import STYLES, emoji
from genzoo_emoji.sets import drawings
from genzoo_faces.drawing import draw
from genzoo_faces.parts import FACTORS

PLAIN = {"head": "no hair", "face": "smile", "skin": "light", "clothing": "turquoise"}
SHOWN = ("head", "face", "facial_hair", "mask_kind", "accessories")
COLUMNS, CELL, LABEL = 8, 112, 14
EMOJI = (
    "brain",
    "couch and lamp",
    "guitar",
    "man superhero",
    "old woman",
    "pineapple",
    "satellite",
    "owl",
    "rocket",
    "fox",
)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    faces = next(genzoo.open_data("faces", "test").batches(torch.arange(12), 12, columns=["source"]))
    pairs = torch.cat([faces.given["source"].expand_as(faces.x), faces.x])
    genzoo.grid(pairs, columns=12).save(folder / "faces.png", optimize=True)
    parts().quantize(64).save(folder / "faces-parts.png", optimize=True)
    names = [one.name for one in emoji()]
    sheet = drawings(STYLES).view(len(STYLES), len(names), 3, 64, 64)
    chosen = sheet[:, [names.index(name) for name in EMOJI]].flatten(0, 1)
    genzoo.grid(chosen / 255, columns=len(EMOJI)).save(folder / "emoji.png", optimize=True)


def parts() -> Image.Image:
    """A face for every part, with the name of its value below."""
    rows = [(factor, value) for factor in SHOWN for value in FACTORS[factor] if value != "none"]
    sheet = Image.new("RGB", (COLUMNS * CELL, -(-len(rows) // COLUMNS) * (CELL + LABEL)), "white")
    pen = ImageDraw.Draw(sheet)
    for place, (factor, value) in enumerate(rows):
        x, y = place % COLUMNS * CELL, place // COLUMNS * (CELL + LABEL)
        picture = draw(face(**{factor: value, "hair": "auburn"}), 128)[0].permute(1, 2, 0).numpy()
        sheet.paste(Image.fromarray(picture).resize((CELL, CELL), Image.Resampling.LANCZOS), (x, y))
        pen.text((x + CELL / 2, y + CELL), value, fill="black", anchor="ma")
    return sheet


def face(**told: str) -> Tensor:
    """The factors of a plain face with these values."""
    values = {**dict.fromkeys(FACTORS, "none"), **PLAIN, **told}
    return torch.tensor([[FACTORS[name].index(value) for name, value in values.items()]], dtype=torch.int64)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/pictures"))
