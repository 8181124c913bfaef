"""Run folders: one run at a time in each, states that know whose they are, and files that nobody of ours wrote."""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import genzoo
from genzoo.api.publish import Draft
from genzoo.cli import run as genzoo_run
from genzoo.errors import DamagedFile, GenzooError, InvalidInput, NonFiniteWeights, OutputExists, StateMismatch
from genzoo.hub.files import encode_weights
from genzoo.training import Recipe, Run, fit
from genzoo.training.lock import check_free, locked
from genzoo.training.processes import Processes
from genzoo.training.state import Trainer
from tests.conftest import ROOT
from tests.hub.test_files import EDITS, mutate
from tests.training.test_loop import assert_same_bits, begin, images, players, recipe, saved_tensors, trained

TOY = """
name = "gan-dense-run"
[model]
family = "gan"
architecture = "dense"
latent_dim = 2
hidden = [8]
[objective]
name = "non-saturating"
[data]
name = "toy1d"
[training]
epochs = 1
batch_size = 20000
"""
CONSTANT = {"schedule": "constant", "warmup_steps": 0}


def rewrite(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    """Another state with a sha256 that fits."""
    data = (folder / "state").read_bytes()[32:]
    tensors = saved_tensors(folder)
    change(tensors)
    seal(folder, data.partition(b"\n")[0] + b"\n" + encode_weights(tensors))


def seal(folder: Path, data: bytes) -> None:
    (folder / "state").write_bytes(hashlib.sha256(data).digest() + data)


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    path = tmp_path / "toy.toml"
    path.write_text(TOY)
    return path


def test_a_second_run_is_told_who_is_in_the_folder(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    words = ["train", str(toy), "-o", str(folder), "--set", "training.epochs=1000000"]
    with subprocess.Popen(
        [sys.executable, "-m", "genzoo", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as first:
        assert first.stderr is not None
        assert any("epoch 1/" in line for line in first.stderr)
        for way in (["--force"], ["--resume"], []):
            assert genzoo_run([*words, *way]) == 2
            told = capsys.readouterr().err
            assert f"{folder} is in use by another run, process {first.pid} on " in told
            assert "since 2" in told
            assert "-o DIR" in told
        first.send_signal(signal.SIGINT)
        first.stderr.read()
        assert first.wait(timeout=60) == 130
    check_free(folder)
    assert not (folder / ".lock.json").exists()


def test_a_killed_run_holds_nothing_and_its_unfinished_files_go(toy: Path, tmp_path: Path) -> None:
    """Even while a process that it forked is alive, as readers of pictures are for some seconds."""
    folder = tmp_path / "run"
    code = (
        "import os, sys, time\nfrom pathlib import Path\nfrom genzoo.training.lock import locked\n"
        "with locked(Path(sys.argv[1])):\n"
        "    if os.fork() == 0:\n        time.sleep(60)\n        os._exit(0)\n"
        "    print('locked', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(OutputExists, match=f"process {process.pid} on "):
            genzoo.train(toy, output=folder)
        process.kill()
        process.wait()
        (folder / f".state.{process.pid}.0123abcd.tmp").write_bytes(b"half")
        (folder / "samples").mkdir()
        (folder / "samples" / f".epoch-0001.png.{process.pid}.0123abcd.tmp").write_bytes(b"half")
        (folder / ".mine.tmp").write_bytes(b"whole")
        genzoo.train(toy, output=folder, device="cpu")
        os.killpg(process.pid, signal.SIGKILL)
    assert [path.name for path in folder.rglob(".*.tmp")] == [".mine.tmp"]


@pytest.mark.parametrize("text", [b"", b"null", b"[]", b'{"pid": 1}', b'{"pid": 1, "host": 2, "since": 3}', b"\xff"])
def test_a_holder_that_cannot_be_read_is_a_holder(text: bytes, tmp_path: Path) -> None:
    with locked(tmp_path):
        (tmp_path / ".lock.json").write_bytes(text)
        with pytest.raises(OutputExists, match="which does not say whose it is"):
            check_free(tmp_path)
    check_free(tmp_path)


def test_a_state_is_not_gone_on_with_by_another_recipe(tmp_path: Path) -> None:
    """The state of one run in the folder of another, which has the same networks and data."""
    trained("vae", tmp_path / "one")
    trained("vae", tmp_path / "two", training={"seed": 1})
    (tmp_path / "one" / "state").replace(tmp_path / "two" / "state")
    with pytest.raises(InvalidInput, match=r"another recipe \(training.seed 0 → 1\)"):
        trained("vae", tmp_path / "two", resume=True, training={"seed": 1})
    assert '"seed": 1' in (tmp_path / "two" / "recipe.json").read_text()


def test_more_epochs_give_the_bits_of_a_run_that_had_them_from_the_start(tmp_path: Path) -> None:
    whole = trained("vae", tmp_path / "whole", training={**CONSTANT, "epochs": 3})
    trained("vae", tmp_path / "run", training={**CONSTANT, "epochs": 2})
    assert_same_bits(whole, trained("vae", tmp_path / "run", resume=True, training={**CONSTANT, "epochs": 3}))
    fewer = r"has done 18 steps, more than the 12 it is given now: --set training.steps=18"
    with pytest.raises(InvalidInput, match=fewer):
        trained("vae", tmp_path / "run", resume=True, training={**CONSTANT, "epochs": 2})
    assert '"epochs": 3' in (tmp_path / "run" / "recipe.json").read_text()
    assert_same_bits(whole, trained("vae", tmp_path / "run", resume=True, training={**CONSTANT, "epochs": 3}))


def test_a_longer_run_has_its_own_schedule_from_there_on(tmp_path: Path) -> None:
    """The first 12 steps are those of a cosine over 12 steps, the other 6 those of one over 18."""
    rates: list[float] = []

    class Recorded(torch.optim.Adam):
        def step(self, *args: Any) -> Any:
            rates.append(self.param_groups[0]["lr"])
            return super().step(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genzoo.training.optimizers.torch.optim.Adam", Recorded)
        for epochs in (2, 3):
            trained("ae", tmp_path, resume=epochs == 3, training={"warmup_steps": 0, "epochs": epochs})
    expected = [0.5e-3 * (1 + math.cos(math.pi * step / (12 if step < 12 else 18))) for step in range(18)]
    assert rates == pytest.approx(expected)
    run = Run(tmp_path)
    there = run.saved()
    assert there is not None
    assert (there.step, there.changed) == (18, ("step 12: training.epochs 2 → 3",))


def test_after_a_divergence_a_run_goes_on_with_a_smaller_learning_rate_and_says_so(toy: Path, tmp_path: Path) -> None:
    folder, epochs = tmp_path / "run", {"training.epochs": 2}
    genzoo.train(toy, output=folder, device="cpu")
    model = genzoo.train(
        toy, output=folder, device="cpu", resume=True, overrides={**epochs, "optimizer.learning_rate": 1e-4}
    )
    assert model.checkpoint is not None
    assert model.checkpoint.recipe["optimizer"]["learning_rate"] == 1e-4
    (told,) = genzoo.show(folder).trained["changed"]
    assert told.endswith("optimizer.learning_rate 0.001 → 0.0001")
    with pytest.raises(InvalidInput, match=r"another recipe \(optimizer.beta1 0.9 → 0.5\)"):
        genzoo.train(toy, output=folder, resume=True, overrides={"optimizer.beta1": 0.5, **epochs})


UNREADABLE: dict[str, dict[str, Any]] = {
    "a control character": {"license": "MIT\x1b[2J"},
    "half a letter": {"license": "MIT \ud800"},
    "too long": {"license": "x" * 600_000},
}


@pytest.mark.parametrize("overrides", UNREADABLE.values(), ids=UNREADABLE)
def test_a_record_that_could_not_be_read_back_is_told_before_training(
    overrides: dict[str, Any], toy: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        InvalidInput, match=r"license.* has a control character|the record of the checkpoint could not be read back"
    ):
        genzoo.train(toy, output=tmp_path / "run", overrides=overrides)
    assert not (tmp_path / "run").exists()


def test_a_licence_is_given_when_it_is_published(toy: Path, tmp_path: Path) -> None:
    genzoo.train(toy, output=tmp_path / "run", device="cpu")
    before = (tmp_path / "run" / "genzoo.json").read_bytes()
    with pytest.raises(InvalidInput, match="states no licence") as caught:
        Draft.of(tmp_path / "run", "me/run")
    assert caught.value.suggestions == (f"genzoo push {tmp_path / 'run'} me/run --license Apache-2.0",)
    assert genzoo_run([*caught.value.suggestions[0].split()[1:], "--dry-run"]) == 0
    record = json.loads(Draft.of(tmp_path / "run", "me/run", license="MIT").files["genzoo.json"])
    assert (record["license"], record["recipe"]["license"]) == ("MIT", "MIT")
    assert (tmp_path / "run" / "genzoo.json").read_bytes() == before


NESTED = b'{"a":' * 900 + b"1" + b"}" * 900


@pytest.mark.parametrize("text", [b"null", b"[]", b"1", b"\xff", b"", NESTED, b"[" * 100_000], ids=range(7))
def test_a_recipe_that_is_none_is_a_damaged_run(text: bytes, tmp_path: Path) -> None:
    trained("vae", tmp_path)
    (tmp_path / "recipe.json").write_bytes(text)
    with pytest.raises(DamagedFile, match="--force starts anew"):
        trained("vae", tmp_path, resume=True)


def test_a_fifo_as_a_log_is_not_waited_for(tmp_path: Path) -> None:
    trained("vae", tmp_path)
    (tmp_path / "log.jsonl").unlink()
    os.mkfifo(tmp_path / "log.jsonl")
    with pytest.raises(DamagedFile, match=r"not a regular file.*--force starts anew"):
        trained("vae", tmp_path, resume=True)


def test_lines_of_a_log_that_are_none_are_dropped(tmp_path: Path) -> None:
    trained("vae", tmp_path)
    good = (tmp_path / "log.jsonl").read_bytes()
    bad = [b"\xff", b"null", b'{"step": 1}', NESTED, b"[" * 100_000, b'{"epoch":1,"step":1,"seconds":1,"x":"y"}', b"{"]
    (tmp_path / "log.jsonl").write_bytes(b"\n".join([*bad, good]))
    trained("vae", tmp_path, resume=True)
    assert (tmp_path / "log.jsonl").read_bytes() == good


def test_what_cannot_be_removed_is_told(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(InvalidInput, match=r"cannot remove .*log\.jsonl"):
        begin(tmp_path, recipe())


def set_to(name: str, value: Tensor) -> Callable[[dict[str, Tensor]], object]:
    return lambda tensors: tensors.update({name: value})


GENERATOR = torch.Generator().get_state()
CRAFTED: dict[str, tuple[Callable[[dict[str, Tensor]], object], type[GenzooError]]] = {
    "no generator": (lambda tensors: tensors.pop("random.cpu"), StateMismatch),
    "another device": (set_to("random.xpu", GENERATOR), StateMismatch),
    "short": (set_to("random.cpu", GENERATOR[:-1]), StateMismatch),
    "long": (set_to("random.cpu", torch.cat([GENERATOR, GENERATOR[:1]])), StateMismatch),
    "empty": (set_to("random.cpu", GENERATOR[:0]), StateMismatch),
    "of floats": (set_to("random.cpu", GENERATOR.float()), StateMismatch),
    "a table": (set_to("random.cpu", GENERATOR.reshape(2, -1)), StateMismatch),
    "zeros": (set_to("random.cpu", torch.zeros_like(GENERATOR)), StateMismatch),
    "ones": (set_to("random.cpu", torch.full_like(GENERATOR, 255)), StateMismatch),
    "a sum without a count": (set_to("terms.loss", torch.tensor(1.0)), StateMismatch),
    "a count of none": (set_to("terms.loss", torch.tensor([1.0, 0.0])), StateMismatch),
    "sums of whole numbers": (set_to("terms.loss", torch.tensor([1, 1])), StateMismatch),
    "a step before the first": (set_to("step", torch.tensor(-1)), StateMismatch),
    "NaN": (set_to("seconds", torch.tensor(float("nan"), dtype=torch.float64)), NonFiniteWeights),
    "a tensor more": (set_to("evil", torch.zeros(1)), StateMismatch),
}


@pytest.mark.parametrize(("change", "error"), CRAFTED.values(), ids=CRAFTED)
def test_a_crafted_state_is_a_typed_error(
    change: Callable[[dict[str, Tensor]], object], error: type[GenzooError], tmp_path: Path
) -> None:
    trained("vae", tmp_path)
    rewrite(tmp_path, change)
    before = torch.get_rng_state()
    model, losses = players("vae")
    run = begin(tmp_path, recipe(), resume=True)
    with pytest.raises(error):
        fit(model, losses, images(), recipe(), run)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("line", [b"", b"null", b"[]", b"{}", NESTED, b"[" * 100_000, b"\xff"], ids=range(7))
def test_a_state_that_does_not_say_whose_it_is_is_damaged(line: bytes, tmp_path: Path) -> None:
    trained("vae", tmp_path)
    seal(tmp_path, line + b"\n" + encode_weights(saved_tensors(tmp_path)))
    with pytest.raises(DamagedFile, match="--force starts anew"):
        trained("vae", tmp_path, resume=True)


def test_links_that_lead_to_each_other_are_no_place_for_a_run(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for words in (["train", str(toy), "-o"], ["sample", "gan-dense-toy1d", "-o"]):
        assert genzoo_run([*words, str(tmp_path / "loop")]) == 2
        assert "symbolic links" in capsys.readouterr().err


# Fuzzing. What is parsed is bounded before it is parsed; what fails says so by an error of ours.

DEEP = {
    "a key": b"a" + b".a" * 100_000 + b" = 1",
    "a short key": b"a" + b".a" * 30_000 + b" = 1",
    "a title": b"[a" + b".a" * 30_000 + b"]",
    "quoted": b'"a"' + b'."a"' * 15_000 + b" = 1",
    "behind a comment": b"# " + b"." * 30_000,
    "in a table": b'x = {b = """\n#""", a' + b".a" * 30_000 + b" = 1}",
    "many keys": b"".join(b"k%d%s = 1\n" % (i, b".a" * 60) for i in range(300)),
    "arrays": b"a = " + b"[" * 60_000,
    "tables": b"a = " + b"{a = " * 12_000,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_a_deep_recipe_is_refused_in_little_memory(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_bytes(text)
    start = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput):
            Recipe.read(path)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert time.monotonic() - start < 20


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("fuzzed")
    trained("ae", folder)
    return folder


@settings(max_examples=4000)
@given(edits=EDITS)
def test_a_mutated_recipe_is_read_or_refused(fuzzed: Path, edits: list[tuple[str, int, int]]) -> None:
    path = fuzzed / "fuzzed.toml"
    path.write_bytes(mutate(TOY.encode(), edits))
    try:
        found = Recipe.read(path)
    except GenzooError:
        return
    assert Recipe.parse(json.loads(json.dumps(found.to_dict())), "again") == found


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    model, losses = players("ae")
    return Trainer.of(model, losses, recipe(), Processes(device=model.device), data_size=100)


@settings(max_examples=1000)
@given(edits=EDITS, sealed=st.booleans())
def test_a_mutated_state_is_the_same_or_refused(
    fuzzed: Path, trainer: Trainer, edits: list[tuple[str, int, int]], sealed: bool
) -> None:
    """Sealed: its sha256 is that of the mutated bytes, so that what it holds reaches the checks behind."""
    good = (fuzzed / "state").read_bytes()
    data = mutate(good[32:] if sealed else good, edits)
    random = torch.get_rng_state()
    try:
        seal(fuzzed, data) if sealed else (fuzzed / "state").write_bytes(data)
        run = begin(fuzzed, recipe(), resume=True)
        saved = run.read_state()
        assert saved is not None
        trainer.restore(run.parse_state(saved, trainer.expected()))
    except GenzooError:
        assert sealed or data != good
        return
    finally:
        torch.set_rng_state(random)
        (fuzzed / "state").write_bytes(good)
    assert sealed or data == good
