"""A number that every model with a log_prob has on its card."""

from genzoo import Setting


def nats(setting: Setting) -> float:
    """The mean of −log p(x) over the examples that models are measured on."""
    values = setting.examples.map(setting.model.device, lambda batch, start: -setting.model.log_prob(batch.x))
    return values.mean().item()
