"""What a flow learns."""

from torch import Tensor

from genzoo_flow.family import Flow


def negative_log_likelihood(model: Flow, x: Tensor) -> dict[str, Tensor]:
    """−log p(x) in nats, exact."""
    return {"loss": -model.log_prob(x)}
