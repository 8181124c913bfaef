"""Verbs of a model as graphs that run without genzoo."""

from __future__ import annotations

from genzoo.exporting.formats import FORMATS, Exported
from genzoo.exporting.trace import Port, Trace, exportable, trace

__all__ = ["FORMATS", "Exported", "Port", "Trace", "exportable", "trace"]
