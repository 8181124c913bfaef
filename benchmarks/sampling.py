"""4096 samples against one eager batch of 4096 in float32. Goal: ≥ 2 for convolutional models, ≥ 1 for dense ones."""

from __future__ import annotations

import sys

import torch
from measure import compare, machine, seconds, show

import genzoo
from genzoo.cli.process import keep_memory

COUNT = 4096
LATENTS = {"vae-conv": 32, "gan-dcgan": 100, "vae-dense": 20, "gan-dense": 100}
"""Networks and their latents; how fast they are does not depend on their weights."""


def eager(model: genzoo.Model) -> float:
    z = torch.randn(COUNT, model.latent_dim)
    return COUNT / seconds(lambda: model.decode(z))


if __name__ == "__main__":
    if "--keep-memory" in sys.argv:
        keep_memory()
    print(machine())
    for name, latent_dim in LATENTS.items():
        model = genzoo.create(name, input_shape=(1, 28, 28), latent_dim=latent_dim).eval()
        candidates = {
            "one eager batch": lambda model=model: eager(model),
            "sample": lambda model=model: COUNT / seconds(lambda: model.sample(COUNT, seed=0)),
        }
        show(f"Sampling {name}", compare(candidates, rounds=9), "images/s")
