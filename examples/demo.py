"""Draw what the zoo can do into a folder: samples of each model that samples, reconstructions of each that encodes.

It needs no data set and no network: the digits to be reconstructed are drawn by the GAN.

    python examples/demo.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from PIL import Image

import genzoo


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    digits = genzoo.load("gan-dcgan-mnist").sample(16, seed=1)
    for name in genzoo.list_models("*-mnist*"):
        model = genzoo.load(name)
        if isinstance(model, genzoo.Generator):
            save(genzoo.grid(model.sample(64, seed=0)), folder / f"{name}-samples.png")
        if isinstance(model, genzoo.Encoder) and isinstance(model, genzoo.Decoder):
            pairs = torch.cat([digits, model.decode(model.encode(digits))])
            save(genzoo.grid(pairs, columns=16), folder / f"{name}-reconstructions.png")


def save(picture: Image.Image, path: Path) -> None:
    picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.NEAREST).save(path)
    print(path.resolve())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("demo"))
