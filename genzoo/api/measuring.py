"""How long a measurement takes, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from genzoo.metrics import NEED_FEATURES, Metric, Setting
from genzoo.models import Model

__all__ = ["Measuring", "Report", "Watch", "expected_seconds"]

PROBE = 100
SEED = 0


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """How far a measurement is: at metric `index` of `count`, and at which `share` of the examples it goes through.

    `seconds` is about how long all metrics together take.
    """

    metric: str
    index: int
    count: int
    share: float
    seconds: float


Report = Callable[[Measuring], None]


class Watch:
    """Tells a report how far a measurement is; without one nothing is told, and no time is spent on an estimate."""

    def __init__(self, report: Report | None) -> None:
        self._report = report
        self._now: Measuring | None = None

    def over(self, metrics: Mapping[str, Metric], setting: Setting) -> Iterator[tuple[str, Metric]]:
        """The metrics by name, each of which is the one in hand until the next is asked for."""
        seconds = expected_seconds(metrics, setting) if self._report else 0.0
        for index, (name, metric) in enumerate(metrics.items(), 1):
            self._now = Measuring(metric=name, index=index, count=len(metrics), share=0.0, seconds=seconds)
            self.advance(0.0)
            yield name, metric
        self._now = None

    def advance(self, share: float) -> None:
        """Tell that this share of the examples in hand is done with."""
        if self._report and self._now:
            self._report(replace(self._now, share=share))


def expected_seconds(metrics: Mapping[str, Metric], setting: Setting) -> float:
    """About how long metrics take to compute, from the time of a first batch; 0 for a model of which it is not known.

    What goes on besides networks, the distances between features, say, is left out.
    """
    batch = next(iter(setting.examples.some(PROBE).batches(setting.model.device)))
    x = batch.x
    examples = len(setting.examples)
    each = _seconds(_pass_of(setting.model, batch.given), x)
    passes = sum(metric.passes(examples) for metric in metrics.values())
    if setting.space is None or NEED_FEATURES.isdisjoint(metrics):
        return passes * each
    real = setting.real
    training = len(setting.training or ()) if "memorisation" in metrics else 0
    extracted = 3 * len(real) + training  # of samples, of pictures, and of others for the floor
    extract = setting.space.extract
    return (passes + len(real)) * each + extracted * _seconds(extract, x.to(setting.space.device))


def _pass_of(model: Model, given: Mapping[str, Tensor]) -> Callable[[Tensor], object] | None:
    """What takes as long as a pass of examples through a model, which is told the same of them each time."""
    if model.has("encode", "decode"):
        return lambda x: model.decode(model.encode(x, **given), **given)
    if model.has("sample"):
        return lambda x: model.sample(len(x), seed=SEED, **given)
    return (lambda x: model.classify(x, **given)) if model.has("classify") else None


def _seconds(work: Callable[[Tensor], object] | None, x: Tensor) -> float:
    """For each example, once everything is warm."""
    if work is None:
        return 0.0
    with torch.no_grad():
        work(x)
        start = time.perf_counter()
        work(x)
        if x.is_cuda:
            torch.cuda.synchronize(x.device)
    return (time.perf_counter() - start) / len(x)
