"""Training: a recipe, one loop that plays every objective, and a run folder from which it goes on after a kill."""

from __future__ import annotations

from genzoo.training.loop import Interrupted, Losses, Progress, fit
from genzoo.training.recipe import Recipe
from genzoo.training.run import Run

__all__ = ["Interrupted", "Losses", "Progress", "Recipe", "Run", "fit"]
