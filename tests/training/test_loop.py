"""The loop, on the drawn data of examples/genzoo-tiny and on tensors made here."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

import genzoo
from genzoo.batch import Batch
from genzoo.datasets import Split
from genzoo.errors import DamagedFile, InvalidInput, MissingDependency, OutputExists, TrainingDiverged
from genzoo.models import Model
from genzoo.objectives import adversarial, reconstruction, variational
from genzoo.training import Losses, Progress, Recipe, Run, clock, fit, loop
from genzoo.training.loop import check_batches
from genzoo.training.processes import Processes
from genzoo.training.state import Trainer
from tests.conftest import CLI, ROOT

SETTINGS: dict[str, Any] = {
    "name": "test",
    "model": {"family": "vae", "architecture": "dense"},
    "objective": {"name": "elbo"},
    "data": {"name": "none"},
    "training": {"epochs": 3, "batch_size": 16, "schedule": "cosine", "warmup_steps": 3, "ema": 0.9},
}


def images(count: int = 100) -> Split:
    generator = torch.Generator().manual_seed(0)
    source = torch.randint(0, 256, (count, 1, 8, 8), generator=generator, dtype=torch.uint8)
    return Split(source=source, shape=(1, 8, 8), binarised=True)


def grey() -> Split:
    return replace(images(), binarised=False)


def players(family: str) -> tuple[Model, Losses]:
    models: dict[str, tuple[str, dict[str, Any]]] = {
        "ae": ("ae-dense", {"model": reconstruction.squared_error}),
        "conv": ("ae-conv", {"model": reconstruction.squared_error}),
        "vae": ("vae-dense", {"model": lambda model, batch: variational.elbo(model, batch, beta=1.0)}),
        "gan": (
            "gan-dense",
            {"discriminator": adversarial.discriminator, "generator": adversarial.non_saturating_generator},
        ),
    }
    models["augmented gan"] = (
        "gan-dense",
        {
            "discriminator": partial(adversarial.r1_discriminator, gamma=1.0, augment=True),
            "generator": partial(adversarial.non_saturating_generator, augment=True),
        },
    )
    name, losses = models[family]
    hidden = {"width": 8, "hidden": 16} if family == "conv" else {"hidden": [16]}
    return genzoo.create(name, input_shape=(1, 8, 8), latent_dim=3, seed=0, **hidden), losses


def recipe(optimizer: dict[str, Any] | None = None, **training: Any) -> Recipe:
    sections = {"training": {**SETTINGS["training"], **training}, "optimizer": optimizer or {}}
    return Recipe.parse({**SETTINGS, **sections}, "test")


def begin(folder: Path, wanted: Recipe, *, resume: bool = False, data: str = "") -> Run:
    run = Run(folder)
    run.check(wanted, resume=resume, force=False)
    run.begin(wanted, data=data, examples=100, resume=resume)
    return run


def trained(family: str, folder: Path, *, resume: bool = False, **options: Any) -> Model:
    model, losses = players(family)
    torch.manual_seed(0)
    wanted = recipe(options.pop("optimizer", None), **options.pop("training", {}))
    run = begin(folder, wanted, resume=resume)
    return fit(model, losses, options.pop("data", images()), wanted, run, **options)


def assert_same_bits(first: Model, second: Model) -> None:
    for (key, a), b in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b), key


def saved_step(folder: Path) -> int:
    return int(saved_tensors(folder)["step"])


def saved_tensors(folder: Path) -> dict[str, Tensor]:
    """Those of a state, behind its sha256 and the line that says to which run it belongs."""
    return safetensors.torch.load((folder / "state").read_bytes()[32:].partition(b"\n")[2])


class Stop(Exception):
    pass


@pytest.mark.parametrize("family", ["ae", "vae", "gan"])
@pytest.mark.parametrize("stop_at", [1, 5, 6, 7, 17])
def test_a_run_killed_and_resumed_has_the_bits_of_an_unbroken_one(
    family: str, stop_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(family, tmp_path / "whole")
    monkeypatch.setattr(clock, "SAVE_SECONDS", 0)
    monkeypatch.setattr(clock, "REPORT_SECONDS", 0)

    def kill(progress: Progress) -> None:  # after the step, before its state is saved
        if progress.step == stop_at + 1:
            raise Stop

    with pytest.raises(Stop):
        trained(family, tmp_path / "broken", report=kill)
    torch.rand(7)  # what the process does in between does not matter
    resumed = trained(family, tmp_path / "broken", resume=True)
    assert_same_bits(whole, resumed)
    logged = [json.loads(line) for line in (tmp_path / "broken" / "log.jsonl").read_text().splitlines()]
    assert [entry["seconds"] for entry in logged] == sorted(entry["seconds"] for entry in logged)
    unbroken = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    without_time = [[{**entry, "seconds": 0} for entry in lines] for lines in (unbroken, logged)]
    assert without_time[0] == without_time[1]  # the line of the broken epoch is that of all of it


def log_of(folder: Path) -> list[dict[str, Any]]:
    """The lines of a log without their times."""
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [{**json.loads(line), "seconds": 0} for line in lines]


@pytest.mark.parametrize(("steps", "ends"), [(15, [6, 12, 15]), (12, [6, 12]), (4, [4])])
def test_a_run_of_so_many_steps_ends_within_an_epoch_and_is_resumed_bit_for_bit(
    steps: int, ends: list[int], tmp_path: Path
) -> None:
    length = {"epochs": 0, "steps": steps}
    seen: list[Progress] = []
    pictures: list[int] = []

    def stop(progress: Progress) -> None:
        if progress.step == steps - 1:
            raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "SAVE_SECONDS", 0)
        patch.setattr(clock, "REPORT_SECONDS", 0)
        with pytest.raises(Stop):
            trained("vae", tmp_path / "run", training=length, report=stop)
    whole = trained(
        "vae",
        tmp_path / "whole",
        training=length,
        report=seen.append,
        on_epoch=lambda model, epoch: pictures.append(epoch),
    )
    assert_same_bits(whole, trained("vae", tmp_path / "run", resume=True, training=length))
    assert [entry["step"] for entry in log_of(tmp_path / "whole")] == ends
    assert log_of(tmp_path / "run") == log_of(tmp_path / "whole")
    assert pictures == list(range(1, len(ends) + 1))
    assert (seen[-1].epoch, seen[-1].epochs, seen[-1].step, seen[-1].steps) == (len(ends), len(ends), steps, steps)
    assert_same_bits(whole, trained("vae", tmp_path / "run", resume=True, training=length))
    assert log_of(tmp_path / "run") == log_of(tmp_path / "whole")


def test_a_run_that_ended_within_an_epoch_goes_on_as_one_that_did_not(tmp_path: Path) -> None:
    constant = {"schedule": "constant"}
    whole = trained("vae", tmp_path / "whole", training=constant)
    trained("vae", tmp_path / "run", training={**constant, "epochs": 0, "steps": 15})
    assert_same_bits(whole, trained("vae", tmp_path / "run", resume=True, training=constant))
    assert log_of(tmp_path / "run") == log_of(tmp_path / "whole")


def test_pace_is_that_of_steps_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of 10 ms, the first of 200 ms and one with a pause, on a clock of its own."""
    now = iter([0.0, 0.19, 0.2, 0.21, 0.31, 0.32, 0.33])
    monkeypatch.setattr("genzoo.training.loop.time.monotonic", lambda: next(now))
    monkeypatch.chdir(tmp_path)
    model, losses = players("gan")
    found = loop.pace(model, losses, images(), recipe(), most=5)
    assert found.step == pytest.approx(0.01)
    assert found.epoch == 0
    assert found.seconds(100, 6) == pytest.approx(1.0)
    assert found.steps_in(0.5, 6) == 50
    assert list(tmp_path.iterdir()) == []


def test_pace_counts_how_long_readers_take_to_start() -> None:
    """Batches come in bursts, and each epoch waits half a second for the first."""
    ends = [0.0, 0.6, 0.6, 0.6, 0.9, 0.9, 0.9]
    found = clock.Pace.of(ends, read_ahead=True, waited=0.5)
    assert found.step == pytest.approx(0.06)
    assert found.seconds(20, 10) == pytest.approx(20 * 0.06 + 2 * 0.5)
    assert clock.Pace.of([1.0, 4.0], read_ahead=False, waited=0.0).step == 3.0
    assert found.steps_in(1e-9, 10) == 1


OPTIMIZERS: dict[str, dict[str, Any]] = {
    "adam": {"weight_decay": 0.01, "clip": 1.0},
    "adamw": {"name": "adamw", "weight_decay": 0.1},
    "sgd": {"name": "sgd", "learning_rate": 0.1, "clip": 0.5},
    "momentum": {"name": "sgd", "momentum": 0.9, "weight_decay": 0.01, "generator": {"momentum": 0.5}},
    "one each": {"name": "adamw", "generator": {"name": "sgd", "momentum": 0.9, "every": 2}},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_run_of_every_optimizer_is_resumed_bit_for_bit(name: str, tmp_path: Path) -> None:
    optimizer = OPTIMIZERS[name]
    whole = trained("gan", tmp_path / "whole", optimizer=optimizer)

    def ask(model: Model, epoch: int) -> None:
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trained("gan", tmp_path / "broken", optimizer=optimizer, on_epoch=ask)
    assert_same_bits(whole, trained("gan", tmp_path / "broken", optimizer=optimizer, resume=True))


def test_a_run_that_withholds_what_is_told_is_resumed_bit_for_bit(tmp_path: Path) -> None:
    data = replace(images(), columns={"label": torch.arange(len(images())) % 3})
    seen: list[Tensor] = []

    def loss(model: Any, batch: Batch) -> dict[str, Tensor]:
        seen.append(batch.given["label"])
        return variational.elbo(model, batch)

    def run(folder: Path, **options: Any) -> Model:
        given = {"label": replace(genzoo.Column.of(["a", "b", "c"]), optional=True)}
        model = genzoo.create("vae-dense", input_shape=(1, 8, 8), latent_dim=3, hidden=[16], seed=0, given=given)
        wanted = recipe(drop_given=0.3)
        torch.manual_seed(0)
        where = begin(folder, wanted, resume=options.pop("resume", False))
        return fit(model, {"model": loss}, data, wanted, where, **options)

    def ask(model: Model, epoch: int) -> None:
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)

    whole = run(tmp_path / "whole")
    told = torch.cat(seen)
    assert set(told.tolist()) == {0, 1, 2, 3}  # 3: not told
    assert 0.2 < (told == 3).double().mean().item() < 0.4
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", on_epoch=ask)
    assert_same_bits(whole, run(tmp_path / "broken", resume=True))


def test_a_run_that_changes_pictures_at_random_is_resumed_bit_for_bit(tmp_path: Path) -> None:
    training = {"flip": True, "shift": 0.2, "epochs": 2}
    whole = trained("augmented gan", tmp_path / "whole", training=training)

    def ask(progress: Progress) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trained("augmented gan", tmp_path / "broken", training=training, report=ask)
    assert saved_step(tmp_path / "broken") < 12
    assert_same_bits(whole, trained("augmented gan", tmp_path / "broken", training=training, resume=True))
    plain = trained("gan", tmp_path / "plain", training={"epochs": 2})
    assert not torch.equal(next(plain.parameters()), next(whole.parameters()))


PLAIN: dict[str, Any] = {"schedule": "constant", "warmup_steps": 0, "ema": 0.0, "batch_size": 100}


def test_an_optimizer_is_torchs_of_that_name(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"learning_rate": 0.01, "weight_decay": 0.1}
    others: dict[str, Any] = {
        "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.01, weight_decay=0.1),
        "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.1),
        "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.01, weight_decay=0.1, momentum=0.5),
    }
    for name, other in others.items():
        wanted = {"name": name, **settings, **({"momentum": 0.5} if name == "sgd" else {})}
        mine = trained("ae", tmp_path / name, optimizer=wanted, training=PLAIN, data=grey())
        theirs, losses = players("ae")
        optimizer = other(theirs.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            losses["model"](theirs, Batch(x=grey().first(100)))["loss"].mean().backward()  # type: ignore[no-untyped-call]  # torch's
            optimizer.step()
        for (key, value), expected in zip(mine.state_dict().items(), theirs.state_dict().values(), strict=True):
            torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-5, msg=f"{name}: {key}")


def test_a_gradient_is_clipped_to_its_norm(tmp_path: Path) -> None:
    first, _ = players("ae")
    sgd = {"name": "sgd", "learning_rate": 1.0, "clip": 1e-3}
    moved = trained("ae", tmp_path, optimizer=sgd, training={**PLAIN, "epochs": 1})
    steps = [(a - b).detach() for a, b in zip(moved.parameters(), first.parameters(), strict=True)]
    norm = torch.cat([step.flatten() for step in steps]).norm().item()
    assert norm == pytest.approx(1e-3, rel=1e-3)


def test_convolutions_in_bf16_are_resumed_bit_for_bit_and_given_back_as_they_came(tmp_path: Path) -> None:
    whole = trained("conv", tmp_path / "whole", training={"precision": "bf16"})
    assert all(parameter.is_contiguous() for parameter in whole.parameters())

    def kill(model: Model, epoch: int) -> None:
        assert any(not parameter.is_contiguous() for parameter in model.parameters())
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trained("conv", tmp_path / "broken", training={"precision": "bf16"}, on_epoch=kill)
    assert_same_bits(whole, trained("conv", tmp_path / "broken", training={"precision": "bf16"}, resume=True))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_step_saves_and_raises(number: signal.Signals, tmp_path: Path) -> None:
    whole = trained("vae", tmp_path / "whole")

    def ask(progress: Progress) -> None:
        if progress.step == 6:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        trained("vae", tmp_path / "run", report=ask)
    assert signal.getsignal(number) == before
    assert saved_step(tmp_path / "run") in (6, 7)
    logged = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in logged] == [6]
    assert_same_bits(whole, trained("vae", tmp_path / "run", resume=True))


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    first = trained("vae", tmp_path / "run")
    assert_same_bits(first, trained("vae", tmp_path / "run", resume=True))


def test_a_run_is_not_overwritten_nor_mixed(tmp_path: Path) -> None:
    trained("vae", tmp_path / "run")
    with pytest.raises(OutputExists, match="--resume goes on with a run"):
        trained("vae", tmp_path / "run")
    with pytest.raises(InvalidInput, match=r"another recipe \(training.seed 0 → 1\)"):
        trained("vae", tmp_path / "run", resume=True, training={"seed": 1})


@pytest.mark.parametrize("name", ["recipe.json", "state"])
def test_a_damaged_run_is_not_gone_on_with(tmp_path: Path, name: str) -> None:
    trained("vae", tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    data[len(data) // 2] ^= 255
    (tmp_path / name).write_bytes(bytes(data))
    with pytest.raises(DamagedFile, match="--force starts anew"):
        trained("vae", tmp_path, resume=True)


def test_a_run_is_not_gone_on_with_on_other_data(tmp_path: Path) -> None:
    trained("vae", tmp_path)
    with pytest.raises(InvalidInput, match="began with 100 examples, and the data now has 120"):
        trained("vae", tmp_path, resume=True, data=images(120))


def test_other_data_of_the_same_size_is_refused_too(tmp_path: Path) -> None:
    data = images()
    model, losses = players("vae")
    fit(model, losses, data, recipe(), begin(tmp_path, recipe(), data=data.fingerprint()))
    other = Split(source=torch.zeros(100, 1, 8, 8, dtype=torch.uint8), shape=(1, 8, 8))
    with pytest.raises(InvalidInput, match=r"began with other data than it is given now: .* --force"):
        fit(model, losses, other, recipe(), begin(tmp_path, recipe(), resume=True, data=other.fingerprint()))
    fit(model, losses, data, recipe(), begin(tmp_path, recipe(), resume=True, data=data.fingerprint()))


@pytest.mark.parametrize("resume", [False, True])
def test_a_checkpoint_is_not_trained_over(tmp_path: Path, resume: bool) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"mine")
    with pytest.raises(InvalidInput, match="holds a"):
        trained("vae", tmp_path, resume=resume)
    assert (tmp_path / "model.safetensors").read_bytes() == b"mine"


def test_a_loss_that_is_nan_stops_the_run_and_keeps_the_last_good_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "SAVE_SECONDS", 0)
    model, _ = players("ae")
    calls: Iterator[int] = iter(range(100))

    def loss(model: Any, batch: Batch) -> dict[str, Tensor]:
        value = reconstruction.squared_error(model, batch)["loss"]
        return {"loss": value * (float("nan") if next(calls) == 4 else 1.0)}

    run = begin(tmp_path, recipe())
    where = "loss of the model became NaN or infinite at step 4; the last good state is that of 4"
    with pytest.raises(TrainingDiverged, match=where):
        fit(model, {"model": loss}, images(), recipe(), run)
    assert saved_step(tmp_path) == 4
    monkeypatch.setattr(clock, "SAVE_SECONDS", 20)
    assert all(parameter.isfinite().all() for parameter in trained("ae", tmp_path, resume=True).parameters())


def test_weights_that_become_nan_are_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "SAVE_SECONDS", 0)
    model, losses = players("ae")
    calls: Iterator[int] = iter(range(100))

    def loss(model: Any, batch: Batch) -> dict[str, Tensor]:
        terms = losses["model"](model, batch)
        if next(calls) == 4:  # a finite loss with an infinite gradient
            terms["loss"] = terms["loss"] + (terms["loss"] - terms["loss"].detach()).sqrt()
        return terms

    run = begin(tmp_path, recipe())
    with pytest.raises(TrainingDiverged, match="became NaN or infinite at step 5; the last good state is that of 4"):
        fit(model, {"model": loss}, images(), recipe(), run)
    assert saved_step(tmp_path) == 4


def test_nan_at_once_says_that_no_state_was_saved(tmp_path: Path) -> None:
    model, losses = players("ae")
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingDiverged, match="at step 0; no state was saved"):
        fit(model, losses, images(), recipe(), begin(tmp_path, recipe()))


DISK_FULL = """
import resource, sys
from pathlib import Path
from tests.training.test_loop import clock, saved_step, trained
clock.SAVE_SECONDS = clock.REPORT_SECONDS = 0

def report(progress):
    if progress.step == 5:  # no file may grow beyond this many bytes, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

try:
    trained("vae", Path(sys.argv[1]), report=report)
except Exception as error:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(type(error).__name__, error)
"""


def test_a_full_disk_stops_the_run_and_leaves_the_last_good_state(tmp_path: Path) -> None:
    whole = trained("vae", tmp_path / "whole")
    code = [sys.executable, "-c", DISK_FULL, str(tmp_path / "full")]
    result = subprocess.run(code, cwd=ROOT, check=True, capture_output=True, text=True)
    assert result.stdout.startswith(f"InvalidInput cannot write {tmp_path / 'full' / 'state'}: ")
    assert "the last saved state stays: make room, then go on with --resume" in result.stdout
    assert saved_step(tmp_path / "full") == 4
    assert not list((tmp_path / "full").glob(".*.tmp"))
    assert_same_bits(whole, trained("vae", tmp_path / "full", resume=True))


@pytest.mark.parametrize("accumulate", [2, 4])
def test_micro_batches_have_the_gradient_of_the_whole(accumulate: int, tmp_path: Path) -> None:
    whole = trained("ae", tmp_path / "whole")
    parts = trained("ae", tmp_path / "parts", training={"accumulate": accumulate})
    for (key, value), part in zip(whole.state_dict().items(), parts.state_dict().values(), strict=True):
        torch.testing.assert_close(part, value, rtol=1e-3, atol=1e-5, msg=key)
    assert last_loss(tmp_path / "parts") == pytest.approx(last_loss(tmp_path / "whole"), rel=1e-5)


def test_players_who_accumulate_are_gone_on_with_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    halves = {"accumulate": 2}
    whole = trained("gan", tmp_path / "whole", training=halves)
    monkeypatch.setattr(clock, "SAVE_SECONDS", 0)
    monkeypatch.setattr(clock, "REPORT_SECONDS", 0)

    def kill(progress: Progress) -> None:
        if progress.step == 8:
            raise Stop

    with pytest.raises(Stop):
        trained("gan", tmp_path / "broken", report=kill, training=halves)
    assert_same_bits(whole, trained("gan", tmp_path / "broken", resume=True, training=halves))


@pytest.mark.parametrize(("settings", "count"), [({"accumulate": 3}, 1), ({}, 3), ({"accumulate": 8}, 4)])
def test_a_batch_that_does_not_divide_is_refused(settings: dict[str, Any], count: int) -> None:
    model, losses = players("ae")
    with pytest.raises(InvalidInput, match=r"training\.batch_size = 16 must be a multiple of (3|32)"):
        check_batches(model, losses, images(), recipe(**settings), count)


def test_batch_normalisation_is_not_given_one_example_alone() -> None:
    model = genzoo.create("gan-dcgan", input_shape=(1, 28, 28), latent_dim=2, width=2, seed=0)
    with pytest.raises(InvalidInput, match="batch normalisation needs two examples"):
        check_batches(model, {}, images(), recipe(accumulate=16))
    plain, _ = players("ae")
    check_batches(plain, {}, images(), recipe(accumulate=16))


def test_the_average_of_a_spectrally_normalised_critic_is_one() -> None:
    """Its unit vectors are copied, since the mean of unit vectors is none: no layer's largest singular value exceeds 1
    by more than the power iteration is behind."""
    model = genzoo.create("gan-dcgan", input_shape=(1, 28, 28), latent_dim=2, width=2, seed=0, critic_norm="spectral")
    losses = {"discriminator": adversarial.discriminator, "generator": adversarial.non_saturating_generator}
    trainer = Trainer.of(model, losses, recipe(ema=0.9), Processes(device=model.device), data_size=16)
    for step in range(40):
        for player in trainer.players:
            player.optimizer.zero_grad()
            player.terms(model, Batch(x=torch.rand(4, 1, 28, 28)), step)["loss"].backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            player.optimizer.step()
        trainer.follow()
    assert trainer.average is not None
    kept: Any = trainer.average.module.eval()
    for layer in kept.discriminator.layers:
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), ord=2).item()
            assert largest < 1.1, largest


@pytest.mark.parametrize("accumulate", [1, 2])
def test_an_objective_with_columns_gets_those_of_its_batch(accumulate: int, tmp_path: Path) -> None:
    data = images()
    assert isinstance(data.source, Tensor)
    labelled = Split(source=data.source, shape=data.shape, columns={"label": data.source[:, 0, 0, 0].to(torch.int32)})
    seen = []

    def loss(model: Any, batch: Batch) -> dict[str, Tensor]:
        labels = batch.known["label"]
        assert labels.dtype == torch.int64
        assert torch.equal(labels, (255 * batch.x[:, 0, 0, 0]).round().long())
        seen.append(len(labels))
        return reconstruction.squared_error(model, batch)

    model, _ = players("ae")
    wanted = recipe(accumulate=accumulate)
    fit(model, {"model": loss}, labelled, wanted, begin(tmp_path, wanted), columns=("label",))
    assert seen == [16 // accumulate] * 18 * accumulate


def test_fewer_images_than_a_batch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there are only 15 examples"):
        trained("ae", tmp_path, data=images(15))


def test_an_average_is_what_is_saved_if_asked_for(tmp_path: Path) -> None:
    plain = trained("ae", tmp_path / "plain", training={"ema": 0.0})
    averaged = trained("ae", tmp_path / "averaged")
    assert not torch.equal(next(plain.parameters()), next(averaged.parameters()))


def test_the_average_of_a_short_run_is_of_its_last_weights_not_its_first(tmp_path: Path) -> None:
    first, _ = players("ae")
    plain = trained("ae", tmp_path / "plain", training={"ema": 0.0, "epochs": 20})
    averaged = trained("ae", tmp_path / "averaged", training={"ema": 0.999, "epochs": 20})

    def distance(other: Model) -> float:
        pairs = zip(averaged.parameters(), other.parameters(), strict=True)
        return sum(float((a - b).detach().square().sum()) for a, b in pairs)

    assert distance(plain) < 0.1 * distance(first)


def last_loss(folder: Path) -> float:
    loss: float = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])["loss"]
    return loss


def test_bf16_trains_to_about_the_same_loss(tmp_path: Path) -> None:
    for precision in ("float32", "bf16"):
        trained("ae", tmp_path / precision, training={"epochs": 5, "precision": precision})
    assert last_loss(tmp_path / "bf16") == pytest.approx(last_loss(tmp_path / "float32"), rel=0.02)


@pytest.mark.skipif(not any(map(shutil.which, ("g++", "clang++"))), reason="torch.compile needs a C++ compiler")
def test_compile_trains_to_the_same_loss(genzoo_cli: CLI, here: Path, tmp_path: Path) -> None:
    """In a process of its own, without the checks of shapes, which break every graph."""
    text = (here / "genzoo_tiny" / "recipes" / "vae-tiny-blobs.toml").read_text()
    recipe_path = tmp_path / "ae.toml"
    recipe_path.write_text(text.replace('"vae"', '"ae"').replace('"elbo"', '"bce"'))
    genzoo.train(recipe_path, output=tmp_path / "plain", device="cpu")
    words = ["ae.toml", "--set", "training.compile=true", "--device", "cpu", "-o", "compiled"]
    known = {"TORCHINDUCTOR_VEC_ISA_OK": "1"}  # or torch compiles programs to see what the processor can do
    result = genzoo_cli("train", *words, beside=here, **known)
    assert result.returncode == 0, result.stderr
    assert last_loss(tmp_path / "compiled") == pytest.approx(last_loss(tmp_path / "plain"), rel=1e-3)


def test_compile_without_a_compiler_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CXX", "g++")
    with pytest.raises(MissingDependency, match=r"install one .*, or set training\.compile = false") as caught:
        trained("ae", tmp_path / "run", training={"compile": True})
    assert caught.value.exit_code == 6


def test_only_who_moves_gets_a_gradient(tmp_path: Path) -> None:
    seen: dict[str, set[str]] = {"discriminator": set(), "generator": set()}

    def spy(player: str, loss: Any) -> Any:
        def spied(model: Any, batch: Batch) -> dict[str, Tensor]:
            seen[player] |= {key.split(".")[0] for key, value in model.named_parameters() if value.requires_grad}
            terms: dict[str, Tensor] = loss(model, batch)
            return terms

        return spied

    model, losses = players("gan")
    run = begin(tmp_path, recipe())
    spied = {player: spy(player, loss) for player, loss in losses.items()}
    kept = fit(model, spied, images(), recipe(), run)
    assert seen == {"discriminator": {"discriminator"}, "generator": {"generator"}}
    assert all(parameter.requires_grad for parameter in kept.parameters())


def test_streamed_images_train_like_those_in_memory(tmp_path: Path) -> None:
    class Stream(torch.utils.data.Dataset[Tensor]):
        def __init__(self, source: Tensor) -> None:
            self.source = source

        def __len__(self) -> int:
            return len(self.source)

        def __getitem__(self, index: int) -> Tensor:
            return self.source[index]

    memory = images()
    assert isinstance(memory.source, Tensor)
    stream = Split(source=Stream(memory.source), shape=memory.shape, binarised=True)
    assert_same_bits(trained("vae", tmp_path / "a"), trained("vae", tmp_path / "b", data=stream))


def test_kill_9_and_resume_in_processes_of_their_own(here: Path, tmp_path: Path) -> None:
    recipe_path = here / "genzoo_tiny" / "recipes" / "vae-tiny-blobs.toml"
    longer = tmp_path / "longer.toml"
    longer.write_text(recipe_path.read_text().replace("epochs = 5", "epochs = 12"))
    code = (
        "import sys, genzoo; from genzoo.training import clock; clock.SAVE_SECONDS = 0.2\n"
        "genzoo.train(sys.argv[1], output=sys.argv[2], resume=True, device='cpu')"
    )
    env = {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{ROOT}"}

    def start(folder: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", code, str(longer), str(tmp_path / folder)], env=env)

    genzoo.train(longer, output=tmp_path / "whole", device="cpu")
    state = tmp_path / "broken" / "state"
    with start("broken") as process:
        while not state.exists() and process.poll() is None:
            time.sleep(0.002)
        process.kill()
    assert not (tmp_path / "broken" / "model.safetensors").exists()
    with start("broken") as process:
        assert process.wait(timeout=120) == 0
    bits = [(tmp_path / folder / "model.safetensors").read_bytes() for folder in ("whole", "broken")]
    assert bits[0] == bits[1]
