"""What feature networks learn."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from genzoo.models.features import FeatureNetwork

__all__ = ["cross_entropy"]


def cross_entropy(
    model: FeatureNetwork, x: Float[Tensor, " n *data"], *, labels: Int[Tensor, " n"]
) -> dict[str, Float[Tensor, " n"]]:
    """−log p(label | x) in nats; the term ``error`` is 1 where the likeliest class is not the label, else 0."""
    logits = model.logits(x)
    loss = F.cross_entropy(logits, labels, reduction="none")
    return {"loss": loss, "error": (logits.argmax(1) != labels).to(loss)}
