"""Named data sets: torchvision's, a folder of images, sprites drawn from factors, toys of known density."""

from __future__ import annotations

from genzoo.datasets.split import Split, default_root

__all__ = ["Split", "default_root"]
