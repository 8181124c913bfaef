"""What a caller of train is called with, and what comes of what it does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import genzoo

RECIPE: Mapping[str, Any] = {
    "name": "vae-dense-mine",
    "model": {"family": "vae", "architecture": "dense", "latent_dim": 2, "hidden": [4], "likelihood": "gaussian"},
    "objective": {"name": "elbo"},
    "training": {"epochs": 3, "batch_size": 16, "ema": 0.9},
}
PICTURES = torch.arange(40 * 16).remainder(251).view(40, 1, 4, 4) / 255


def trained(output: Path, **options: Any) -> genzoo.Model:
    return genzoo.train(RECIPE, data=PICTURES, output=output, device="cpu", progress=False, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, torch.Tensor]:
    return trained(tmp_path_factory.mktemp("whole")).state_dict()


def assert_same(model: genzoo.Model, wanted: Mapping[str, torch.Tensor]) -> None:
    assert all(map(torch.equal, model.state_dict().values(), wanted.values()))


def test_on_epoch_sees_the_model_in_eval_mode_and_its_draws_change_nothing(
    whole: Mapping[str, torch.Tensor], tmp_path: Path
) -> None:
    seen = []

    def on_epoch(model: genzoo.Model, epoch: int) -> None:
        torch.manual_seed(0)
        torch.rand(3)
        seen.append((epoch, model.name, model.training, tuple(model.sample(2, seed=0).shape)))
        model.train()

    assert_same(trained(tmp_path, on_epoch=on_epoch), whole)
    assert seen == [(epoch, "vae-dense-mine", False, (2, 1, 4, 4)) for epoch in (1, 2, 3)]


def test_on_epoch_may_end_a_run_which_goes_on_from_there(whole: Mapping[str, torch.Tensor], tmp_path: Path) -> None:
    seen: list[int] = []
    trained(tmp_path, on_epoch=lambda model, epoch: seen.append(epoch) or epoch == 2)  # type: ignore[func-returns-value]
    record = genzoo.show(tmp_path)
    assert seen == [1, 2]
    assert record.trained["stopped"] == "by on_epoch, after epoch 2"
    assert record.metrics
    again = trained(tmp_path, resume=True)
    assert_same(again, whole)
    assert "stopped" not in genzoo.show(tmp_path).trained


@pytest.mark.parametrize("name", ["on_epoch", "report"])
@pytest.mark.parametrize("at", [2, 3])
def test_what_a_callback_raises_ends_the_run_with_its_state_saved(
    name: str, at: int, whole: Mapping[str, torch.Tensor], tmp_path: Path
) -> None:
    calls: list[Any] = []

    def callback(*told: Any) -> None:
        epoch = told[1] if name == "on_epoch" else told[0].epoch
        calls.append(epoch)
        if epoch == at:
            raise RuntimeError("enough of it")

    with pytest.raises(RuntimeError, match="enough of it"):
        trained(tmp_path, **{name: callback})
    assert calls[-1] == at
    assert not (tmp_path / "genzoo.json").exists()
    assert_same(trained(tmp_path, resume=True), whole)


@pytest.mark.parametrize("answer", [1, torch.tensor(True)])
def test_only_true_ends_a_run(answer: object, tmp_path: Path) -> None:
    model = trained(tmp_path, on_epoch=lambda model, epoch: answer)
    assert model.checkpoint is not None
    assert "stopped" not in model.checkpoint.trained
