"""Verbs of a model as graphs that run without genzoo."""

from __future__ import annotations

from genzoo.exporting.formats import Exported, exporter
from genzoo.exporting.trace import Port, Trace, exportable, trace

__all__ = ["Exported", "Port", "Trace", "exportable", "exporter", "trace"]
