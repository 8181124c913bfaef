"""What a flow learns."""

from torch import Tensor

from genzoo import Batch
from genzoo_coupling.family import Flow


def negative_log_likelihood(model: Flow, batch: Batch) -> dict[str, Tensor]:
    """−log p(x) in nats, exact."""
    return {"loss": -model.log_prob(batch.x)}
