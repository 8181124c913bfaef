"""evaluate, verify and compare, through `run`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save

import genzoo
from genzoo.api.evaluate import _differences, expected_time
from genzoo.api.measuring import Measuring
from genzoo.cli import run
from genzoo.spec import Number
from tests.conftest import CLI

Capture = pytest.CaptureFixture[str]
Entry = dict[str, Any]
LENET = "features-lenet-mnist"
QUICK = {"accuracy", "active_latents", "negative_elbo", "reconstruction_mse"}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def copy_of(name: str, folder: Path, change: Callable[[Entry], None]) -> None:
    """A checkpoint's folder with its record changed."""
    shutil.copytree(genzoo.show(name).folder, folder)
    record = json.loads((folder / "genzoo.json").read_text())
    change(record["metrics"])
    (folder / "genzoo.json").write_text(json.dumps(record))


def fid(value: float, features: str, **more: Any) -> Entry:
    protocol = {"data": "mnist", "split": "test", "features": features}
    return {"fid": {"value": value, "unit": "", "tolerance": 0.1, "protocol": protocol, **more}}


def test_compare_sets_models_side_by_side_and_says_what_cannot_be_compared(tmp_path: Path, capsys: Capture) -> None:
    copy_of("vae-conv-mnist", tmp_path / "a", lambda metrics: metrics.update(fid(5.25, "net 1", floor=0.5)))
    copy_of("gan-dcgan-mnist", tmp_path / "b", lambda metrics: metrics.update(fid(3.0, "net 1")))
    copy_of("gan-dcgan-mnist", tmp_path / "c", lambda metrics: metrics.update(fid(4.0, "net 2")))
    assert run(["compare", "./a", "./b"]) == 0
    output = capsys.readouterr()
    lines = {line.split("  ")[0]: line.split()[-2:] for line in output.out.splitlines()}
    assert lines["name"] == ["./a", "./b"]
    assert lines["data set"] == ["mnist-dynamic", "mnist"]
    assert lines["fid"] == ["5.25", "3"]
    assert lines["fid, floor"] == ["0.5", "-"]
    active = genzoo.show("vae-conv-mnist").metrics["active_latents"].value
    assert lines["active_latents"] == [f"{active:.0f}", "-"]
    assert "fid" not in output.err  # both compared with mnist, in the features of one network
    assert run(["compare", "./a", "./b", "./c"]) == 0
    assert "genzoo: fid: not comparable: features differ\n" in capsys.readouterr().err


def test_compare_knows_that_data_differ(capsys: Capture) -> None:
    assert run(["compare", "ae-dense-mnist", "vae-conv-mnist", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [column["name"] for column in told["models"]] == ["ae-dense-mnist", "vae-conv-mnist"]
    assert told["models"][1]["latents"] == 32
    assert "reconstruction_mse: not comparable: data, binarisation differ" in told["notes"]


def test_compare_hints_at_a_name_that_is_wrong(capsys: Capture) -> None:
    assert run(["compare", "vae-conv-mnist", "vae-cov-mnist"]) == 3
    assert "did you mean vae-conv-mnist" in capsys.readouterr().err
    assert run(["compare"]) == 2


def test_compare_imports_no_torch(genzoo_cli: CLI) -> None:
    result = genzoo_cli("compare", "vae-conv-mnist", "gan-dcgan-mnist", PYTHONPROFILEIMPORTTIME="1")
    assert result.returncode == 0
    assert "genzoo.catalog" in result.stderr
    assert "torch" not in result.stderr


def test_a_metric_that_a_model_cannot_have_is_refused_with_those_it_has(capsys: Capture) -> None:
    assert run(["evaluate", "ae-dense-mnist", "--metric", "fid"]) == 3
    assert "ae-dense-mnist has no metric 'fid' (known: reconstruction_mse" in capsys.readouterr().err


PROMISED = {"features-lenet-mnist": 0.992, "features-lenet-fashion": 0.915, "features-conv-faces": 0.97}


def test_evaluate_finds_the_recorded_numbers(capsys: Capture, data_root: Path) -> None:
    for name in ("ae-dense-mnist", "vae-dense-mnist", *PROMISED):
        quick = genzoo.show(name).metrics.keys() & QUICK
        only = [word for metric in quick for word in ("--metric", metric)]
        assert run(["evaluate", name, "--data-root", str(data_root), "--json", *only]) == 0
        found, recorded = json.loads(capsys.readouterr().out), genzoo.show(name).metrics
        assert set(found) == set(quick)
        for metric, entry in found.items():
            assert entry["value"] == pytest.approx(recorded[metric].value, abs=recorded[metric].tolerance)
            assert entry["protocol"] == recorded[metric].protocol
        assert name not in PROMISED or found["accuracy"]["value"] >= PROMISED[name]


def test_feature_networks_are_small() -> None:
    assert all(genzoo.show(name).size_bytes < 1_000_000 for name in PROMISED)


def test_verify_passes_on_a_true_record(capsys: Capture, data_root: Path) -> None:
    assert run(["verify", "ae-dense-mnist", "--data-root", str(data_root)]) == 0
    assert capsys.readouterr().out.startswith("ae-dense-mnist  ok  reconstruction_mse 0.00")
    assert run(["verify", "--data-root", str(data_root)]) == 2


def measured_on(root: Path, name: str, folder: Path, change: Callable[[Entry], None]) -> None:
    """A checkpoint's folder whose record has what it is measured at with the data in `root`, changed."""
    found = genzoo.evaluate(name, data_root=root)

    def measured(metrics: Entry) -> None:
        metrics.update(found.to_dict())
        change(metrics)

    copy_of(name, folder, measured)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"floor": 0.5}, "the floor of accuracy is nan of 1, recorded 0.5"),
        ({"detail": {"shares": [0.5, 0.5]}}, "shares of accuracy is not as recorded"),
        ({"protocol": {"split": "train"}}, "accuracy is measured by another protocol now"),
        ({"value": 0.5}, "accuracy is 1 of 1, recorded 0.5"),
    ],
)
def test_verify_finds_whatever_is_false_in_an_entry(
    change: Entry, message: str, tmp_path: Path, capsys: Capture, few_digits: Path
) -> None:
    root = ["--data-root", str(few_digits)]
    measured_on(few_digits, LENET, tmp_path / "right", lambda metrics: None)
    measured_on(few_digits, LENET, tmp_path / "wrong", lambda metrics: metrics["accuracy"].update(change))
    assert run(["verify", "./right", *root]) == 0
    assert run(["verify", "./wrong", *root]) == 7
    assert message in capsys.readouterr().err


def test_verify_goes_on_after_what_cannot_be_checked(tmp_path: Path, capsys: Capture, few_digits: Path) -> None:
    measured_on(few_digits, LENET, tmp_path / "right", lambda metrics: None)
    measured_on(few_digits, LENET, tmp_path / "wrong", lambda metrics: metrics["accuracy"].update(value=0.5))
    root = ["--data-root", str(few_digits)]
    assert run(["verify", "nobodys", "./wrong", "./right", *root]) == 7
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("nobodys  not checked: ")
    assert lines[1].startswith("./wrong  WRONG: accuracy is 1 of 1, recorded 0.5")
    assert lines[2].startswith("./right  ok  accuracy 1")
    assert run(["verify", "nobodys", "./right", *root]) == 3
    assert "./right  ok" in capsys.readouterr().out


def test_a_detail_may_be_as_far_off_as_its_metric() -> None:
    recorded = Number(value=0.5, unit="of 1", tolerance=0.02, protocol={}, detail={"completeness": 0.5})
    for off, wrong in ((0.015, 0), (0.03, 1)):
        found = replace(recorded, detail={"completeness": 0.5 + off})
        assert len(list(_differences("dci_disentanglement", found, recorded))) == wrong


def test_verify_ignores_the_version_it_was_measured_with(tmp_path: Path, few_digits: Path) -> None:
    measured_on(few_digits, LENET, tmp_path / "copy", lambda metrics: metrics["accuracy"].update(torch="2.0"))
    assert run(["verify", "./copy", "--data-root", str(few_digits)]) == 0


def test_every_shipped_record_has_quick_values_of_its_metrics() -> None:
    for name in genzoo.list_models():
        record = genzoo.show(name)
        assert record.quick
        assert record.quick.keys() <= record.metrics.keys()
        assert all(entry.protocol["n"] == 500 for entry in record.quick.values())


def test_verify_quick_computes_the_quick_values_alone(capsys: Capture, data_root: Path) -> None:
    names = ["ae-dense-mnist", "features-lenet-fashion", "gan-dense-mnist", "gan-dense-toy1d", "vae-conv-sprites-tc"]
    assert run(["verify", "--quick", "--data-root", str(data_root), *names]) == 0
    output = capsys.readouterr()
    for name, line in zip(names, output.out.splitlines(), strict=True):
        numbers = ", ".join(f"{key} {entry.value:.6g}" for key, entry in genzoo.show(name).quick.items())
        assert line.split("  ")[:2] == [name, "ok"]
        assert line.split("  ")[2].split(" ")[::2] == numbers.split(" ")[::2]
    assert output.err == ""


def test_verify_quick_finds_a_false_value_and_changed_weights(tmp_path: Path, capsys: Capture) -> None:
    for folder in ("value", "weights"):
        shutil.copytree(genzoo.show("gan-dense-toy1d").folder, tmp_path / folder)
    record = json.loads((tmp_path / "value" / "genzoo.json").read_text())
    record["quick"]["wasserstein_1"]["value"] += 0.01
    (tmp_path / "value" / "genzoo.json").write_text(json.dumps(record))
    assert run(["verify", "--quick", "./value"]) == 7
    assert "wasserstein_1 is 0.06" in capsys.readouterr().err
    tensors = load_file(tmp_path / "weights" / "model.safetensors")
    weights = save({key: tensor * 1.01 for key, tensor in tensors.items()})
    (tmp_path / "weights" / "model.safetensors").write_bytes(weights)
    record = json.loads((tmp_path / "weights" / "genzoo.json").read_text())
    record |= {"sha256": sha256(weights).hexdigest(), "size_bytes": len(weights)}
    (tmp_path / "weights" / "genzoo.json").write_text(json.dumps(record))
    assert run(["verify", "--quick", "./weights"]) == 7


def test_a_record_without_quick_values_is_told_and_golden_writes_them(tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(genzoo.show("gan-dense-toy1d").folder, tmp_path / "copy")
    record = json.loads((tmp_path / "copy" / "genzoo.json").read_text())
    del record["quick"]
    (tmp_path / "copy" / "genzoo.json").write_text(json.dumps(record))
    assert run(["verify", "--quick", "./copy"]) == 3
    assert "no quick value is recorded; run genzoo verify ./copy" in capsys.readouterr().err
    assert run(["plugins", "golden", "./copy"]) == 0
    assert run(["verify", "--quick", "./copy"]) == 0
    now, shipped = genzoo.show("./copy"), genzoo.show("gan-dense-toy1d")
    assert now.metrics == shipped.metrics
    for metric, entry in shipped.quick.items():
        assert now.quick[metric].value == pytest.approx(entry.value, abs=entry.tolerance)


def test_verify_without_data_says_what_is_needed(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", [])
    assert run(["verify", "--quick", "ae-dense-mnist", "--data-root", str(tmp_path)]) == 4
    assert "--data-root DIR or $GENZOO_DATA" in capsys.readouterr().out


def test_evaluate_reports_how_far_it_is() -> None:
    told: list[Measuring] = []
    found = genzoo.evaluate("gan-dense-toy1d", report=told.append)
    assert list(dict.fromkeys(now.metric for now in told)) == list(found)
    assert {(now.metric, now.index, now.count) for now in told} == {("d_minus_half", 1, 2), ("wasserstein_1", 2, 2)}
    shares = [now.share for now in told if now.metric == "d_minus_half"]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert all(now.seconds > 0 for now in told)


def test_what_takes_long_is_told_before_it_is_done(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr("genzoo.cli.measure.LONG", 0)
    assert run(["verify", "gan-dense-toy1d", "gan-dense-toy1d"]) == 0
    first, second, *others = capsys.readouterr().err.splitlines()
    assert first == "genzoo: 2 checkpoints, about 10 seconds; genzoo verify --quick takes seconds"
    assert second == "genzoo: gan-dense-toy1d: about 10 seconds"
    assert others[0] == "genzoo: gan-dense-toy1d: d_minus_half (1 of 2)"


def test_an_estimate_counts_every_draw(data_root: Path) -> None:
    plain, weighted = (expected_time(name, data_root=data_root) for name in ("ae-dense-mnist", "vae-dense-mnist"))
    assert weighted > 10 * plain
