"""4096 samples against one eager batch of 4096 in float32. Goal: ≥ 2 for convolutional models, ≥ 1 for dense ones."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import torch
from measure import compare, machine, seconds, show

import genzoo
from genzoo.cli.process import keep_memory

COUNT = 4096
LATENTS = {"vae-conv": 32, "gan-dcgan": 100, "vae-dense": 20, "gan-dense": 100}
"""Networks and their latents; how fast they are does not depend on their weights."""


REPEATS = {"dense": 10}
"""How often at a time, where once takes 30 ms."""


def rate(model: genzoo.Model, make: Callable[[], object]) -> float:
    """Images a second."""
    repeats = REPEATS.get(model.spec.architecture, 1)
    return COUNT * repeats / seconds(lambda: [make() for _ in range(repeats)])


if __name__ == "__main__":
    if "--keep-memory" in sys.argv:
        keep_memory()
    print(machine())
    for name, latent_dim in LATENTS.items():
        model = genzoo.create(name, input_shape=(1, 28, 28), latent_dim=latent_dim).eval()
        z = torch.randn(COUNT, latent_dim)
        candidates = {
            "one eager batch": partial(rate, model, partial(model.decode, z)),
            "sample": partial(rate, model, partial(model.sample, COUNT, seed=0)),
        }
        show(f"Sampling {name}", compare(candidates, rounds=9), "images/s")
