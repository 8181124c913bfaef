"""Named data sets: torchvision's, a folder of images, sprites drawn from factors, toys of known density."""

from __future__ import annotations

from genzoo.datasets.factors import Factors
from genzoo.datasets.split import Split, default_root
from genzoo.datasets.survey import Survey

__all__ = ["Factors", "Split", "Survey", "default_root"]
