"""Step time of several processes on a machine's cores beside one process with as many threads.

Each arm is a command of its own, as torchrun starts it, and tells the seconds of the second of two epochs: what starts
and what is saved is left out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from measure import compare, machine, show
from workload import BATCH, images

HERE = Path(__file__).parent
RECIPE = str(HERE / "vae-conv.toml")


def milliseconds(count: int, threads: int, options: argparse.Namespace) -> float:
    """Those of a step of `count` processes with so many threads each."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", str(count)]
    command = [*(launcher if count > 1 else [sys.executable]), __file__, "--worker", "--steps", str(options.steps)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    result = subprocess.run(
        [*command, "--recipe", options.recipe], env=environment, check=True, capture_output=True, text=True
    )
    seconds = float(result.stdout)
    return 1000 * seconds / int(options.steps)


def work(options: argparse.Namespace) -> None:
    """The second epoch, in one of the processes; the main one prints its seconds."""
    from genzoo.api.plan import Plan
    from genzoo.api.recipes import find_recipe
    from genzoo.datasets import Split
    from genzoo.training import Run, fit
    from genzoo.training.processes import Processes

    processes = Processes.join(torch.device("cpu"))
    recipe = find_recipe(options.recipe)[0].changed({"training.epochs": 2, "training.batch_size": BATCH})
    planned = Plan.of(recipe)
    torch.manual_seed(recipe.training.seed)
    model = planned.blueprint.build("cpu")
    source = images(options.steps, model.input_shape)
    data = Split(source=source, shape=model.input_shape, binarised=recipe.data["name"] == "mnist-dynamic")
    ends: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        run.begin(recipe, data="", examples=len(data), resume=False)
        fit(
            model,
            planned.losses,
            data,
            recipe,
            run,
            processes=processes,
            on_epoch=lambda model, epoch: ends.append(time.perf_counter()),
        )
    if processes.main:
        print(ends[1] - ends[0])
    if processes.count > 1:
        torch.distributed.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description="a step of several processes beside one with as many threads")
    parser.add_argument("--recipe", default=RECIPE, help="a name or a TOML file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40, help="of an epoch")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options)
        return
    cores = os.cpu_count() or 1
    arms = {
        f"1 process, {cores} threads": lambda: milliseconds(1, cores, options),
        f"{cores} processes, 1 thread each": lambda: milliseconds(cores, 1, options),
        "1 process, 1 thread": lambda: milliseconds(1, 1, options),
    }
    print(machine())
    show(f"A step of {Path(options.recipe).stem}, batch {BATCH}", compare(arms, rounds=options.rounds), "ms")


if __name__ == "__main__":
    main()
