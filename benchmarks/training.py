"""Training throughput on random bytes, MNIST-sized and 64×64 in colour: genzoo's loop beside a bare step and others.

All arms train the same network from new weights, and each round takes the second epoch of two: compilation is over,
and what is saved at the end of an epoch or a run is left out, for everyone. The arms:

- bare step: loss, backward and torch's default Adam in eager float32 on one constant batch; the ceiling of a plain loop
- bare step, fused Adam: the same with the optimizer that genzoo takes
- genzoo, equal settings: genzoo's loop in eager float32 with no average of weights
- genzoo, the recipe's settings: the loop as the recipe has it; this folder's are in bf16, the dense one compiled
- textbook: a data set of torchvision with ToTensor, a DataLoader, torch's default Adam
- pythae's or torchgan's trainer as its documentation uses it, in a process and an environment of its own (peers.py)
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from measure import compare, machine, show
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.transforms import ToTensor
from worker import Worker
from workload import BATCH, TextbookSet, images

from genzoo import Batch
from genzoo.api.plan import Plan
from genzoo.api.recipes import find_recipe
from genzoo.cli.process import keep_memory
from genzoo.datasets import Split
from genzoo.training import Recipe, Run, fit

HERE = Path(__file__).parent
RECIPES = tuple(str(HERE / f"{name}.toml") for name in ("vae-dense", "vae-conv", "gan-dcgan", "vae-conv-colour"))
STEPS = {"dense": 400}  # of an epoch: seconds
STEPS_ELSE = 40
PEERS = ("vae", "gan")
EQUAL = {"precision": "float32", "compile": False, "ema": 0.0}


def with_settings(recipe: Recipe, **settings: Any) -> Recipe:
    return replace(recipe, training=replace(recipe.training, epochs=2, batch_size=BATCH, **settings))


def loop_epoch(recipe: Recipe, source: Tensor) -> tuple[float, int]:
    """Seconds and page faults of the second epoch of genzoo's loop, from the end of the first one to its own."""
    torch.compiler.reset()  # or torch gives up on compiling after some models
    planned = Plan.of(recipe)
    model = planned.blueprint.build("cpu")
    data = Split(source=source, shape=tuple(source.shape[1:]), binarised=recipe.data["name"] == "mnist-dynamic")
    ends: list[tuple[float, int]] = []
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        run.begin(recipe, data="", examples=len(data), resume=False)
        fit(model, planned.losses, data, recipe, run, on_epoch=lambda model, epoch: ends.append(now()))
    return ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]


def now() -> tuple[float, int]:
    return time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def plain_epoch(recipe: Recipe, batches: Callable[[], Iterable[Tensor]], *, fused: bool) -> float:
    """Seconds of the second epoch of a bare loop: who moves gets the gradient, in turn."""
    planned = Plan.of(recipe)
    model = planned.blueprint.build("cpu")
    adam = partial(torch.optim.Adam, lr=1e-4, fused=True) if fused else partial(torch.optim.Adam, lr=1e-4)
    optimizers = {name: adam(module.parameters()) for name, module in model.players.items()}
    for _ in range(2):
        start = time.perf_counter()
        for batch in batches():
            for player, loss in planned.losses.items():
                if len(model.players) > 1:
                    for name, module in model.players.items():
                        module.requires_grad_(name == player)
                optimizers[player].zero_grad()
                loss(model, Batch(x=batch))["loss"].mean().backward()  # type: ignore[no-untyped-call]  # torch's
                optimizers[player].step()
    return time.perf_counter() - start


def textbook(source: Tensor) -> Callable[[], Iterable[Tensor]]:
    """What gives an epoch's batches."""
    loader: DataLoader[tuple[Tensor, int]] = DataLoader(TextbookSet(source, ToTensor()), BATCH, shuffle=True)
    return lambda: (batch for batch, _ in loader)


def task(planned: Plan, steps: int, options: argparse.Namespace) -> dict[str, Any]:
    """What a peer is to train; see worker.py."""
    spec = planned.blueprint.spec
    return {
        "name": f"{spec.family}-{spec.architecture}",
        "config": dict(spec.config),
        "steps": steps,
        "learning_rate": planned.recipe.optimizer.learning_rate,
        "keep_memory": options.keep_memory,
    }


def measure(recipe: Recipe, options: argparse.Namespace) -> None:
    steps = options.steps or STEPS.get(recipe.model["architecture"], STEPS_ELSE)
    planned = Plan.of(recipe)
    source = images(steps, planned.blueprint.spec.input_shape)
    constant = [(source[:BATCH] / 255.0).round()] * steps  # 0 and 1 cost what grey levels do
    equal, own = with_settings(recipe, **EQUAL), with_settings(recipe)
    arms: dict[str, Callable[[], float]] = {
        "bare step": lambda: plain_epoch(equal, lambda: constant, fused=False),
        "bare step, fused Adam": lambda: plain_epoch(equal, lambda: constant, fused=True),
        "genzoo, equal settings": lambda: loop_epoch(equal, source)[0],
        "genzoo, the recipe's settings": lambda: loop_epoch(own, source)[0],
        "textbook": lambda: plain_epoch(equal, textbook(source), fused=False),
    }
    with ExitStack() as stack:
        if options.peers.exists() and recipe.model["family"] in PEERS:
            peer = stack.enter_context(Worker(options.peers, task(planned, steps, options)))
            arms[peer.name] = peer.seconds
        rates = {name: lambda arm=arm: len(source) / arm() for name, arm in arms.items()}
        rows = compare(rates, rounds=options.rounds, references=2)
    show(f"Training {recipe.name}, batch {BATCH}", rows, "images/s")
    print(f"\nPage faults a step of genzoo's loop, equal settings: {loop_epoch(equal, source)[1] / steps:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="training throughput beside a bare step, a textbook loop, the peers")
    parser.add_argument("recipes", nargs="*", default=RECIPES, help="names or TOML files")
    parser.add_argument("--peers", type=Path, default=HERE / ".venv/bin/python", help="python with peers.txt installed")
    parser.add_argument("--keep-memory", action="store_true", help="the allocator as genzoo's command line sets it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="of an epoch")
    options = parser.parse_args()
    if options.keep_memory:
        keep_memory()
    print(machine())
    if not options.peers.exists():
        print(f"no pythae and torchgan: there is no {options.peers}; `make peers` makes their environment")
    for recipe in options.recipes:
        measure(find_recipe(recipe)[0], options)


if __name__ == "__main__":
    main()
