"""Named data sets: torchvision's, and a folder of images."""

from __future__ import annotations

from genzoo.datasets.factors import Factors
from genzoo.datasets.split import Split, default_root

__all__ = ["Factors", "Split", "default_root"]
