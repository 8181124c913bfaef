"""evaluate and verify: the numbers of a checkpoint, computed now."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from genzoo.api.build import load
from genzoo.api.data import Opener, find_dataset, one_root, opener, split_root
from genzoo.api.defaults import borrowed_random_state, plain_defaults
from genzoo.api.features import feature_space
from genzoo.api.measuring import Report, Watch, expected_seconds
from genzoo.api.own import OwnData
from genzoo.arguments import typed
from genzoo.catalog import find_checkpoint
from genzoo.datasets import Split
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
from genzoo.fields import from_table
from genzoo.metrics import NEED_FEATURES, FeatureSpace, Metric, Setting, measure, metrics_of
from genzoo.models import Model
from genzoo.registry import registry
from genzoo.spec import Checkpoint, DatasetSpec, Number, Numbers, Objective
from genzoo.spec.sections import Evaluation
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
    data: str | Tensor | Dataset[Any] | DataLoader[Any] | Split = "",
    metrics: Collection[str] = (),
    overrides: Mapping[str, Any] | None = None,
    data_root: str | Path | None = None,
    device: str | torch.device = "auto",
    report: Report | None = None,
) -> Numbers:
    """Metrics of a checkpoint on the test split of its data set, computed now.

    Args:
        name: as in `load`.
        data: other data to measure it on, as in `train`; a model that was trained on data given in Python has no
            other. Of the data that it was trained on, the tenth that was held out is measured, of other data all.
        metrics: which; all that have a meaning for the model without it.
        overrides: other values of its recipe's section ``evaluation``, ``{"evaluation.importance_draws": 100}``.
        data_root: where the data set lies or is downloaded to.
        device: as in `load`.
        report: called with the Measuring as each metric is begun, and for each batch of examples.

    Returns:
        Numbers by metric: ``numbers["fid"].value``.

    Raises:
        NotFound: no such checkpoint, no such metric of it, or nothing to measure it on without `data`.
        InvalidInput: what cannot be measured so, or on this data.
    """
    for path in overrides or {}:
        if not path.startswith("evaluation."):
            raise InvalidInput(f"{path} is not of the section evaluation: the model is trained; see genzoo train --set")
    with nullcontext() if isinstance(data, str) else borrowed_random_state():
        setting, owner = _setting_of(name, data, overrides or {}, data_root, device)
        return Numbers(_measured(setting, metrics, owner, report))


def _setting_of(
    name: str | Path,
    data: Any,
    overrides: Mapping[str, Any],
    data_root: str | Path | None,
    device: str | torch.device,
) -> tuple[Setting, str]:
    """What a checkpoint is measured on, and the distribution in which names that clash are looked up first."""
    found = find_checkpoint(name)
    checkpoint, owner = found.record, found.owner
    if isinstance(data, str):
        called, path = split_root(data) if data else (checkpoint.dataset, None)
        root = one_root(path, data_root)
        dataset = find_dataset(called, root, prefer=owner)
    model = load(name, device=device)
    evaluation, objective = _asked(checkpoint, overrides)
    if isinstance(data, str):
        return _setting(model, evaluation, objective, dataset, opener(root, model.input_shape), owner), owner
    own = _own(data, model)
    return _setting(model, evaluation, objective, own.dataset, own.open, owner), owner


def _asked(checkpoint: Checkpoint, overrides: Mapping[str, Any]) -> tuple[Evaluation, str]:
    """How a checkpoint is measured, and the objective that trained it: "" where no recipe is recorded."""
    if not checkpoint.recipe:
        table = {path.removeprefix("evaluation."): value for path, value in overrides.items()}
        return from_table(Evaluation, table, f"{checkpoint.name}: evaluation"), ""
    recipe = Recipe.parse(checkpoint.recipe, checkpoint.name).changed(overrides)
    return recipe.evaluation, recipe.objective["name"]


def _own(data: Any, model: Model) -> OwnData:
    """Examples to measure a model on: those held out of the data that it was trained on, or else all."""
    assert model.checkpoint is not None
    known = {**model.spec.given, **model.predicts}
    own = OwnData.of(data, "evaluate: data", values=model.values, known=known)
    own.check_shape(model.input_shape)
    return own if own.trained == model.checkpoint.trained.get("data") else own.all_held_out()


def _setting(
    model: Model, evaluation: Evaluation, objective: str, dataset: DatasetSpec, open_split: Opener, prefer: str
) -> Setting:
    return Setting(
        model=model,
        evaluation=evaluation,
        dataset=dataset,
        pictures=registry().find(DatasetSpec, dataset.pictures, prefer=prefer) if dataset.pictures else dataset,
        open_split=open_split,
        probability=_scores_probability(objective, prefer),
    )


def measure_test(
    model: Model,
    recipe: Recipe,
    dataset: DatasetSpec,
    open_split: Opener,
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
        open_split: what opens its splits.
        only: which metrics; all that have a meaning for the model without it.
        prefer: the distribution in which names that clash are looked up first.
    """
    setting = _setting(model, recipe.evaluation, recipe.objective["name"], dataset, open_split, prefer)
    return _measured(setting, only, prefer)


def measure_quick(
    model: Model,
    recipe: Recipe,
    dataset: DatasetSpec,
    open_split: Opener,
    metrics: Collection[str],
    *,
    prefer: str = "",
) -> dict[str, Number]:
    """Those of the `metrics` of a trained model that a few examples are enough for, measured on `QUICK` of them.

    What cannot be measured on so few is left out. The arguments are those of `measure_test`.
    """
    setting = _setting(model, recipe.evaluation, recipe.objective["name"], dataset, open_split, prefer)
    setting = replace(setting, limit=QUICK)
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


def _scores_probability(objective: str, prefer: str) -> bool:
    if not objective:
        return False
    try:
        return registry().find(Objective, objective, prefer=prefer).probability
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
    data: str | Tensor | Dataset[Any] | DataLoader[Any] | Split = "",
    quick: bool = False,
    data_root: str | Path | None = None,
    device: str | torch.device = "auto",
    report: Report | None = None,
) -> Numbers:
    """Compute every recorded number of a checkpoint anew; returns them as `evaluate` does.

    Args:
        name: as in `load`.
        data: what the model was trained on, as in `train`, if that was given in Python.
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
    with nullcontext() if isinstance(data, str) else borrowed_random_state():
        setting, owner = _setting_of(name, data, {}, data_root, device)
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
    setting, owner = _setting_of(name, "", {}, data_root, device)
    setting = _with_space(setting, recorded, owner)
    return expected_seconds(_choose(metrics_of(setting), recorded, setting.model.name), setting) if recorded else 0.0


def quick_numbers(name: str | Path, *, data_root: str | Path | None = None) -> dict[str, Number]:
    """The quick values of a checkpoint, for its record: of the recorded metrics that a few examples are enough for."""
    found = find_checkpoint(name)
    checkpoint, owner = found.record, found.owner
    model = load(name, device="cpu")
    return measure_quick(
        model,
        Recipe.parse(checkpoint.recipe, checkpoint.name),
        find_dataset(checkpoint.dataset, data_root, prefer=owner),
        opener(data_root, model.input_shape),
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
