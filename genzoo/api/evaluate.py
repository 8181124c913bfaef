"""evaluate and verify: the numbers of a checkpoint, computed now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch

from genzoo.api.build import load
from genzoo.api.data import open_data
from genzoo.catalog import find_checkpoint
from genzoo.errors import NotFound, VerificationFailed, did_you_mean
from genzoo.metrics import Metric, measure, metrics_of
from genzoo.models import Model
from genzoo.registry import registry
from genzoo.spec import DatasetSpec
from genzoo.training import Recipe

__all__ = ["evaluate", "measure_test", "verify"]


def evaluate(
    name: str | Path,
    *,
    metrics: Collection[str] = (),
    data_root: str | Path | None = None,
    device: str | torch.device = "auto",
) -> dict[str, Any]:
    """Metrics of a checkpoint on the test split of its data set, computed now.

    Args:
        name: as in `load`.
        metrics: which; all that have a meaning for the model without it.
        data_root: where the data set lies or is downloaded to.
        device: as in `load`.

    Returns:
        ``{metric: {"value", "unit", "tolerance", "protocol"}}``.

    Raises:
        NotFound: no such checkpoint, or no such metric of it.
    """
    model = load(name, device=device)
    checkpoint, plugin = find_checkpoint(name)
    owner = plugin.distribution if plugin else checkpoint.distribution
    dataset = registry().find(DatasetSpec, checkpoint.dataset, prefer=owner)
    recipe = Recipe.parse(checkpoint.recipe, checkpoint.name)
    return measure_test(model, recipe, dataset, data_root, only=metrics)


def measure_test(
    model: Model,
    recipe: Recipe,
    dataset: DatasetSpec,
    root: str | Path | None,
    *,
    only: Collection[str] = (),
) -> dict[str, Any]:
    """The metrics of a trained model on the test split; none for a data set without one."""
    if "test" not in dataset.splits:
        return {}
    chosen = _choose(metrics_of(model, recipe.evaluation), only, model.name)
    if not chosen:
        return {}
    return measure(chosen, model, open_data(dataset, "test", root=root, shape=model.input_shape), "test")


def _choose(known: Mapping[str, Metric], names: Collection[str], owner: str) -> dict[str, Metric]:
    for name in names:
        if name not in known:
            hint, near = did_you_mean(name, known)
            raise NotFound(f"{owner} has no metric {name!r:.80}{hint} (known: {', '.join(known)})", suggestions=near)
    return {name: metric for name, metric in known.items() if not names or name in names}


def verify(
    name: str | Path, *, data_root: str | Path | None = None, device: str | torch.device = "auto"
) -> dict[str, Any]:
    """Compute every recorded number of a checkpoint anew; returns them as `evaluate` does.

    Raises:
        VerificationFailed: one is further from its record than its tolerance, or was measured otherwise.
    """
    recorded = find_checkpoint(name)[0].metrics
    if not recorded:
        load(name, device=device)  # the weights at least are what they should be
        return {}
    found = evaluate(name, metrics=tuple(recorded), data_root=data_root, device=device)
    wrong = [
        f"{metric} is {entry['value']:.6g} {entry['unit']}, recorded {recorded[metric]['value']:.6g}"
        for metric, entry in found.items()
        if not abs(entry["value"] - recorded[metric]["value"]) <= recorded[metric]["tolerance"]
        or entry["protocol"] != recorded[metric]["protocol"]
    ]
    if wrong:
        raise VerificationFailed(f"{name}: {'; '.join(wrong)}")
    return found
