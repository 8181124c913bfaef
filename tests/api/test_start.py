"""A run that begins from the weights of a checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

import genzoo
from genzoo.errors import InvalidInput, NotFound

POINTS = "gan-dense-toy1d"
SMALL_STEPS = {"training.epochs": 1, "training.batch_size": 10_000, "optimizer.learning_rate": 1e-8}


def test_a_run_begins_from_a_checkpoint(tmp_path: Path) -> None:
    overrides = {**SMALL_STEPS, "training.start": POINTS, "training.ema": 0.0}
    trained = genzoo.train(POINTS, overrides=overrides, output=tmp_path / "run")
    first = genzoo.load(POINTS, device=trained.device).state_dict()
    assert trained.checkpoint is not None
    assert trained.checkpoint.trained["start"] == genzoo.show(POINTS).sha256
    for key, tensor in trained.state_dict().items():
        assert (tensor - first[key]).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("start", "error", "match"),
    [
        ("ae-dense-mnist-5d", InvalidInput, "other networks \\(latent_dim\\)"),
        ("vae-conv-mnist", InvalidInput, "other networks"),
        ("./ae-dense-mnist-2d", InvalidInput, "not a path"),
        ("ae-dense-mnist-2", NotFound, "did you mean ae-dense-mnist-2d"),
    ],
)
def test_what_a_run_cannot_begin_from(tmp_path: Path, start: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        genzoo.train("ae-dense-mnist-2d", overrides={"training.start": start}, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()
