"""Several processes: their arithmetic here, and torchrun for real on two CPU processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torchmetrics
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file

import genzoo
from genzoo.errors import InvalidInput, ProcessLost
from genzoo.training.processes import Processes, Step
from tests.conftest import ROOT
from tests.training.shares import CASES
from tests.training.test_loop import saved_tensors

CPU = torch.device("cpu")
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
FACES = """
name = "ae-dense-faces"
[model]
family = "ae"
architecture = "dense"
latent_dim = 4
hidden = [32]
input_shape = [1, 16, 16]
[objective]
name = "mse"
[data]
name = "folder"
[training]
epochs = 2
batch_size = 16
schedule = "cosine"
ema = 0.9
"""

SCRIPT = """
import os, sys
from pathlib import Path
from genzoo.cli import run
from genzoo.training import clock
clock.SAVE_SECONDS = 0.1
Path(f"pid-{os.environ['RANK']}").write_text(str(os.getpid()))
sys.exit(any([run(["train", *line.split(), "--device", "cpu"]) for line in sys.argv[1:]]))
"""


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 5))
def test_the_slices_of_a_batch_are_the_batch(count: int, each: int, batches: int) -> None:
    order = torch.randperm(batches * count * each)
    slices = [Processes(device=CPU, rank=r, count=count).slice_of(order, count * each) for r in range(count)]
    parts = torch.stack([part.view(batches, each) for part in slices], dim=1)
    assert torch.equal(parts.flatten(), order)


def test_noise_is_not_gone_on_with_by_other_processes() -> None:
    state = torch.get_rng_state()
    two = {"cpu": torch.cat([state, state])}
    with pytest.raises(InvalidInput, match=r"began with 2 process\(es\) on cpu, and this is 1 on cpu"):
        Processes(device=CPU).restore_random_state(two)
    with pytest.raises(InvalidInput, match=r"began with 1 process\(es\) on cuda, and this is 1 on cpu"):
        Processes(device=CPU).restore_random_state({"cpu": state, "cuda": state})


def test_what_one_does_alone_is_in_no_group(tmp_path: Path) -> None:
    distributed = torch.distributed
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        with Processes(device=CPU, count=2).alone():
            assert not distributed.is_initialized()
            assert not torchmetrics.metric.jit_distributed_available()
        assert distributed.get_world_size() == 1
    finally:
        distributed.destroy_process_group()


def test_processes_share_no_one_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InvalidInput, match="--device cpu or cuda, not cuda:1"):
        Processes.join(torch.device("cuda:1"))


def environment(*path: Path) -> dict[str, str]:
    places = [*map(str, path), os.environ.get("PYTHONPATH", ""), str(ROOT)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places), "OMP_NUM_THREADS": "1"}


def entries(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


class Runs(NamedTuple):
    """A folder with runs of two processes, and what these have printed: those of which one was killed, and others."""

    folder: Path
    killed: str
    out: str
    err: str


@pytest.fixture(scope="module")
def runs(stranger: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """torchrun twice: of ``broken`` one process is killed; the next go on with it, and train ``whole`` and ``two``."""
    folder = tmp_path_factory.mktemp("runs")
    generator = np.random.default_rng(0)
    (folder / "faces").mkdir()
    for index in range(40):
        Image.fromarray(generator.integers(0, 256, (16, 16), dtype=np.uint8)).save(folder / f"faces/{index:02}.png")
    (folder / "faces.toml").write_text(FACES)
    text = (stranger / "genzoo_tiny" / "recipes" / "vae-tiny-blobs.toml").read_text()
    (folder / "long.toml").write_text(text.replace("epochs = 5", "epochs = 4"))
    (folder / "script.py").write_text(SCRIPT)

    def start(*lines: str) -> subprocess.Popen[str]:
        command, env, pipe = [*TORCHRUN, "script.py", *lines], environment(stranger), subprocess.PIPE
        return subprocess.Popen(command, cwd=folder, env=env, stdout=pipe, stderr=pipe, text=True)

    with start("long.toml -o broken") as process:
        log = folder / "broken" / "log.jsonl"
        while process.poll() is None and not (log.exists() and log.read_text()):
            time.sleep(0.005)
        os.kill(int((folder / "pid-1").read_text()), 9)
        _, killed = process.communicate(timeout=120)
        assert process.returncode != 0
    assert not (folder / "broken" / "model.safetensors").exists()
    with start("long.toml -o broken --resume", "long.toml -o whole", "faces.toml --data-root faces -o two") as process:
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
    return Runs(folder, killed, out, err)


def test_two_processes_have_the_losses_and_the_weights_of_one(runs: Runs, tmp_path: Path) -> None:
    genzoo.train(runs.folder / "faces.toml", data_root=runs.folder / "faces", output=tmp_path / "one", device="cpu")
    assert runs.out == "./broken\n./whole\n./two\n"
    assert runs.err.count("epoch 2/2") == 1
    assert "37 examples of 1×16×16, 4 steps on cpu, 2 processes" in runs.err
    one, two = entries(tmp_path / "one"), entries(runs.folder / "two")
    assert [entry["loss"] for entry in two] == pytest.approx([entry["loss"] for entry in one], rel=1e-5)
    weights = [genzoo.load(folder).state_dict() for folder in (tmp_path / "one", runs.folder / "two")]
    for key, value in weights[0].items():
        torch.testing.assert_close(weights[1][key], value, rtol=1e-4, atol=1e-6)
    assert genzoo.show(runs.folder / "two").trained["processes"] == 2


def test_one_worker_killed_and_the_run_goes_on_from_its_last_state(runs: Runs) -> None:
    """A VAE on data binarised as it is read: each process draws its own noise, and goes on with it."""
    assert "fault of genzoo" not in runs.killed
    states = [saved_tensors(runs.folder / run) for run in ("whole", "broken")]
    assert states[0].keys() == states[1].keys()
    noise = states[0]["random.cpu"].chunk(2)
    assert not torch.equal(*noise)
    for key in states[0].keys() - {"seconds"}:
        torch.testing.assert_close(states[1][key], states[0][key], rtol=1e-4, atol=1e-6)
    terms = [[(e["step"], e["loss"], e["kl"]) for e in entries(runs.folder / run)] for run in ("whole", "broken")]
    np.testing.assert_allclose(terms[1], terms[0], rtol=1e-4)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each of two processes has of each of the CASES."""
    folder = tmp_path_factory.mktemp("two")
    command = [*TORCHRUN, "-m", "tests.training.shares", str(folder)]
    result = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    return folder


def states(case: str, two: Path, one: Path) -> list[dict[str, torch.Tensor]]:
    """The weights of one process, and of each of two."""
    torch.manual_seed(0)
    alone = CASES[case].run(one, Processes(device=CPU)).state_dict()
    return [alone, *(load_file(two / f"{case}-{rank}") for rank in (0, 1))]


def farthest(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    return max((first[key].double() - second[key].double()).abs().max().item() for key in first)


@pytest.mark.parametrize("case", sorted(CASES.keys() - {"batch norm"}))
def test_two_processes_learn_from_the_whole_batch(case: str, two: Path, tmp_path: Path) -> None:
    """Of everything but what batch normalisation does; gradients of gradients too."""
    alone, first, second = states(case, two, tmp_path)
    assert farthest(alone, CASES[case].model().state_dict()) > 1e-3  # it has moved
    assert farthest(alone, first) < 1e-6
    assert farthest(first, second) == 0


def test_batch_normalisation_sees_the_slice_of_its_process(two: Path, tmp_path: Path) -> None:
    """All learn the same weights; the statistics are each process's own, and those of the main process are saved."""
    alone, first, second = states("batch norm", two, tmp_path)
    running = [key for key in first if "running" in key]
    learned = [key for key in first if "running" not in key]
    assert all(torch.equal(first[key], second[key]) for key in learned)
    assert not any(torch.equal(first[key], second[key]) for key in running)
    assert 1e-6 < farthest({key: alone[key] for key in learned}, first) < 0.1
    saved = saved_tensors(two / "batch norm")
    assert all(torch.equal(saved[f"model.{key}"], first[key]) for key in running)


def test_what_no_loss_depends_on_is_refused_by_several_processes(tmp_path: Path) -> None:
    class Idle(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used = torch.nn.Parameter(torch.ones(1))
            self.idle = torch.nn.Parameter(torch.ones(1))

    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        player, several = Idle(), Processes(device=CPU, count=2)
        step = several.share(Step(player, lambda: {"loss": player.used.sum()}))
        with pytest.raises(InvalidInput, match="does not depend on all parameters"), several.passing(step, last=True):
            step()["loss"].backward()
        with pytest.raises(RuntimeError, match="mine"), several.passing(step, last=False):
            raise RuntimeError("mine")
        with pytest.raises(ProcessLost, match="is gone"), several.passing(step, last=False):
            raise RuntimeError("[gloo/transport/tcp/pair.cc:545] Connection closed by peer")
    finally:
        torch.distributed.destroy_process_group()
