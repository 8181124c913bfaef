"""evaluate: the numbers of a checkpoint, computed now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from genzoo.api.build import load
from genzoo.api.data import open_data
from genzoo.catalog import find_checkpoint
from genzoo.metrics import measure
from genzoo.models import Model
from genzoo.registry import registry
from genzoo.spec import DatasetSpec

__all__ = ["evaluate", "measure_test"]


def evaluate(
    name: str | Path, *, data_root: str | Path | None = None, device: str | torch.device = "auto"
) -> dict[str, Any]:
    """Every metric of a checkpoint, computed now on the test split of its data set: ``{name: {"value", …}}``."""
    model = load(name, device=device)
    checkpoint, plugin = find_checkpoint(name)
    owner = plugin.distribution if plugin else checkpoint.distribution
    return measure_test(model, registry().find(DatasetSpec, checkpoint.dataset, prefer=owner), data_root)


def measure_test(model: Model, dataset: DatasetSpec, root: str | Path | None) -> dict[str, Any]:
    if "test" not in dataset.splits:
        return {}
    return measure(model, open_data(dataset, "test", root=root, shape=model.input_shape), "test")
