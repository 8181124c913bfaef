"""evaluate and verify: the numbers of a checkpoint, computed now."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from genzoo.api.build import load
from genzoo.api.data import find_dataset, open_data
from genzoo.api.defaults import plain_defaults
from genzoo.api.features import feature_space
from genzoo.api.measuring import Report, Watch, expected_seconds
from genzoo.arguments import typed
from genzoo.catalog import find_checkpoint
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
from genzoo.registry import registry
from genzoo.spec import DatasetSpec, Number, Numbers, Objective
from genzoo.training import Recipe

__all__ = ["evaluate", "expected_time", "measure_quick", "measure_test", "quick_numbers", "verify"]

DETAIL = 0.01
QUICK = 500
"""How many examples a quick value is measured on."""


@typed
@plain_defaults()
def evaluate(
    name: str | Path,
    *,
    metrics: Collection[str] = (),
    overrides: Mapping[str, Any] | None = None,
    data_root: str | Path | None = None,
    device: str | torch.device = "auto",
    report: Report | None = None,
) -> Numbers:
    """Metrics of a checkpoint on the test split of its data set, computed now.

    Args:
        name: as in `load`.
        metrics: which; all that have a meaning for the model without it.
        overrides: other values of its recipe's section ``evaluation``, ``{"evaluation.importance_draws": 100}``.
        data_root: where the data set lies or is downloaded to.
        device: as in `load`.
        report: called with the Measuring as each metric is begun, and for each batch of examples.

    Returns:
        Numbers by metric: ``numbers["fid"].value``.

    Raises:
        NotFound: no such checkpoint, or no such metric of it.
        InvalidInput: what cannot be measured so.
    """
    for path in overrides or {}:
        if not path.startswith("evaluation."):
            raise InvalidInput(f"{path} is not of the section evaluation: the model is trained; see genzoo train --set")
    setting, owner = _setting_of(name, overrides or {}, data_root, device)
    return Numbers(_measured(setting, metrics, owner, report))


def _setting_of(
    name: str | Path, overrides: Mapping[str, Any], data_root: str | Path | None, device: str | torch.device
) -> tuple[Setting, str]:
    """What a checkpoint is measured on, and the distribution in which names that clash are looked up first."""
    model = load(name, device=device)
    found = find_checkpoint(name)
    checkpoint, owner = found.record, found.owner
    dataset = find_dataset(checkpoint.dataset, data_root, prefer=owner)
    recipe = Recipe.parse(checkpoint.recipe, checkpoint.name).changed(overrides)
    return _setting(model, recipe, dataset, data_root, owner), owner


def _setting(model: Model, recipe: Recipe, dataset: DatasetSpec, root: str | Path | None, prefer: str) -> Setting:
    return Setting(
        model=model,
        evaluation=recipe.evaluation,
        dataset=dataset,
        pictures=registry().find(DatasetSpec, dataset.pictures, prefer=prefer) if dataset.pictures else dataset,
        open_split=lambda record, split: open_data(record, split, root=root, shape=model.input_shape),
        probability=_scores_probability(recipe, prefer),
    )


def measure_test(
    model: Model,
    recipe: Recipe,
    dataset: DatasetSpec,
    root: str | Path | None,
    *,
    only: Collection[str] = (),
    prefer: str = "",
) -> dict[str, Number]:
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
    return _measured(_setting(model, recipe, dataset, root, prefer), only, prefer)


def measure_quick(
    model: Model,
    recipe: Recipe,
    dataset: DatasetSpec,
    root: str | Path | None,
    metrics: Collection[str],
    *,
    prefer: str = "",
) -> dict[str, Number]:
    """Those of the `metrics` of a trained model that a few examples are enough for, measured on `QUICK` of them.

    What cannot be measured on so few is left out. The arguments are those of `measure_test`.
    """
    setting = replace(_setting(model, recipe, dataset, root, prefer), limit=QUICK)
    if not NEED_FEATURES.isdisjoint(metrics):
        setting = replace(setting, space=feature_space(setting, prefer=prefer, fetch=False))
    found: dict[str, Number] = {}
    for name, metric in metrics_of(setting).items():
        if metric.quick and name in metrics:
            with suppress(InvalidInput, PluginError):
                found |= measure({name: metric}, setting)
    return found


def _measured(setting: Setting, only: Collection[str], prefer: str, report: Report | None = None) -> dict[str, Number]:
    """As `measure_test`."""
    watch = Watch(report)
    setting = replace(setting, progress=watch.advance)
    if not only:
        setting = replace(setting, space=_space_if_there(setting, prefer))
        if found := metrics_of(setting):
            len(setting.examples)  # or each metric would tell that the data is not there
        return _measure_what_can_be(found, setting, watch)
    setting = _with_space(setting, only, prefer)
    metrics = _choose(metrics_of(setting), only, setting.model.name)
    return {
        key: entry
        for name, metric in watch.over(metrics, setting)
        for key, entry in measure({name: metric}, setting).items()
    }


def _with_space(setting: Setting, only: Collection[str], prefer: str) -> Setting:
    """With a feature space, if some of the metrics wanted need it."""
    if set(only) <= metrics_of(setting).keys():
        return setting
    fetch = not NEED_FEATURES.isdisjoint(only)
    return replace(setting, space=feature_space(setting, prefer=prefer, fetch=fetch))


def _scores_probability(recipe: Recipe, prefer: str) -> bool:
    try:
        return registry().find(Objective, recipe.objective["name"], prefer=prefer).probability
    except AmbiguousName:
        raise
    except NotFound:  # its plugin is gone, and the model is measured without it
        return False


def _measure_what_can_be(metrics: Mapping[str, Metric], setting: Setting, watch: Watch) -> dict[str, Number]:
    found: dict[str, Number] = {}
    for name, metric in watch.over(metrics, setting):
        try:
            found |= measure({name: metric}, setting)
        except (InvalidInput, PluginError) as error:  # too few pictures, say, or a third-party metric
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


@typed
@plain_defaults()
def verify(
    name: str | Path,
    *,
    quick: bool = False,
    data_root: str | Path | None = None,
    device: str | torch.device = "auto",
    report: Report | None = None,
) -> Numbers:
    """Compute every recorded number of a checkpoint anew; returns them as `evaluate` does.

    Args:
        name: as in `load`.
        quick: compute those alone that were recorded of a few hundred examples too, on the same ones: a second or two.
        data_root: where the data set lies or is downloaded to.
        device: as in `load`.
        report: as in `evaluate`.

    Raises:
        VerificationFailed: one is further from its record than its tolerance, or was measured otherwise.
        NotFound: no such checkpoint, or no quick value of it.
    """
    checkpoint = find_checkpoint(name).record
    recorded = checkpoint.quick if quick else checkpoint.metrics
    if quick and not recorded and checkpoint.metrics:
        raise NotFound(f"{name}: no quick value is recorded; run genzoo verify {name}", suggestions=["genzoo verify"])
    if not recorded:
        load(name, device=device)  # the weights at least are what they should be
        return Numbers()
    setting, owner = _setting_of(name, {}, data_root, device)
    setting = replace(setting, limit=QUICK) if quick else setting
    found = _measured(setting, tuple(recorded), owner, report)
    wrong = [text for metric, entry in found.items() for text in _differences(metric, entry, recorded[metric])]
    if wrong:
        raise VerificationFailed(f"{name}: {'; '.join(wrong)}")
    return Numbers(found)


def expected_time(
    name: str | Path, *, data_root: str | Path | None = None, device: str | torch.device = "auto"
) -> float:
    """About how many seconds it takes to compute every recorded number of a checkpoint anew; raises as `verify`."""
    recorded = tuple(find_checkpoint(name).record.metrics)
    setting, owner = _setting_of(name, {}, data_root, device)
    setting = _with_space(setting, recorded, owner)
    return expected_seconds(_choose(metrics_of(setting), recorded, setting.model.name), setting) if recorded else 0.0


def quick_numbers(name: str | Path, *, data_root: str | Path | None = None) -> dict[str, Number]:
    """The quick values of a checkpoint, for its record: of the recorded metrics that a few examples are enough for."""
    found = find_checkpoint(name)
    checkpoint, owner = found.record, found.owner
    return measure_quick(
        load(name, device="cpu"),
        Recipe.parse(checkpoint.recipe, checkpoint.name),
        find_dataset(checkpoint.dataset, data_root, prefer=owner),
        data_root,
        checkpoint.metrics,
        prefer=owner,
    )


def _differences(metric: str, found: Number, recorded: Number) -> Iterator[str]:
    """What of a number is not as recorded."""
    if found.protocol != recorded.protocol:
        yield f"{metric} is measured by another protocol now: {found.protocol}, recorded {recorded.protocol}"
    pairs = ((metric, found.value, recorded.value), (f"the floor of {metric}", found.floor, recorded.floor))
    for what, value, wanted in pairs:
        now = float("nan") if value is None else value
        if wanted is not None and not abs(now - wanted) <= recorded.tolerance:
            yield f"{what} is {now:.6g} {found.unit}, recorded {wanted:.6g}"
    for key, wanted in recorded.detail.items():
        if not _near(found.detail.get(key), wanted, max(DETAIL, recorded.tolerance)):
            yield f"{key} of {metric} is not as recorded"


def _near(found: Any, wanted: Any, slack: float) -> bool:
    """Whether what a detail holds, numbers or lists of them, is the same within `slack`: a share of what is above 1."""
    if isinstance(wanted, list):
        alike = isinstance(found, list) and len(found) == len(wanted)
        return alike and all(_near(*pair, slack) for pair in zip(found, wanted, strict=True))
    return isinstance(found, float) and abs(found - wanted) <= slack * max(1.0, abs(wanted))
