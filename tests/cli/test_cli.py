"""The command line as a user meets it: in a process of its own, or through `run`, which is that process's body."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from PIL import Image

import genzoo
from genzoo.cli import run
from tests.conftest import CLI, ROOT

NAMES = genzoo.list_models()
SAMPLERS = [name for name in NAMES if name.startswith(("vae-", "gan-"))]
RECONSTRUCTORS = [name for name in NAMES if name.startswith(("ae-", "vae-"))]
LIST_KEYS = {
    "name", "family", "architecture", "dataset", "input_shape", "latent_dim", "parameters", "size_bytes", "sha256",
    "license", "plugin", "metrics",
}  # fmt: skip

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_lectures_three_families_are_shipped() -> None:
    assert {"ae-dense-mnist", "vae-conv-mnist", "gan-dcgan-mnist"} <= set(NAMES)


def test_list_prints_bare_names_when_piped(genzoo_cli: CLI) -> None:
    assert genzoo_cli("list").stdout.split("\n") == [*NAMES, ""]
    assert genzoo_cli("list", "vae-*").stdout.split() == genzoo.list_models("vae-*")
    nothing = genzoo_cli("list", "nothing-*")
    assert (nothing.returncode, nothing.stdout) == (0, "")


def test_list_json_has_the_documented_keys(capsys: Capture) -> None:
    assert run(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == NAMES
    for row in rows:
        assert set(row) >= LIST_KEYS
        weights = genzoo.show(row["name"]).weights
        assert row["size_bytes"] == weights.stat().st_size
        assert row["parameters"] == sum(p.numel() for p in genzoo.load(row["name"]).parameters())


def on_terminal(columns: int, *arguments: str) -> list[str]:
    """The lines of a command on a terminal of so many columns."""
    main, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    with subprocess.Popen([sys.executable, "-m", "genzoo", *arguments], stdout=follower, env=env):
        os.close(follower)
        output = b""
        try:
            while chunk := os.read(main, 65536):
                output += chunk
        except OSError:  # Linux ends a pty so
            pass
    return click.unstyle(output.decode()).splitlines()


@pytest.mark.parametrize(
    ("columns", "header"),
    [
        (160, ["name", "family", "data", "latents", "parameters", "size", "quality"]),
        (80, ["name", "data", "quality"]),
        (10, ["name"]),
    ],
)
def test_list_on_a_terminal_leaves_columns_out_and_never_cuts_a_name(columns: int, header: list[str]) -> None:
    heading, *lines = on_terminal(columns, "list")
    assert heading.split() == header
    assert [line.split()[0] for line in lines] == NAMES
    assert max(map(len, [heading, *lines])) <= max(columns, *map(len, NAMES))


def test_a_word_finds_the_names_it_is_a_part_of(capsys: Capture) -> None:
    found = [name for name in NAMES if "dcgan" in name]
    assert genzoo.list_models("dcgan") == found
    assert run(["list", "dcgan"]) == 0
    assert capsys.readouterr().out.split() == found
    assert genzoo.list_models("gan-*") == [name for name in NAMES if name.startswith("gan-")]


@pytest.mark.parametrize("name", ["vae-conv-mnist", "vae-conv-sprites-tc", "gan-dense-toy1d"])
def test_show_fits_on_one_screen(name: str) -> None:
    lines = on_terminal(80, "show", name)
    assert len(lines) <= 24
    record = genzoo.show(name)
    for metric, entry in record.metrics.items():
        (line,) = [line for line in lines if line.startswith(f"{metric} ")]
        assert f"{entry.value:.5g} {entry.unit}" in line


def test_show_summarises_lists_of_numbers(capsys: Capture) -> None:
    assert run(["show", "vae-conv-mnist"]) == 0
    shown = capsys.readouterr().out
    kl = genzoo.show("vae-conv-mnist").metrics["active_latents"].detail["kl_per_latent"]
    assert f"kl_per_latent {min(kl):.4g}…{max(kl):.4g}\n" in shown
    assert run(["show", "vae-conv-mnist", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["active_latents"]["detail"]["kl_per_latent"] == kl


@pytest.mark.parametrize("arguments", [["show", "./copy", "--json"], ["compare", "./copy", "--json"]])
def test_json_has_null_for_what_is_no_number(arguments: list[str], tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(genzoo.show("ae-dense-mnist").folder, tmp_path / "copy")
    record = json.loads((tmp_path / "copy" / "genzoo.json").read_text())
    record["metrics"]["reconstruction_mse"] |= {"value": float("nan"), "detail": {"list": [float("-inf"), 1]}}
    (tmp_path / "copy" / "genzoo.json").write_text(json.dumps(record))

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    assert run(arguments) == 0
    told = json.loads(capsys.readouterr().out, parse_constant=refuse)
    found = told["metrics"]["reconstruction_mse"]["value"] if "metrics" in told else told["models"][0]
    assert found is None or found["reconstruction_mse"] is None
    assert run(["show", "./copy"]) == 0


def test_show_says_everything_in_the_record(capsys: Capture) -> None:
    assert run(["show", "vae-conv-mnist"]) == 0
    text = capsys.readouterr().out
    record = genzoo.show("vae-conv-mnist")
    assert record.sha256 in text
    assert "mnist-dynamic" in text
    assert run(["show", "vae-conv-mnist", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["recipe"] == json.loads(json.dumps(record.recipe))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("elbo", ["weight of the KL term", "free_bits", "[default: 1.0]"]),
        ("conv", ["a whole number from 1 to 8", "layers that halve"]),
        ("vae", ["bernoulli, gaussian", "latent_dim", "(required)"]),
        ("mnist", ["1×28×28", "CC-BY-SA", "classes               10\n", "features              "]),
        ("mnist-dynamic", ["pictures              mnist\n"]),
        ("sprites", ["factors               shape, scale, orientation, x, y\n"]),
    ],
)
def test_show_explains_what_a_recipe_may_name(name: str, words: list[str], capsys: Capture) -> None:
    assert run(["show", name]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in words), text


@pytest.mark.parametrize("name", SAMPLERS)
def test_sample_twice_gives_identical_files(name: str, tmp_path: Path, capsys: Capture) -> None:
    for output in ("a.png", "b.png"):
        assert run(["sample", name, "-n", "64", "--seed", "0", "-o", output]) == 0
    assert capsys.readouterr().out == "a.png\nb.png\n"
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert run(["sample", name, "-n", "64", "--seed", "1", "-o", "c.png"]) == 0
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "c.png").read_bytes()


def test_sample_to_stdout_is_the_picture_alone() -> None:
    command = [sys.executable, "-m", "genzoo", "sample", "gan-dcgan-mnist", "-n", "4", "-o", "-"]
    result = subprocess.run(command, check=True, capture_output=True)
    assert Image.open(io.BytesIO(result.stdout)).size == (62, 62)


def test_output_is_not_overwritten_without_force(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "a.png").write_text("mine")
    assert run(["sample", "vae-conv-mnist", "-n", "1", "-o", "a.png"]) == 2
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "a.png").read_text() == "mine"
    assert run(["sample", "vae-conv-mnist", "-n", "1", "-o", "a.png", "--force"]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", RECONSTRUCTORS)
def test_reconstruct_files_of_any_size_and_mode(name: str, tmp_path: Path) -> None:
    digit = genzoo.grid(genzoo.load("gan-dcgan-mnist").sample(1, seed=0), columns=1)
    digit.resize((90, 70)).convert("RGB").save("colour.jpg")
    digit.save("grey.png")
    assert run(["reconstruct", name, "colour.jpg", "grey.png", "-o", "r.png"]) == 0
    side = 2 * (genzoo.show(name).input_shape[-1] + 2) + 2
    with Image.open(tmp_path / "r.png") as sheet:
        assert sheet.size == (side, side)


def test_the_error_falls_with_the_size_of_the_bottleneck() -> None:
    names = ("ae-dense-mnist-2d", "ae-dense-mnist-5d", "ae-dense-mnist")
    errors = [genzoo.show(name).metrics["reconstruction_mse"].value for name in names]
    assert errors == sorted(errors, reverse=True)
    assert [genzoo.show(name).latent_dim for name in names] == [2, 5, 32]


@pytest.mark.parametrize("name", RECONSTRUCTORS)
def test_reconstructions_of_real_data_look_like_it(name: str, tmp_path: Path, data_root: Path) -> None:
    record = genzoo.show(name)
    arguments = ["--data", record.dataset, "-n", "8", "--data-root", str(data_root), "-o", "r.png"]
    assert run(["reconstruct", name, *arguments]) == 0
    with Image.open(tmp_path / "r.png") as sheet:
        pixels = np.asarray(sheet, dtype=float) / 255
    height = record.input_shape[1]
    originals, reconstructions = pixels[2 : 2 + height], pixels[4 + height : 4 + 2 * height]
    assert ((originals - reconstructions) ** 2).mean() < 1.5 * record.metrics["reconstruction_mse"].value


ERRORS: dict[str, tuple[list[str], int, str]] = {
    "unknown name": (["show", "vae-cov-mnist"], 3, "did you mean vae-conv-mnist"),
    "unknown name to list": (["list", "vae-cov-mnist"], 3, "did you mean vae-conv-mnist"),
    "unknown name to sample": (["sample", "vae-cov-mnist"], 3, "did you mean vae-conv-mnist"),
    "unknown command": (["lst"], 2, "Did you mean 'list'?"),
    "unknown option": (["sample", "vae-conv-mnist", "--sede", "1"], 2, "--seed"),
    "verb it does not have": (["sample", "ae-dense-mnist"], 2, "ae-dense-mnist (ae) cannot sample; it can encode"),
    "verb a GAN does not have": (["reconstruct", "gan-dcgan-mnist", "x.png"], 2, "x.png"),
    "too many": (["sample", "vae-conv-mnist", "-n", "100000000"], 2, "100000"),
    "no pictures": (["reconstruct", "vae-conv-mnist"], 2, "give image files, or --data"),
    "both kinds": (["reconstruct", "vae-conv-mnist", "a.png", "--data", "mnist"], 2, "one of the two"),
    "picture not there": (["reconstruct", "vae-conv-mnist", "a.png"], 3, "a.png does not exist"),
    "data not known": (["reconstruct", "vae-conv-mnist", "--data", "mnits"], 3, "did you mean mnist"),
    "data of another shape": (["reconstruct", "vae-conv-mnist", "--data", "cifar10"], 2, "cifar10"),
    "no folder for output": (["sample", "vae-conv-mnist", "-o", "no/a.png"], 2, "mkdir -p no"),
    "no such device": (["sample", "vae-conv-mnist", "--device", "gpu"], 2, "try 'auto'"),
    "not a PNG": (["sample", "vae-conv-mnist", "-o", "a.jpg"], 2, "ends in .png"),
    "a name too long": (["sample", "vae-conv-mnist", "-o", "a" * 300], 2, "is no path"),
    "a path with a NUL": (["show", "./\0"], 2, "is no path"),
    "no such user": (["show", "~nobody-here/x"], 2, "is no path"),
    "the device meta": (["sample", "vae-conv-mnist", "--device", "meta"], 2, "try 'auto'"),
    "no such run": (["sample", "./run"], 3, "is not a folder"),
    "no such recipe": (["train", "mine.toml"], 3, "mine.toml does not exist"),
    "resume and force": (["train", "mine.toml", "--resume", "--force"], 2, "exclude each other"),
}


@pytest.mark.parametrize(("arguments", "code", "message"), ERRORS.values(), ids=ERRORS)
def test_a_mistake_gets_its_code_and_no_traceback(
    arguments: list[str], code: int, message: str, capsys: Capture, tmp_path: Path
) -> None:
    if "x.png" in arguments:
        message = "cannot reconstruct"
        Image.new("L", (28, 28)).save("x.png")
    assert run(arguments) == code
    output = capsys.readouterr()
    assert message in output.err
    assert "Traceback" not in output.err
    assert output.out == ""


def test_json_errors_are_json_on_stderr(capsys: Capture) -> None:
    cases: list[tuple[list[str], int, str]] = [
        (["show", "vae-cov-mnist", "--json"], 3, "not-found"),
        (["list", "--json", "--nonsense"], 2, "usage"),
    ]
    for arguments, exit_code, code in cases:
        assert run(arguments) == exit_code
        error: dict[str, Any] = json.loads(capsys.readouterr().err)["error"]
        assert set(error) == {"code", "message", "suggestions"}
        assert error["code"] == code
    assert run(["show", "vae-cov-mnist", "--json"]) == 3
    assert "vae-conv-mnist" in json.loads(capsys.readouterr().err)["error"]["suggestions"]


def test_a_damaged_checkpoint_exits_with_5(tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(genzoo.show("vae-conv-mnist").folder, tmp_path / "copy")
    weights = tmp_path / "copy" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    assert run(["sample", "./copy"]) == 5
    assert "is damaged" in capsys.readouterr().err


def test_an_internal_error_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    from genzoo import catalog

    def fault(name: str) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr(catalog, "describe", fault)
    assert run(["show", "x"]) == 1
    assert capsys.readouterr().err.startswith(
        "genzoo: internal error: RuntimeError: oops. Please report it, with what GENZOO_DEBUG=1 prints"
    )


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m genzoo list --json | head -c 1"
    result = subprocess.run(["bash", "-c", command], check=True, capture_output=True, text=True)
    assert result.stderr == ""


def test_a_full_disk_under_stdout_is_one_line() -> None:
    command = f"{sys.executable} -m genzoo list --json > /dev/full"
    result = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True)
    assert result.returncode == 1
    assert (
        result.stderr
        == '{"error": {"code": "output", "message": "cannot write: No space left on device", "suggestions": []}}\n'
    )


def test_a_folder_that_looks_like_a_name_is_hinted_at(tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(genzoo.show("vae-conv-mnist").folder, tmp_path / "mine")
    assert run(["show", "mine"]) == 3
    assert "write ./mine" in capsys.readouterr().err


def test_version_and_help(capsys: Capture) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"genzoo {genzoo.__version__}\n"
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(verb in text for verb in ("list", "show", "sample", "reconstruct", "train", "compare", "plugins"))


def test_ctrl_c_says_how_to_go_on_and_going_on_works(stranger: Path, tmp_path: Path, capsys: Capture) -> None:
    longer = tmp_path / "longer.toml"
    text = (stranger / "genzoo_tiny" / "recipes" / "vae-tiny-blobs.toml").read_text()
    longer.write_text(text.replace("epochs = 5", "epochs = 100000"))
    command = [sys.executable, "-m", "genzoo", "train", "longer.toml", "-o", "run"]
    env = {**os.environ, "PYTHONPATH": f"{stranger}{os.pathsep}{ROOT}"}
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        begins = r"vae-tiny-blobs: 2,048 examples of 1×16×16, 3,200,000 steps on cpu, about [\d,]+ (minutes|hours)\n"
        assert re.fullmatch(begins, process.stderr.readline())
        assert "epoch 1/100000" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(timeout=60) == 130
    assert "Traceback" not in rest
    assert "genzoo train longer.toml -o run --resume" in rest
    assert (tmp_path / "run" / "state").exists()
    assert run(["sample", "./run"]) != 0
    assert "is not finished; go on with it" in capsys.readouterr().err
    with subprocess.Popen([*command, "--resume"], env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.readline()
        assert process.stderr.readline().startswith("going on after step ")
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.stderr.read()
    assert not first.startswith("epoch 1/")


def test_a_real_model_trains_on_all_of_mnist(data_root: Path, tmp_path: Path, capsys: Capture) -> None:
    """One model trained for real: two epochs with 5 latents, which must beat 5 principal components (0.0446)."""
    recipe = tmp_path / "small.toml"
    recipe.write_text(
        'name = "ae-dense-small"\n[model]\nfamily = "ae"\narchitecture = "dense"\nlatent_dim = 5\nhidden = [256]\n'
        '[objective]\nname = "mse"\n[data]\nname = "mnist"\n[training]\nepochs = 2\n'
    )
    assert run(["train", str(recipe), "--data-root", str(data_root), "-o", "run"]) == 0
    output = capsys.readouterr()
    assert output.out == "./run\n"
    assert "images/s" in output.err
    assert genzoo.show(Path("run")).metrics["reconstruction_mse"].value < 0.0446
    assert {path.name for path in Path("run/samples").iterdir()} == {"epoch-0001.png", "epoch-0002.png"}
    assert run(["reconstruct", "./run", "--data", "mnist", "--data-root", str(data_root), "-o", "r.png"]) == 0
