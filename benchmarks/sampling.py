"""4096 samples against one eager batch of 4096 in float32. Goal: ≥ 2 for convolutional models, ≥ 1 for dense ones."""

from __future__ import annotations

import sys

import torch
from measure import compare, seconds, show

import genzoo
from genzoo.cli.process import keep_memory

COUNT = 4096


def eager(model: genzoo.Model) -> float:
    z = torch.randn(COUNT, model.latent_dim)
    return COUNT / seconds(lambda: model.decode(z))


if __name__ == "__main__":
    if "--keep-memory" in sys.argv:
        keep_memory()
    for name in genzoo.list_models():
        model = genzoo.load(name, device="cpu")
        if isinstance(model, genzoo.Generator):
            candidates = {
                "one eager batch": lambda model=model: eager(model),
                "sample": lambda model=model: COUNT / seconds(lambda: model.sample(COUNT, seed=0)),
            }
            show(f"Sampling {name}", compare(candidates, rounds=9), "images/s")
