"""A verb in a file gives what it gives in torch, to programs that do not know genzoo."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

import genzoo
from genzoo.catalog import export_suffixes
from genzoo.cli import run
from genzoo.errors import InvalidInput, MissingDependency, NotFound, OutputExists, UnsupportedVerb, VerificationFailed
from genzoo.exporting import Exported, exportable, trace
from genzoo.exporting.formats import _example
from genzoo.models import Model

SUFFIXES = export_suffixes()
SMALL = {"input_shape": (1, 8, 8), "latent_dim": 3}
FILES = [
    ("vae-conv", "decode", ".onnx"),
    ("vae-conv", "encode", ".pt2"),
    ("ae-conv", "reconstruct", ".pt2"),
    ("gan-dcgan", "decode", ".pt2"),
    ("gan-dcgan", "discriminate", ".onnx"),
]


def small(name: str, **config: Any) -> Model:
    return genzoo.create(name, seed=0, **{**SMALL, **config}).eval()


def opened(path: Path) -> tuple[Callable[[Tensor], Tensor], dict[str, Any]]:
    """The function in a file, and its metadata, as the docstring of genzoo.export reads them."""
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (takes,), (gives,) = session.get_inputs(), session.get_outputs()
        metadata = json.loads(session.get_modelmeta().custom_metadata_map["genzoo"])
        assert (takes.name, takes.shape) == (metadata["input"]["name"], metadata["input"]["shape"])
        assert (gives.name, gives.shape) == (metadata["output"]["name"], metadata["output"]["shape"])
        return lambda x: torch.from_numpy(session.run(None, {takes.name: x.numpy()})[0]), metadata
    told = {"genzoo.json": ""}
    module = torch.export.load(path, extra_files=told).module()
    return module, json.loads(told["genzoo.json"])


def test_a_verb_that_is_told_a_class_is_compared_by_several_and_says_their_range(tmp_path: Path) -> None:
    model = small("ae-dense", hidden=[8], given={"label": genzoo.Column.of(["cat", "dog", "owl"])})
    made = Exported.of(model, ".onnx", "decode")
    assert "label: int64 (n,) below 3" in made.usage
    (tmp_path / "m.onnx").write_bytes(made.data)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    metadata = json.loads(session.get_modelmeta().custom_metadata_map["genzoo"])
    assert metadata["given"] == [{"name": "label", "shape": ["batch"], "dtype": "int64", "range": [0, 2]}]
    assert _example(trace(model, "decode").given[0]).tolist() == [0, 1, 2]
    z, label = rows(model, "decode", 5), torch.tensor([2, 0, 1, 1, 2])
    (x,) = session.run(None, {"z": z.numpy(), "label": label.numpy()})
    torch.testing.assert_close(torch.from_numpy(x), model.decode(z, label=label), atol=1e-5, rtol=1e-5)


def rows(model: Model, verb: str, n: int) -> Tensor:
    shape = (model.latent_dim,) if verb == "decode" else model.input_shape
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(n))


@pytest.mark.parametrize(("name", "verb", "suffix"), FILES)
def test_a_file_computes_the_verb_for_any_number_of_rows(name: str, verb: str, suffix: str, tmp_path: Path) -> None:
    shape = (1, 16, 16) if name == "gan-dcgan" else (1, 8, 8)
    model = small(name, input_shape=shape)
    function, told = opened(genzoo.export(model, tmp_path / f"model{suffix}", verb=verb))
    for n in (1, 2, 7):
        wanted = getattr(model, verb)(rows(model, verb, n))
        found = function(rows(model, verb, n))
        assert not found.requires_grad
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    assert told["verb"] == verb
    assert told["input"]["shape"] == ["batch", *rows(model, verb, 1).shape[1:]]
    assert told["output"]["shape"] == ["batch", *wanted.shape[1:]]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_says_what_it_is_and_holds_only_what_its_verb_uses(suffix: str, tmp_path: Path) -> None:
    record = genzoo.show("gan-dense-toy1d")
    path = genzoo.export("gan-dense-toy1d", tmp_path / f"g{suffix}")
    _, told = opened(path)
    wanted: dict[str, Any] = {
        "name": "gan-dense-toy1d",
        "verb": "decode",
        "sha256": record.sha256,
        "license": "Apache-2.0",
    }
    wanted |= {"dataset": "toy1d", "latent_dim": 1, "family": "gan", "architecture": "dense"}
    assert {key: told[key] for key in wanted} == wanted
    assert told["input"] == {"name": "z", "shape": ["batch", 1], "dtype": "float32", "range": None}
    assert told["output"] == {"name": "x", "shape": ["batch", 1], "dtype": "float32", "range": None}
    model = genzoo.load("gan-dense-toy1d", device="cpu")
    used = {f"model.{name}" for name in model.state_dict() if name.startswith("generator.")}
    assert trace(model).program.state_dict.keys() == used
    data = path.read_bytes()
    assert re.findall(rb"[\w/.-]*\.py\b", data) == []  # no path of this machine


def test_pictures_have_a_range_and_logits_have_none(tmp_path: Path) -> None:
    model = small("features-lenet", input_shape=(1, 28, 28), classes=4)
    path = genzoo.export(model, tmp_path / "f.pt2", verb="classify")
    _, told = opened(path)
    assert told["input"]["range"] == [0, 1]
    assert told["output"] == {"name": "logits", "shape": ["batch", 4], "dtype": "float32", "range": None}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_model_gives_the_same_file_twice_and_nothing_is_disturbed(suffix: str) -> None:
    model = small("vae-dense").train()
    before, state = {key: one.clone() for key, one in model.state_dict().items()}, torch.random.get_rng_state()
    first = Exported.of(model, suffix).data
    assert Exported.of(model, suffix).data == first
    assert model.training
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(one, before[key]) for key, one in model.state_dict().items())
    assert torch.is_grad_enabled()


def test_a_model_in_float64_gives_a_graph_in_float64(tmp_path: Path) -> None:
    function, told = opened(genzoo.export(small("vae-dense").double(), tmp_path / "m.pt2"))
    assert function(torch.zeros(1, 3, dtype=torch.float64)).dtype == torch.float64
    assert told["input"]["dtype"] == told["output"]["dtype"] == "float64"


def test_the_verbs_that_can_be_exported() -> None:
    assert exportable(small("vae-dense")) == ("decode", "encode", "reconstruct")
    assert exportable(small("gan-dense")) == ("decode", "discriminate")
    assert exportable(small("features-dense", classes=2)) == ("encode", "classify")


def refused(model: Model, verb: str, message: str, error: type[Exception] = UnsupportedVerb) -> None:
    with pytest.raises(error, match=message):
        Exported.of(model, ".pt2", verb)


def test_a_verb_that_cannot_be_exported_is_refused_with_the_way_out() -> None:
    refused(small("gan-dense"), "encode", r"gan-dense \(gan\) cannot export 'encode'.* decode, discriminate")
    refused(small("gan-dense"), "sample", r"draws random numbers: export decode, and give it .* \(n, 3\)")
    refused(small("gan-dense"), "decod", "did you mean decode")
    refused(small("gan-dense"), "players", "cannot export 'players'")


class Looks(nn.Module):
    """Branches on values, which no graph can."""

    def forward(self, z: Tensor) -> Tensor:
        x = z if z.sum() > 0 else -z
        return x.repeat(1, 22)[:, :64].view(-1, 1, 8, 8)


class Random(nn.Module):
    """Other values each time."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.randn(z.shape[0], 1, 8, 8)


def with_decoder(decoder: nn.Module) -> Model:
    model = small("ae-dense")
    model.decoder = decoder
    return model


def test_what_torch_cannot_follow_is_refused_with_verb_and_cause() -> None:
    refused(with_decoder(Looks()), "", r"ae-dense\.decode cannot be exported: .*data-dependent", InvalidInput)


def test_other_values_than_the_models_are_never_written(tmp_path: Path) -> None:
    with pytest.raises(VerificationFailed, match=r"ae-dense\.decode as \.pt2 gives other values than the model"):
        genzoo.export(with_decoder(Random()), tmp_path / "m.pt2")
    assert list(tmp_path.iterdir()) == []


class Bessel(nn.Module):
    """An operation that ONNX does not have."""

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = torch.special.bessel_j0(z)
        return x.repeat(1, 22)[:, :64].view(-1, 1, 8, 8)


def test_an_operation_that_onnx_lacks_is_refused_with_the_verb_and_the_other_format_works() -> None:
    model = with_decoder(Bessel())
    with pytest.raises(InvalidInput, match=r"ae-dense\.decode as \.onnx cannot be written: .*bessel_j0"):
        Exported.of(model, ".onnx")
    assert Exported.of(model, ".pt2").data


def test_paths_are_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"ends in \.onnx or \.pt2"):
        genzoo.export("there-is-no-such-model", tmp_path / "m.pt")
    (tmp_path / "m.pt2").write_text("mine")
    with pytest.raises(OutputExists, match="--force"):
        genzoo.export("there-is-no-such-model", tmp_path / "m.pt2")
    with pytest.raises(NotFound):
        genzoo.export("there-is-no-such-model", tmp_path / "m.pt2", force=True)
    assert (tmp_path / "m.pt2").read_text() == "mine"
    genzoo.export(small("ae-dense"), tmp_path / "m.pt2", force=True)
    assert opened(tmp_path / "m.pt2")[1]["name"] == "ae-dense"


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("genzoo.exporting.formats.find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(MissingDependency, match=r"need onnxscript; try: pip install 'genzoo\[onnx\]'") as caught:
        genzoo.export(small("ae-dense"), tmp_path / "m.onnx")
    assert caught.value.exit_code == 6
    genzoo.export(small("ae-dense"), tmp_path / "m.pt2")


def test_the_command_prints_the_file_and_lines_that_load_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["export", "gan-dense-toy1d", "--verb", "discriminate", "-o", "d.onnx"]) == 0
    out, err = capfd.readouterr()
    assert out == "d.onnx\n"
    first, _, lines = err.partition("\n")
    assert first == "genzoo: to use it in Python:"
    names: dict[str, Any] = {"x": np.zeros((3, 1), np.float32)}
    exec("\n".join(line.removeprefix("    ") for line in lines.splitlines()), names)  # noqa: S102  # as printed
    wanted = genzoo.load("gan-dense-toy1d", device="cpu").discriminate(torch.zeros(3, 1))
    np.testing.assert_allclose(names["logit"], wanted, atol=1e-6)
    assert run(["export", "gan-dense-toy1d", "-o", "d.onnx"]) == 2
    assert "d.onnx exists; give another path or --force" in capfd.readouterr().err


def test_the_printed_lines_of_a_pt2_run_in_a_process_without_genzoo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["export", "gan-dense-toy1d", "-o", "g.pt2"]) == 0
    lines = [line.removeprefix("    ") for line in capfd.readouterr().err.splitlines()[1:]]
    code = "\n".join(["import sys, torch", "z = torch.zeros(3, 1)", *lines, "assert 'genzoo' not in sys.modules"])
    subprocess.run([sys.executable, "-c", f"{code}\nprint(x.tolist())"], check=True, cwd=tmp_path)
    wanted = genzoo.load("gan-dense-toy1d", device="cpu").decode(torch.zeros(3, 1)).tolist()
    assert np.allclose(json.loads(capfd.readouterr().out), wanted, atol=1e-6)


def test_the_command_refuses_with_the_exit_codes_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["export", "gan-dense-toy1d", "--verb", "encode", "-o", "m.pt2"]) == 2
    assert "cannot export 'encode'" in capfd.readouterr().err
    assert run(["export", "gan-dense-toy1d", "-o", "m.pth"]) == 2
    assert ".onnx or .pt2" in capfd.readouterr().err
    assert run(["export", "gan-dense-toy", "-o", "m.pt2"]) == 3
    assert list(tmp_path.iterdir()) == []
