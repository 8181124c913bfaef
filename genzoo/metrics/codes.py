"""The metrics of a model that encodes: which latents it uses, and what its codes say about the classes, or about the
factors, of the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from genzoo.latent.table import ACTIVE, COLLAPSED, active, statistics
from genzoo.metrics import disentanglement, representation
from genzoo.metrics.disentanglement import draw
from genzoo.metrics.metric import Metric, on_examples
from genzoo.metrics.setting import BATCH, SEED, Examples, Outcome, Setting
from genzoo.models import Model
from genzoo.randomness import stream

__all__ = ["metrics_of_codes"]

PROBE = 10_000  # training codes: enough for both classifiers


def _statistics(setting: Setting) -> dict[str, Tensor]:
    return statistics(setting.model, setting.examples.batches(setting.model.device))


def _active_latents(setting: Setting) -> Outcome:
    """How many latents are used; the others have collapsed."""
    found = _statistics(setting)
    used = active(found)
    assert used is not None
    return Outcome(value=float(used.sum()), detail={key: values.tolist() for key, values in found.items()})


def _rule(model: Model) -> str:
    """When a latent is active."""
    return f"mean KL > {ACTIVE} nats" if model.has("kl_per_latent") else f"variance > {COLLAPSED} of the largest"


def metrics_of_codes(setting: Setting) -> dict[str, Metric]:
    """Those that have a meaning: more of them where the data has labels, and where its factors are known."""
    model, dataset = setting.model, setting.dataset
    used = Metric(
        unit=f"of {model.latent_dim}", tolerance=0.0, compute=_active_latents, protocol=on_examples(active=_rule(model))
    )
    metrics = {"active_latents": used}
    if dataset.classes and {"train", "test"} <= set(dataset.splits):
        metrics |= _PROBES
    if dataset.factors:
        metrics |= _ON_FACTORS
        metrics["factor_vae_score"] = _factor_vae_score(model)
    return metrics


def _probe(tolerance: float, accuracy: Callable[..., float], **told: Any) -> Metric:
    """The accuracy of a classifier of codes: fitted to those of training examples, judged on those of the others."""

    def compute(setting: Setting) -> Outcome:
        training = setting.all_of(setting.dataset, "train").some(PROBE)
        seen, judged = _codes(setting, training), _codes(setting, setting.examples)
        return Outcome(value=accuracy(seen, training.labels, judged, setting.examples.labels))

    return Metric(
        unit="of 1",
        tolerance=tolerance,
        compute=compute,
        protocol=on_examples(training_codes=PROBE, **told),
        passes=lambda examples: examples + PROBE,
    )


def _codes(setting: Setting, examples: Examples) -> Tensor:
    return examples.map(setting.model.device, lambda batch, start: setting.model.encode(batch.x, **batch.given))


_PROBES: Mapping[str, Metric] = {
    "knn_accuracy": _probe(0.002, representation.knn_accuracy, neighbours=representation.NEIGHBOURS),
    "linear_probe_accuracy": _probe(0.005, representation.linear_probe_accuracy, classifier="logistic regression, C 1"),
}


def _on_factors(tolerance: float, score: Callable[..., Outcome], codes: int, **told: Any) -> Metric:
    """A score of (encode, factors, setting); `encode` gives the codes of the pictures at any number of indices, and
    `codes` is how many are asked of it."""

    def compute(setting: Setting) -> Outcome:
        data, device = setting.examples.data, setting.model.device

        def encode(indices: Tensor) -> Tensor:
            columns = setting.examples.columns
            batches = data.batches(indices, BATCH, device, generator=stream("binarise", SEED), columns=columns)
            return torch.cat([setting.model.encode(batch.x, **batch.given).cpu() for batch in batches])

        return score(encode, data.factors, setting)

    return Metric(
        unit="of 1",
        tolerance=tolerance,
        compute=compute,
        protocol=lambda setting: {"split": setting.examples.split, "seed": SEED, **told},
        passes=lambda examples: codes,
    )


def _mig(encode: disentanglement.Encode, factors: Any, setting: Setting) -> Outcome:
    codes, values = draw(encode, factors, disentanglement.POINTS, stream("mig", SEED))
    return Outcome(value=disentanglement.mutual_information_gap(codes, values))


def _factor_vae(encode: disentanglement.Encode, factors: Any, setting: Setting) -> Outcome:
    used = active(_statistics(setting)) if setting.model.has("kl_per_latent") else None
    score = disentanglement.factor_vae_score(encode, factors, stream("factor-vae", SEED), active=used)
    return Outcome(value=score)


def _factor_vae_score(model: Model) -> Metric:
    """Collapsed to the prior is what a VAE does; the codes of an autoencoder have none, and any scale."""
    return _on_factors(
        0.01,
        _factor_vae,
        disentanglement.POINTS
        + disentanglement.VOTE_BATCH * (disentanglement.TRAINING_VOTES + disentanglement.EVALUATION_VOTES),
        training_votes=disentanglement.TRAINING_VOTES,
        evaluation_votes=disentanglement.EVALUATION_VOTES,
        batch=disentanglement.VOTE_BATCH,
        variance_points=disentanglement.POINTS,
        active=_rule(model),
    )


def _dci(encode: disentanglement.Encode, factors: Any, setting: Setting) -> Outcome:
    generator = stream("dci", SEED)
    training = draw(encode, factors, disentanglement.POINTS, generator)
    judged = draw(encode, factors, disentanglement.TEST_POINTS, generator)
    found = disentanglement.dci(*training, *judged, seed=SEED)
    detail = {"completeness": found.completeness, "informativeness": found.informativeness}
    return Outcome(value=found.disentanglement, detail=detail)


_ON_FACTORS: Mapping[str, Metric] = {
    "mig": _on_factors(0.005, _mig, disentanglement.POINTS, points=disentanglement.POINTS, bins=disentanglement.BINS),
    "dci_disentanglement": _on_factors(
        0.02,  # versions of scikit-learn grow other trees
        _dci,
        disentanglement.POINTS + disentanglement.TEST_POINTS,
        importance="random forest",
        trees=disentanglement.TREES,
        leaf=disentanglement.LEAF,
        training_points=disentanglement.POINTS,
        test_points=disentanglement.TEST_POINTS,
    ),
}
