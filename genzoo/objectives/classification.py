"""What feature networks learn."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from genzoo.batch import Batch
from genzoo.models.features import FeatureNetwork

__all__ = ["cross_entropy"]


def cross_entropy(model: FeatureNetwork, batch: Batch) -> dict[str, Float[Tensor, " n"]]:
    """−log p(label | x) in nats; the term ``error`` is 1 where the likeliest class is not the label, else 0."""
    logits, labels = model.logits(batch.x), batch.known["label"]
    loss = F.cross_entropy(logits, labels, reduction="none")
    return {"loss": loss, "error": (logits.argmax(1) != labels).to(loss)}
