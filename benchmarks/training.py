"""Training throughput of the shipped recipes' networks, on MNIST-sized bytes.

"bare step" is the ceiling: the same loss, backward and optimizer step on one constant float batch in eager float32.
Arms: genzoo's loop with equal settings, genzoo's loop as the recipe has it, and a textbook loop with torchvision's
ToTensor and a DataLoader. Goal with equal settings: ≥ 0.9 of the bare step.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from measure import compare, seconds, show
from torch import Tensor
from torchvision.transforms.functional import to_tensor

import genzoo
from genzoo.api.train import Plan, find_recipe
from genzoo.cli.process import keep_memory
from genzoo.datasets import Split
from genzoo.training import Recipe, Run, fit

BATCH = 128
STEPS = {"dense": 400}  # a round of seconds; a shorter one would measure the state that is saved at its end
STEPS_ELSE = 40


def images(steps: int) -> Tensor:
    return torch.randint(0, 256, (BATCH * steps, 1, 28, 28), dtype=torch.uint8)


def with_settings(recipe: Recipe, **settings: Any) -> Recipe:
    return replace(recipe, training={**recipe.training, "epochs": 1, "batch_size": BATCH, **settings})


def loop_rate(recipe: Recipe, source: Tensor, *, binarised: bool) -> float:
    """The loop alone, saved state and log included."""
    planned = Plan.of(recipe)
    model = planned.blueprint.build("cpu")
    data = Split(source=source, shape=(1, 28, 28), binarised=binarised)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        run.begin(recipe, resume=False)
        return len(source) / seconds(lambda: fit(model, planned.losses, data, recipe, run))


def plain_rate(recipe: Recipe, count: int, batches: Callable[[], Iterator[Tensor]]) -> float:
    """A bare loop: who moves gets the gradient, in turn."""
    planned = Plan.of(recipe)
    model = planned.blueprint.build("cpu")
    optimizers = {
        name: torch.optim.Adam(module.parameters(), lr=1e-4, fused=True) for name, module in model.players.items()
    }

    def steps() -> None:
        for batch in batches():
            for player, loss in planned.losses.items():
                for name, module in model.players.items():
                    module.requires_grad_(name == player)
                optimizers[player].zero_grad()
                loss(model, batch)["loss"].mean().backward()  # type: ignore[no-untyped-call]  # torch's
                optimizers[player].step()

    return count / seconds(steps)


def textbook(source: Tensor) -> Iterator[Tensor]:
    arrays = [image.permute(1, 2, 0).numpy() for image in source]
    dataset: Any = _Transformed(arrays)
    yield from torch.utils.data.DataLoader(dataset, BATCH, shuffle=True)


class _Transformed:
    def __init__(self, arrays: list[Any]) -> None:
        self.arrays = arrays

    def __len__(self) -> int:
        return len(self.arrays)

    def __getitem__(self, index: int) -> Tensor:
        tensor: Tensor = to_tensor(self.arrays[index])
        return tensor


def measure(name: str, rounds: int) -> None:
    recipe, _ = find_recipe(name)
    steps = STEPS.get(recipe.model["architecture"], STEPS_ELSE)
    source = images(steps)
    binarised = recipe.data["name"] == "mnist-dynamic"
    constant = (source[:BATCH].float() / 255).round() if binarised else source[:BATCH].float() / 255
    equal = with_settings(recipe, precision="float32", ema=0.0, compile=False)
    candidates = {
        "bare step, constant batch": lambda: plain_rate(equal, len(source), lambda: iter([constant] * steps)),
        "genzoo, equal settings": lambda: loop_rate(equal, source, binarised=binarised),
        "genzoo, the recipe's settings": lambda: loop_rate(with_settings(recipe), source, binarised=binarised),
        "textbook DataLoader": lambda: plain_rate(equal, len(source), lambda: textbook(source)),
    }
    show(f"Training {name}, batch {BATCH}", compare(candidates, rounds=rounds), "images/s")


if __name__ == "__main__":
    if "--keep-memory" in sys.argv:
        keep_memory()
    for name in [word for word in sys.argv[1:] if not word.startswith("-")] or genzoo.list_models():
        measure(name, rounds=5)
