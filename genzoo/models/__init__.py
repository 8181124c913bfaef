"""Families: how role networks make one model, and the verbs that model has."""

from __future__ import annotations

from genzoo.models.base import Model, NetworkBuilder, full_precision, sample_in_blocks, verb

__all__ = ["Model", "NetworkBuilder", "full_precision", "sample_in_blocks", "verb"]
