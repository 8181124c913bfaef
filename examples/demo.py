"""Draw what the zoo can do into a folder: samples of each model that samples, reconstructions of each that encodes.

It needs no data set and no network: the pictures to be reconstructed are drawn by GANs.

    python examples/demo.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from PIL import Image

import genzoo

DRAWN_BY = {"mnist": "gan-dcgan-mnist", "fashion-mnist": "gan-dcgan-fashion"}
"""The GAN that draws pictures like those of a data set."""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {data: genzoo.load(gan).sample(16, seed=1) for data, gan in DRAWN_BY.items()}
    for name in genzoo.list_models():
        model = genzoo.load(name)
        pictures = drawn.get(model.checkpoint.dataset.removesuffix("-dynamic")) if model.checkpoint else None
        if len(model.input_shape) == 3 and isinstance(model, genzoo.Generator):
            save(genzoo.grid(model.sample(64, seed=0, **told(model, 64))), folder / f"{name}-samples.png")
        if pictures is not None and isinstance(model, genzoo.Encoder) and isinstance(model, genzoo.Decoder):
            pairs = torch.cat([pictures, model.decode(model.encode(pictures))])
            save(genzoo.grid(pairs, columns=16), folder / f"{name}-reconstructions.png")


def told(model: genzoo.Model, n: int) -> dict[str, list[int]]:
    """Each class in turn, for a model that is told one."""
    columns = model.spec.given.items()
    return {name: [i % column.space.size for i in range(n)] for name, column in columns if not column.space.shape}


def save(picture: Image.Image, path: Path) -> None:
    picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.NEAREST).save(path)
    print(path.resolve())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("demo"))
