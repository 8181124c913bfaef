"""The metrics that plugins bring, as records."""

from __future__ import annotations

from collections.abc import Container

from genzoo.errors import GenzooError, PluginError
from genzoo.metrics.metric import Metric, on_examples
from genzoo.metrics.setting import Outcome, Setting
from genzoo.registry import load_target, registry
from genzoo.spec import MetricSpec

__all__ = ["metrics_of_plugins"]


def metrics_of_plugins(setting: Setting, known: Container[str]) -> dict[str, Metric]:
    """Those whose needs the model meets; one whose name is `known`, or two plugins', has its distribution in front."""
    found = {}
    for shown, plugin, record in registry().entries(MetricSpec):
        if setting.model.has(*record.needs):
            name = record.name.replace("-", "_")
            clashes = shown != record.name or name in known
            found[f"{plugin.distribution}:{name}" if clashes else name] = _metric(record)
    return found


def _metric(record: MetricSpec) -> Metric:
    def compute(setting: Setting) -> Outcome:
        target = load_target(record.target, f"metric {record.name}")
        try:
            return Outcome(value=float(target(setting)))
        except GenzooError:
            raise
        except Exception as error:  # third-party code
            raise PluginError(f"metric {record.name} failed: {type(error).__name__}: {error}") from error

    return Metric(
        unit=record.unit,
        tolerance=record.tolerance,
        compute=compute,
        protocol=on_examples(**record.protocol),
        quick=True,
    )
