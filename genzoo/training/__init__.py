"""Training: a recipe, one loop that plays every objective, on one process or many, and a run folder from which it goes
on after a kill."""

from __future__ import annotations

from genzoo.training.clock import Progress
from genzoo.training.loop import fit
from genzoo.training.once import fit_once
from genzoo.training.recipe import Recipe
from genzoo.training.run import Run
from genzoo.training.signals import Interrupted
from genzoo.training.state import Losses

__all__ = ["Interrupted", "Losses", "Progress", "Recipe", "Run", "fit", "fit_once"]
