"""traverse, interpolate, map, encode, decode, and compare with pictures, through `run`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genzoo
from genzoo.cli import run
from genzoo.pictures import png, strip
from genzoo.randomness import Noise

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def digits(n: int) -> list[str]:
    for index, picture in enumerate(genzoo.load("gan-dcgan-mnist").sample(n, seed=0)):
        strip(picture[None]).crop((2, 2, 30, 30)).save(f"{index}.png")
    return [f"{index}.png" for index in range(n)]


def size(path: str) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_traverse_draws_what_the_function_gives_of_the_most_informative_latents(capsys: Capture) -> None:
    assert run(["traverse", "vae-conv-mnist", "--seed", "3", "--steps", "5", "--device", "cpu"]) == 0
    output = capsys.readouterr()
    assert output.out == "vae-conv-mnist-traversal.png\n"
    model = genzoo.load("vae-conv-mnist", device="cpu")
    first = model.latents()[:10]
    assert output.err.startswith(f"genzoo: from the top: latent {first[0].index} (KL {first[0].kl:.3g}), ")
    rows = [model.traverse(Noise(seed=3, n=1).normal(32), latent=row.index, steps=5) for row in first]
    assert Path("vae-conv-mnist-traversal.png").read_bytes() == png(strip(torch.cat(rows)))


def test_traverse_moves_the_latents_of_several_pictures() -> None:
    assert run(["traverse", "ae-dense-mnist", *digits(3), "--latent", "7", "--latent", "2", "-o", "t.gif"]) == 0
    with Image.open("t.gif") as moving:
        assert moving.size == (3 * 30 + 2, 2 * 30 + 2)
        assert moving.n_frames == 20  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["vae-conv-mnist", "gan-dcgan-mnist"])
@pytest.mark.parametrize("mode", ["linear", "spherical"])
def test_interpolate_walks_from_sample_to_sample(name: str, mode: str) -> None:
    assert run(["interpolate", name, "-n", "4", "--steps", "3", "--mode", mode, "-o", "i.png"]) == 0
    with Image.open("i.png") as image:
        pixels = np.asarray(image)
    assert pixels.shape == (3 * 30 + 2, 3 * 30 + 2)
    assert (pixels[32:60, 2:30] == pixels[2:30, 62:90]).all()  # the second way begins where the first ends
    model = genzoo.load(name)
    sample = (model.sample(1, seed=0)[0, 0].cpu() * 255).numpy()
    assert np.abs(pixels[2:30, 2:30] - sample).max() < 1


def test_interpolate_walks_between_two_files_as_webp() -> None:
    assert run(["interpolate", "ae-conv-mnist", *digits(2), "-o", "i.webp"]) == 0
    assert size("i.webp") == (32, 32)


def test_map_draws_the_manifold() -> None:
    assert run(["map", "ae-dense-mnist-2d", "-n", "5", "--extent", "1.5", "--device", "cpu", "-o", "m.png"]) == 0
    manifold = genzoo.load("ae-dense-mnist-2d", device="cpu").manifold(5, extent=1.5)
    assert Path("m.png").read_bytes() == png(strip(manifold))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_what_is_encoded_decodes_to_reconstructions(suffix: str, capsys: Capture) -> None:
    files, codes = digits(5), f"codes{suffix}"
    assert run(["encode", "ae-dense-mnist", *files, "-o", codes]) == 0
    assert run(["decode", "ae-dense-mnist", codes, "-o", "d.png"]) == 0
    assert run(["decode", "ae-dense-mnist", codes, "-o", "x.npz"]) == 0
    assert capsys.readouterr().out == f"{codes}\nd.png\nx.npz\n"
    assert size("d.png") == (92, 62)
    with np.load("x.npz", allow_pickle=False) as file:
        x = file["x"]
    assert x.shape == (5, 1, 28, 28)
    assert run(["reconstruct", "ae-dense-mnist", *files, "-o", "r.png"]) == 0
    with Image.open("r.png") as sheet:
        below = np.asarray(sheet)[32:60, 2:30]
    assert np.abs(below - 255 * x[0, 0]).max() <= 0.51


def test_encode_writes_columns_and_factors_beside_the_codes(data_root: Path) -> None:
    where = ["--data", "mnist", "--data-root", str(data_root)]
    assert run(["encode", "ae-dense-mnist-2d", *where, "-n", "600", "-o", "z.npz"]) == 0
    with np.load("z.npz", allow_pickle=False) as file:
        assert file["z"].shape == (600, 2)
        assert file["label"][:5].tolist() == [7, 2, 1, 0, 4]


def test_encode_to_stdout_is_the_file_alone(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["encode", "ae-dense-mnist", *digits(1), "-o", "-"]) == 0
    with np.load(io.BytesIO(capfdbinary.readouterr().out), allow_pickle=False) as file:
        assert file["z"].shape == (1, 32)


def test_points_are_decoded_into_a_plot() -> None:
    np.savez("z.npz", z=np.random.default_rng(0).normal(size=(50, 1)))
    assert run(["decode", "gan-dense-toy1d", "z.npz", "-o", "p.png"]) == 0
    assert size("p.png") == (500, 500)


def test_compare_draws_the_same_pictures_of_every_model(data_root: Path, capsys: Capture) -> None:
    names = ["ae-dense-mnist-2d", "ae-dense-mnist-5d", "ae-dense-mnist"]
    where = ["--data-root", str(data_root), "-n", "16", "-o", "c.png"]
    assert run(["compare", *names, *where, "--json"]) == 0
    output = capsys.readouterr()
    assert [column["latents"] for column in json.loads(output.out)["models"]] == [2, 5, 32]
    assert output.err == f"genzoo: c.png: mnist above, then {', '.join(names)}\n"
    with Image.open("c.png") as sheet:
        assert sheet.size == (16 * 30 + 2, 4 * 30 + 2)
        rows = np.stack([np.asarray(sheet, dtype=float)[2 + 30 * row : 30 + 30 * row] for row in range(4)]) / 255
    errors = ((rows[1:] - rows[0]) ** 2).mean((1, 2))
    assert errors.tolist() == sorted(errors, reverse=True)
    assert errors[0] > 3 * errors[2]


ERRORS: dict[str, tuple[list[str], int, str]] = {
    "no such latent": (["traverse", "vae-conv-mnist", "--latent", "32"], 2, "0 to 31; try 13"),
    "nothing to start from": (["traverse", "ae-dense-mnist"], 2, "does not sample: give image files, or --data NAME"),
    "a picture for a GAN": (["traverse", "gan-dcgan-mnist", "x.png"], 2, "no encoder, so no picture has a code"),
    "no decoder": (["traverse", "features-lenet-mnist", "x.png"], 2, "cannot decode; it can encode"),
    "points": (["traverse", "gan-dense-toy1d"], 2, "genzoo.load('gan-dense-toy1d').traverse(z, latent=0)"),
    "a span of NaN": (["traverse", "vae-conv-mnist", "--span", "nan", "1"], 2, "two finite numbers"),
    "a kind it does not write": (["traverse", "vae-conv-mnist", "-o", "t.jpg"], 2, ".png or .gif or .webp"),
    "one end": (["interpolate", "vae-conv-mnist", "-n", "1"], 2, "give two image files, or -n 2"),
    "five latents": (["map", "ae-dense-mnist-5d"], 2, "has 5 latents, and a map shows 2"),
    "an extent below 0": (["map", "ae-dense-mnist-2d", "--extent", "-1"], 2, "must be a positive number"),
    "no encoder": (["encode", "gan-dcgan-mnist", "x.png"], 2, "cannot encode; it can decode"),
    "nothing to encode": (["encode", "vae-conv-mnist"], 2, "give image files, or --data NAME"),
    "codes not there": (["decode", "vae-conv-mnist", "z.npz"], 3, "z.npz does not exist"),
    "codes of another": (["decode", "vae-conv-mnist", "two.npz"], 2, "(n, 32)"),
    "no codes": (["decode", "vae-conv-mnist", "x.png"], 2, "are read from .npz or .safetensors"),
    "compare without -o": (["compare", "vae-conv-mnist", "--data", "mnist"], 2, "--data goes with -o FILE"),
    "compare to stdout": (["compare", "vae-conv-mnist", "-o", "-"], 2, "give -o a file"),
    "compare a GAN": (["compare", "vae-conv-mnist", "gan-dcgan-mnist", "-o", "c.png"], 2, "cannot reconstruct"),
}


@pytest.mark.parametrize(("arguments", "code", "message"), ERRORS.values(), ids=ERRORS)
def test_a_mistake_gets_its_code_and_no_traceback(
    arguments: list[str], code: int, message: str, capsys: Capture
) -> None:
    Image.new("L", (28, 28)).save("x.png")
    np.savez("two.npz", z=np.ones((3, 2)))
    there = set(Path().iterdir())
    assert run(arguments) == code
    output = capsys.readouterr()
    assert message in output.err
    assert "Traceback" not in output.err
    assert output.out == ""
    assert set(Path().iterdir()) == there
