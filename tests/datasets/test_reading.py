"""Worker processes that read examples: they end with the reading, however it ends, and their loss ends no run."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from genzoo.api.data import open_data
from genzoo.datasets import Split
from genzoo.errors import GenzooError, GenzooWarning, InvalidInput, NotFound
from genzoo.training import Recipe

ORDER = torch.arange(24)


class Numbers(Dataset[Tensor]):
    """The index of each example; `trouble` runs before example 10 is read."""

    def __init__(self, trouble: Callable[[], object] = bool) -> None:
        self.trouble = trouble

    def __len__(self) -> int:
        return len(ORDER)

    def __getitem__(self, index: int) -> Tensor:
        if index == 10:
            self.trouble()
        return torch.tensor([float(index)])


class Processes(Numbers):
    """The process that reads each example."""

    def __getitem__(self, index: int) -> Tensor:
        return torch.tensor([float(os.getpid())])


def numbers(trouble: Callable[[], object] = bool) -> Split:
    return Split(source=Numbers(trouble), shape=(1,))


def read(split: Split, workers: int = 2) -> list[float]:
    return torch.cat([batch.x for batch in split.batches(ORDER, 4, workers=workers)]).flatten().tolist()


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_the_number_of_workers_is_the_callers(workers: int) -> None:
    processes = set(read(Split(source=Processes(), shape=(1,)), workers))
    assert len(processes) == max(1, workers)
    assert (os.getpid() in processes) == (workers == 0)
    assert read(numbers(), workers) == ORDER.tolist()


def test_a_recipe_says_how_many_workers_read() -> None:
    table = {
        "name": "ae-mine",
        "model": {"family": "ae", "architecture": "dense"},
        "objective": {"name": "mse"},
        "data": {"name": "folder"},
        "training": {"epochs": 1},
    }
    recipe = Recipe.parse(table, "here")
    assert recipe.training.workers == -1
    assert recipe.changed({"training.workers": 0}).training.workers == 0
    with pytest.raises(InvalidInput, match=r"training.workers must be a whole number from -1 to"):
        recipe.changed({"training.workers": -2})


@pytest.mark.parametrize("error", [ValueError, NotFound])
def test_an_error_in_a_worker_ends_all_workers(error: type[Exception]) -> None:
    def fail() -> None:
        raise error("no example 10")

    wanted = InvalidInput if issubclass(error, GenzooError) else error
    with pytest.raises(wanted, match="no example 10") as caught:
        read(numbers(fail))
    assert not multiprocessing.active_children()
    if issubclass(error, GenzooError):
        assert str(caught.value) == "no example 10"


def test_workers_end_when_the_reading_is_left() -> None:
    batches = numbers().batches(ORDER, 4, workers=2)
    next(batches)
    assert len(multiprocessing.active_children()) == 2
    batches.close()  # type: ignore[attr-defined]  # a generator
    assert not multiprocessing.active_children()


def in_a_worker(trouble: Callable[[], object]) -> Callable[[], object]:
    return lambda: get_worker_info() and trouble()


TROUBLES: dict[str, Callable[[], object]] = {
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "terminated": lambda: signal.raise_signal(signal.SIGTERM),
    "no shared memory": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY)),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_a_lost_worker_loses_no_example(trouble: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    look = torch.utils.data.dataloader._MultiProcessingDataLoaderIter._try_get_data
    monkeypatch.setattr(look, "__defaults__", (0.3,))  # seconds, instead of 5, until it looks whether workers live
    before = signal.getsignal(signal.SIGCHLD)
    with pytest.warns(GenzooWarning, match=r"worker processes failed \(.*\); reading on without them"):
        assert read(numbers(in_a_worker(trouble))) == ORDER.tolist()
    assert not multiprocessing.active_children()
    assert signal.getsignal(signal.SIGCHLD) is before


def test_a_daemonic_process_reads_by_itself() -> None:
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(read, (numbers(),)) == ORDER.tolist()


INTERRUPTED = """
import os, signal, sys, threading, time, torch
from genzoo.datasets import Split

class Slow(torch.utils.data.Dataset):
    def __len__(self):
        return 200_000

    def __getitem__(self, index):
        return torch.zeros(1)

    def __getitems__(self, indices):
        if indices[0] and sys.argv[1] == "error":
            raise ValueError("no example")
        time.sleep(0.2)
        return [torch.zeros(1)]

batches = Split(source=Slow(), shape=(1,)).batches(torch.arange(200_000), 20_000, workers=2)
next(batches)
if sys.argv[1] == "waiting":
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    list(batches)
elif sys.argv[1] == "outside":
    raise KeyboardInterrupt
list(batches)
"""


@pytest.mark.parametrize("how", ["error", "waiting", "outside"])
def test_a_program_that_fails_while_reading_ends(how: str) -> None:
    """The traceback, which Python keeps until the end, holds what reads."""
    command = [sys.executable, "-c", INTERRUPTED, how]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            _, error = process.communicate(timeout=30)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode in (1, -signal.SIGINT)
    assert ("ValueError: no example" if how == "error" else "KeyboardInterrupt") in error


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """A folder of pictures whose second halves are missing."""
    for index in range(8):
        path = tmp_path / "cut" / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        Image.effect_noise((32, 32), 90).save(path)
        path.write_bytes(path.read_bytes()[:500])
    return tmp_path / "cut"


def test_cut_pictures_are_an_error_and_leave_no_process(cut: Path) -> None:
    data = open_data("folder", "train", root=cut, shape=(1, 8, 8))
    with pytest.raises(InvalidInput, match=r"^no picture can be read any more; .*\.png cannot be read as an image"):
        list(data.batches(torch.arange(8), 2, workers=2))
    assert not multiprocessing.active_children()
