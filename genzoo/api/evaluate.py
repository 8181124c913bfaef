"""evaluate and verify: the numbers of a checkpoint, computed now."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from genzoo.api.build import load
from genzoo.api.data import open_data
from genzoo.api.features import feature_space
from genzoo.catalog import find_checkpoint, owner_of
from genzoo.errors import (
    AmbiguousName,
    GenzooError,
    GenzooWarning,
    InvalidInput,
    MissingDependency,
    NotFound,
    PluginError,
    VerificationFailed,
    did_you_mean,
)
from genzoo.metrics import NEED_FEATURES, FeatureSpace, Metric, Setting, measure, metrics_of
from genzoo.models import Model
from genzoo.notebook import Numbers
from genzoo.registry import registry
from genzoo.spec import DatasetSpec, Objective
from genzoo.training import Recipe

__all__ = ["evaluate", "measure_test", "verify"]

DETAIL = 0.01


def evaluate(
    name: str | Path,
    *,
    metrics: Collection[str] = (),
    overrides: Mapping[str, Any] | None = None,
    data_root: str | Path | None = None,
    device: str | torch.device = "auto",
) -> Numbers:
    """Metrics of a checkpoint on the test split of its data set, computed now.

    Args:
        name: as in `load`.
        metrics: which; all that have a meaning for the model without it.
        overrides: other values of its recipe's section ``evaluation``, ``{"evaluation.importance_draws": 100}``.
        data_root: where the data set lies or is downloaded to.
        device: as in `load`.

    Returns:
        ``{metric: {"value", "unit", "tolerance", "protocol"}}``.

    Raises:
        NotFound: no such checkpoint, or no such metric of it.
        InvalidInput: what cannot be measured so.
    """
    for path in overrides or {}:
        if not path.startswith("evaluation."):
            raise InvalidInput(f"{path} is not of the section evaluation: the model is trained; see genzoo train --set")
    model = load(name, device=device)
    checkpoint, plugin = find_checkpoint(name)
    owner = owner_of(checkpoint, plugin)
    dataset = registry().find(DatasetSpec, checkpoint.dataset, prefer=owner)
    recipe = Recipe.parse(checkpoint.recipe, checkpoint.name).changed(overrides or {})
    return Numbers(measure_test(model, recipe, dataset, data_root, only=metrics, prefer=owner))


def measure_test(
    model: Model,
    recipe: Recipe,
    dataset: DatasetSpec,
    root: str | Path | None,
    *,
    only: Collection[str] = (),
    prefer: str = "",
) -> dict[str, Any]:
    """The metrics of a trained model on the test split, or on the first one of a data set without it.

    What cannot be measured is left out with a GenzooWarning, unless it is in `only`: then its error is raised. What
    compares pictures in the features of a network that is not there is left out in silence, if something remains.

    Args:
        model: the trained model.
        recipe: what trained it.
        dataset: what it was trained on.
        root: where the data lies.
        only: which metrics; all that have a meaning for the model without it.
        prefer: the distribution in which names that clash are looked up first.
    """
    setting = Setting(
        model=model,
        evaluation=recipe.evaluation,
        dataset=dataset,
        pictures=registry().find(DatasetSpec, dataset.pictures, prefer=prefer) if dataset.pictures else dataset,
        open_split=lambda record, split: open_data(record, split, root=root, shape=model.input_shape),
        probability=_scores_probability(recipe, prefer),
    )
    if not only:
        setting = replace(setting, space=_space_if_there(setting, prefer))
        if found := metrics_of(setting):
            len(setting.examples)  # or each metric would tell that the data is not there
        return _measure_what_can_be(found, setting)
    if not set(only) <= metrics_of(setting).keys():
        fetch = not NEED_FEATURES.isdisjoint(only)
        setting = replace(setting, space=feature_space(setting, prefer=prefer, fetch=fetch))
    return measure(_choose(metrics_of(setting), only, model.name), setting)


def _scores_probability(recipe: Recipe, prefer: str) -> bool:
    try:
        return registry().find(Objective, recipe.objective["name"], prefer=prefer).probability
    except AmbiguousName:
        raise
    except NotFound:  # its plugin is gone, and the model is measured without it
        return False


def _measure_what_can_be(metrics: Mapping[str, Metric], setting: Setting) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, metric in metrics.items():
        try:
            found |= measure({name: metric}, setting)
        except (InvalidInput, PluginError) as error:  # too few pictures, say, or a stranger's metric
            warnings.warn(f"{name} is left out: {error.message}", GenzooWarning, stacklevel=2)
    return found


def _space_if_there(setting: Setting, prefer: str) -> FeatureSpace | None:
    try:
        return feature_space(setting, prefer=prefer, fetch=False)
    except GenzooError as error:
        if isinstance(error, MissingDependency) and metrics_of(setting):
            return None  # there is something to measure without it
        message = f"no sample is compared with pictures of {setting.pictures.name}: {error.message}"
        warnings.warn(message, GenzooWarning, stacklevel=2)
        return None


def _choose(known: Mapping[str, Metric], names: Collection[str], owner: str) -> dict[str, Metric]:
    for name in names:
        if name == "negative_log_likelihood" and "negative_elbo" in known and name not in known:
            raise NotFound(f"{owner}: {name} needs draws: --set evaluation.importance_draws=100")
        if name not in known:
            hint, near = did_you_mean(name, known)
            raise NotFound(f"{owner} has no metric {name!r:.80}{hint} (known: {', '.join(known)})", suggestions=near)
    return {name: metric for name, metric in known.items() if not names or name in names}


def verify(name: str | Path, *, data_root: str | Path | None = None, device: str | torch.device = "auto") -> Numbers:
    """Compute every recorded number of a checkpoint anew; returns them as `evaluate` does.

    Raises:
        VerificationFailed: one is further from its record than its tolerance, or was measured otherwise.
    """
    recorded = find_checkpoint(name)[0].metrics
    if not recorded:
        load(name, device=device)  # the weights at least are what they should be
        return Numbers()
    found = evaluate(name, metrics=tuple(recorded), data_root=data_root, device=device)
    wrong = [text for metric, entry in found.items() for text in _differences(metric, entry, recorded[metric])]
    if wrong:
        raise VerificationFailed(f"{name}: {'; '.join(wrong)}")
    return found


def _differences(metric: str, found: Mapping[str, Any], recorded: Mapping[str, Any]) -> Iterator[str]:
    """What of an entry is not as recorded."""
    if found["protocol"] != recorded["protocol"]:
        yield f"{metric} is measured by another protocol now: {found['protocol']}, recorded {recorded['protocol']}"
    for key, what in (("value", metric), ("floor", f"the floor of {metric}")):
        wanted, now = recorded.get(key), found.get(key, float("nan"))
        if wanted is not None and not abs(now - wanted) <= recorded["tolerance"]:
            yield f"{what} is {now:.6g} {found['unit']}, recorded {wanted:.6g}"
    for key, wanted in recorded.get("detail", {}).items():
        if not _near(found.get("detail", {}).get(key), wanted, max(DETAIL, recorded["tolerance"])):
            yield f"{key} of {metric} is not as recorded"


def _near(found: Any, wanted: Any, slack: float) -> bool:
    """Whether what a detail holds, numbers or lists of them, is the same within `slack`: a share of what is above 1."""
    if isinstance(wanted, list):
        alike = isinstance(found, list) and len(found) == len(wanted)
        return alike and all(_near(*pair, slack) for pair in zip(found, wanted, strict=True))
    return isinstance(found, float) and abs(found - wanted) <= slack * max(1.0, abs(wanted))
