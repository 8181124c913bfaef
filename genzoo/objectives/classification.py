"""What feature networks learn."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from genzoo.batch import Batch
from genzoo.models.features import FeatureNetwork

__all__ = ["cross_entropy"]


def cross_entropy(model: FeatureNetwork, batch: Batch) -> dict[str, Float[Tensor, " n"]]:
    """−log p(value | x) in nats, the sum over the columns that the model predicts.

    The term ``error`` is the share of the columns of which the likeliest value is not the right one.
    """
    losses, errors = [], []
    for name, logits in model.by_column(model.logits(batch.x)).items():
        losses.append(F.cross_entropy(logits, batch.known[name], reduction="none"))
        errors.append(logits.argmax(1) != batch.known[name])
    loss = torch.stack(losses).sum(0)
    return {"loss": loss, "error": torch.stack(errors).to(loss).mean(0)}
