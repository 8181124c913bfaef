"""Named data sets: torchvision's, and a folder of images."""

from __future__ import annotations

from genzoo.datasets.split import Split, default_root

__all__ = ["Split", "default_root"]
