"""The checkpoints that a model stands on: found, verified, frozen, and shared by all that stand on them."""

from __future__ import annotations
