"""genzoo: a zoo of deep generative models. ``genzoo.load("vae-conv-mnist").sample(16)`` gives pictures.

The public names are those of ``__init__.pyi``. Each is imported when it is first used, so that ``import genzoo`` does
not import torch.
"""

from __future__ import annotations

from lazy_loader import attach_stub

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
