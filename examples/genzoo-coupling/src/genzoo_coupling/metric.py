"""What a flow is measured by."""

from genzoo import Setting


def negative_log_likelihood(setting: Setting) -> float:
    """Mean of −log p(x) over the examples, in nats."""
    model = setting.model
    return setting.examples.map(model.device, lambda batch, start: -model.log_prob(batch.x)).mean().item()
