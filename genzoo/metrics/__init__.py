"""Numbers on a card: each with its protocol and a tolerance, so that anyone can compute it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from math import log, prod
from typing import Any

import torch
from torch import Tensor

from genzoo.batch import Batch
from genzoo.errors import InvalidInput
from genzoo.files import rounded
from genzoo.metrics import fidelity
from genzoo.metrics.codes import metrics_of_codes
from genzoo.metrics.density import distance_from_half, wasserstein_1
from genzoo.metrics.diagnostics import class_shares, covered, distance_to_training
from genzoo.metrics.editing import metrics_of_edits
from genzoo.metrics.likelihood import importance_bound, negative_elbo
from genzoo.metrics.metric import Metric, mean_of, on_examples, values_of
from genzoo.metrics.plugins import metrics_of_plugins
from genzoo.metrics.reconstruction import squared_error
from genzoo.metrics.setting import SEED, FeatureSpace, Outcome, Setting
from genzoo.models import Model
from genzoo.spec import DatasetSpec, Number

__all__ = ["NEED_FEATURES", "FeatureSpace", "Metric", "Setting", "measure", "metrics_of"]

NEIGHBOURS = 1000
PROBABILITIES = ("bernoulli", "logistic")
"""The likelihoods that give probabilities."""


def measure(metrics: Mapping[str, Metric], setting: Setting) -> dict[str, Number]:
    """The values of metrics, by their names."""
    return {name: _number(metric, setting) for name, metric in metrics.items()}


def _number(metric: Metric, setting: Setting) -> Number:
    outcome = metric.compute(setting)
    return Number(
        value=outcome.value,
        unit=metric.unit,
        tolerance=metric.tolerance,
        protocol=metric.protocol(setting),
        floor=outcome.floor,
        detail={key: rounded(value) for key, value in (outcome.detail or {}).items()},
        torch=torch.__version__,
    )


def metrics_of(setting: Setting) -> dict[str, Metric]:
    """The metrics that have a meaning for a model in its setting: those whose needs it meets."""
    groups = (group(setting) for needs, group in _GROUPS if setting.model.has(*needs))
    metrics = {name: metric for group in groups for name, metric in group.items()}
    return metrics | metrics_of_plugins(setting, metrics)


def _bounds(setting: Setting) -> dict[str, Metric]:
    model, draws = setting.model, setting.evaluation.importance_draws
    kl = {} if model.has("prior") else {"kl": "of the same draw"}
    bounds = {
        "negative_elbo": _nats(
            model, lambda batch, start: negative_elbo(model, batch, seed=SEED, start=start), 1, draws=1, seed=SEED, **kl
        )
    }
    if draws:
        bounds["negative_log_likelihood"] = _nats(
            model,
            lambda batch, start: importance_bound(model, batch, k=draws, seed=SEED, start=start),
            draws,
            estimator="importance weighted bound",
            draws=draws,
            seed=SEED,
        )
    return bounds


def _reconstruction(setting: Setting) -> dict[str, Metric]:
    if setting.model.values == "index":  # tokens have no distance
        return {}
    error = mean_of("per value", 1e-5, lambda batch, start: squared_error(setting.model, batch))
    return {"reconstruction_mse": error}


def _nats(model: Model, each: Callable[[Batch, int], Tensor], passes: int, **told: Any) -> Metric:
    """A bound on −log p(x), beside −log p(x) itself of data of known density.

    Under a likelihood that is known to give probabilities, its detail has it in bits for each of the D values of x:
    nats / (D ln 2). A Gaussian one gives densities, which are nothing that bits could code.
    """
    likelihood = _likelihood_of(model)
    known = {} if likelihood is None else {"likelihood": likelihood}
    known |= {} if model.has("prior") else {"prior": _prior_of(model)}

    def compute(setting: Setting) -> Outcome:
        nats = values_of(setting, each).mean().item()
        bits = {"bits_per_dim": nats / (prod(model.input_shape) * log(2))} if likelihood in PROBABILITIES else None
        return Outcome(value=nats, floor=_entropy(setting), detail=bits)

    return Metric(
        unit="nats",
        tolerance=0.01,
        compute=compute,
        protocol=on_examples(**known, **told),
        passes=lambda examples: passes * examples,
        quick=passes == 1,
    )


def _likelihood_of(model: Model) -> str | None:
    """The type of p(x | z): the model's own, or that of the first stage that it stands on."""
    configs = (one.spec.config for one in (model, *model.parts.values()))
    return next((config["likelihood"] for config in configs if "likelihood" in config), None)


def _prior_of(model: Model) -> str:
    """What p(z) is where it is not N(0, I), so that no bound under the one is taken for a bound under the other."""
    told = f", told {' and '.join(model.spec.given)}" if model.spec.given else ""
    return f"{model.spec.architecture}, fitted{told}"


def _entropy(setting: Setting) -> float | None:
    """−E log p(x) of the examples, in nats, where the density they were drawn from is known."""
    log_prob = setting.examples.data.log_prob
    return None if log_prob is None else -values_of(setting, lambda batch, start: log_prob(batch.x)).mean().item()


def _balance(setting: Setting) -> dict[str, Metric]:
    """Whether D → ½, where D is a probability and the data have a density."""
    if not setting.probability or setting.dataset.values != "real":
        return {}
    return {"d_minus_half": mean_of("of ½", 0.001, lambda batch, start: distance_from_half(setting.model, batch))}


def _on_a_line(setting: Setting) -> dict[str, Metric]:
    """How far samples are from data that are real numbers."""
    if setting.model.input_shape != (1,) or setting.dataset.values != "real":
        return {}
    distance = Metric(
        unit="standard deviations of the data",
        tolerance=0.001,
        compute=_wasserstein,
        protocol=on_examples(samples="as many", seed=SEED),
        quick=True,
    )
    return {"wasserstein_1": distance}


def _against_pictures(setting: Setting) -> dict[str, Metric]:
    """How samples compare with real pictures in a space of features."""
    if setting.space is None:
        return {}
    metrics = dict(ON_FEATURES)
    if setting.has_training:
        metrics["memorisation"] = _MEMORISATION
    if len(setting.space.columns) == 1:
        ((name, column),) = setting.space.columns.items()
        metrics |= _on_classes(name, column.space.size)
    if told := _told(setting, setting.pictures):
        metrics["told_accuracy"] = _told_accuracy(told)
    return metrics


def _edits(setting: Setting) -> dict[str, Metric]:
    return {} if setting.space is None else metrics_of_edits(setting, _told(setting, setting.dataset))


def _on_labels(setting: Setting) -> dict[str, Metric]:
    return {"accuracy": Metric(unit="of 1", tolerance=0.001, compute=_accuracy, protocol=on_examples(), quick=True)}


def _wasserstein(setting: Setting) -> Outcome:
    """Between samples and data, and between other data and data, in standard deviations of the data."""
    model, data = setting.model, setting.examples.all()
    samples = model.sample(len(data), seed=SEED, **setting.examples.given).cpu().double()
    others = setting.others(setting.dataset, len(data))
    scale = data.std().item()
    floor = None if others is None else wasserstein_1(others.all(), data) / scale
    return Outcome(value=wasserstein_1(samples, data) / scale, floor=floor)


def _accuracy(setting: Setting) -> Outcome:
    """The mean over the columns that a model predicts; the detail has each, of a model that predicts several."""
    model, examples = setting.model, setting.examples
    if missing := [name for name in model.predicts if name not in examples.data.columns]:
        raise InvalidInput(f"{setting.dataset.name} has no {missing[0]} to measure the accuracy against")

    def seen(batch: Batch, start: int) -> Tensor:
        logits = model.by_column(model.classify(batch.x, **batch.given))
        return torch.stack([values.argmax(1) for values in logits.values()], dim=1)

    known = torch.stack([examples.column(name) for name in model.predicts], dim=1)
    shares = (values_of(setting, seen) == known).double().mean(0)
    detail = dict(zip(model.predicts, shares.tolist(), strict=True))
    return Outcome(value=shares.mean().item(), detail=detail if len(detail) > 1 else None)


def _on_samples(**told: Any) -> Callable[[Setting], Mapping[str, Any]]:
    """The protocol of what compares samples with real pictures."""

    def protocol(setting: Setting) -> Mapping[str, Any]:
        assert setting.space is not None
        real = {"data": setting.pictures.name, **setting.real.protocol}
        given = {"given": ", ".join(setting.real.columns)} if setting.real.columns else {}
        return real | {"samples": len(setting.real), "seed": SEED, "features": setting.space.label, **given, **told}

    return protocol


def _none(examples: int) -> int:
    """What is computed of features has no examples of its own to go through the model: they are shared."""
    return 0


def _cloud(unit: str, tolerance: float, number: Callable[[Tensor, Tensor], float], **told: Any) -> Metric:
    """A number of (features of real pictures, features of samples)."""

    def compute(setting: Setting) -> Outcome:
        real, others = setting.real_features, setting.floor_features
        floor = None if others is None else number(real, others)
        return Outcome(value=number(real, setting.sample_features), floor=floor)

    return Metric(unit=unit, tolerance=tolerance, compute=compute, protocol=_on_samples(**told), passes=_none)


def _memorisation(setting: Setting) -> Outcome:
    """How near samples are to training pictures, over how near held-out pictures are: near 1 is healthy, far below 1
    is drawing training pictures again."""
    training = setting.training_features
    assert training is not None
    samples = distance_to_training(setting.sample_features[:NEIGHBOURS], training)
    held_out = distance_to_training(setting.real_features[:NEIGHBOURS], training)
    if held_out == 0:
        raise InvalidInput(f"half of the held-out pictures of {setting.pictures.name} are training pictures too")
    return Outcome(value=samples / held_out, detail={"samples": samples, "held_out": held_out})


def _smallest_class(setting: Setting, column: str, classes: int) -> Outcome:
    """The share of the class that is drawn most rarely; the detail has those of all, of samples and real pictures."""
    samples = class_shares(setting.seen(setting.sample_features)[column], classes)
    real = class_shares(setting.seen(setting.real_features)[column], classes)
    detail = {"samples": samples.tolist(), "real": real.tolist()}
    return Outcome(value=samples.min().item(), floor=real.min().item(), detail=detail)


def _classes_covered(setting: Setting, column: str, classes: int) -> Outcome:
    samples, real = (setting.seen(features)[column] for features in (setting.sample_features, setting.real_features))
    return Outcome(
        value=float(covered(class_shares(samples, classes))), floor=float(covered(class_shares(real, classes)))
    )


def _on_classes(column: str, classes: int) -> dict[str, Metric]:
    """Mode collapse, as a feature network sees it that predicts one column."""
    return {
        "smallest_class_share": Metric(
            unit="of 1",
            tolerance=0.002,  # 20 of 10,000 samples on the other side of a border between classes
            compute=partial(_smallest_class, column=column, classes=classes),
            protocol=_on_samples(),
            passes=_none,
        ),
        "classes_covered": Metric(
            unit=f"of {classes}",
            tolerance=0.0,
            compute=partial(_classes_covered, column=column, classes=classes),
            protocol=_on_samples(covered="a tenth of an even share"),
            passes=_none,
        ),
    }


def _told(setting: Setting, dataset: DatasetSpec) -> tuple[str, ...]:
    """The columns that the model is told, a data set has and the feature network predicts."""
    assert setting.space is not None
    known, seen = dataset.columns, setting.space.columns
    return tuple(
        name
        for name, column in setting.model.spec.given.items()
        if name in known and name in seen and seen[name].space == column.space
    )


def _told_accuracy(columns: tuple[str, ...]) -> Metric:
    """In how many samples that are told what real pictures show the feature network sees it, as in these pictures."""

    def compute(setting: Setting) -> Outcome:
        told = setting.real.given
        samples, real = (setting.seen(features) for features in (setting.sample_features, setting.real_features))
        shares = {name: (samples[name] == told[name]).double().mean().item() for name in columns}
        floor = sum((real[name] == told[name]).double().mean().item() for name in columns) / len(columns)
        value = sum(shares.values()) / len(columns)
        return Outcome(value=value, floor=floor, detail=shares if len(columns) > 1 else None)

    return Metric(unit="of 1", tolerance=0.002, compute=compute, protocol=_on_samples(), passes=_none)


# Samples are the same on every machine up to rounding, and so are distances: tolerances leave room for rounding alone,
# for a few samples of 10,000 that fall on the other side of a border.
ON_FEATURES: Mapping[str, Metric] = {
    "fid": replace(_cloud("squared distance", 0.01, fidelity.fid), quick=True),
    "kid": _cloud(
        "squared MMD",
        0.0005,
        partial(fidelity.kid, seed=SEED),
        subsets=fidelity.KID_SUBSETS,
        subset_size=f"at most {fidelity.KID_SUBSET_SIZE}",
    ),
    "precision": _cloud("of 1", 0.005, partial(fidelity.precision, k=3), k=3),
    "recall": _cloud("of 1", 0.005, partial(fidelity.recall, k=3), k=3),
    "density": _cloud("of 1 for real pictures", 0.01, partial(fidelity.density, k=5), k=5),
    "coverage": _cloud("of 1", 0.005, partial(fidelity.coverage, k=5), k=5),
}
"""What every generator has whose pictures there is a feature space for."""

NEED_FEATURES = frozenset({
    *ON_FEATURES, "memorisation", "smallest_class_share", "classes_covered", "told_accuracy", "edit_accuracy",
    "edit_preservation",
})  # fmt: skip

_MEMORISATION = Metric(
    unit="of 1 for held-out pictures",
    tolerance=0.01,
    compute=_memorisation,
    protocol=_on_samples(neighbours_of=NEIGHBOURS, distance="median to the nearest training picture"),
    passes=_none,
)

_GROUPS: tuple[tuple[tuple[str, ...], Callable[[Setting], dict[str, Metric]]], ...] = (
    (("posterior", "likelihood", "log_prior", "latent_dim"), _bounds),
    (("reconstruct",), _reconstruction),
    (("encode", "decode", "latent_dim"), metrics_of_codes),
    (("discriminate",), _balance),
    (("sample",), _on_a_line),
    (("sample",), _against_pictures),
    (("edit",), _edits),
    (("classify", "by_column"), _on_labels),
)
"""What a model must have, by name, for each group of metrics; in the order in which cards show them."""
