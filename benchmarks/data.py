"""Pictures a second that data sets give on one core, as floats and in random order, beside what the fastest recipe
trains on with all cores. Goal: three times as many of 64×64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
from measure import compare, machine, seconds, show
from workload import BATCH, images

from genzoo.api.data import open_data
from genzoo.datasets import Split
from genzoo.training import Recipe
from training import HERE, loop_epoch, with_settings

SETS = ("faces", "faces-line", "faces-32", "faces-128", "emoji", "sprites")
STEPS = 20


def drawing_rate(data: Split, columns: Sequence[str]) -> float:
    """Pictures a second of so many batches, on one core."""
    threads, order = torch.get_num_threads(), torch.randperm(len(data))[: BATCH * STEPS]
    torch.set_num_threads(1)
    spent = seconds(lambda: [None for _ in data.batches(order, BATCH, columns=columns)])
    torch.set_num_threads(threads)
    return len(order) / spent


def training_rate() -> float:
    """Pictures of 3×64×64 a second of the dense VAE's epoch."""
    recipe = Recipe.read(HERE / "vae-dense.toml")
    colour = replace(recipe, model={**recipe.model, "likelihood": "gaussian"}, data={"name": "faces"})
    return BATCH * STEPS / loop_epoch(with_settings(colour), images(STEPS, (3, 64, 64)))[0]


def main() -> None:
    print(machine())
    arms: dict[str, Callable[[], float]] = {"training vae-dense, 3×64×64": training_rate}
    for name in SETS:
        data = open_data(name, "train")
        arms[name] = partial(drawing_rate, data, ())
        if "source" in data.columns:
            arms[f"{name}, with source"] = partial(drawing_rate, data, ("source",))
    show(f"Data sets, batch {BATCH}", compare(arms, rounds=5), "pictures/s")


if __name__ == "__main__":
    main()
