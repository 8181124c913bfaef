"""The two players of a GAN. D = sigmoid(logit), so log D and log(1 − D) are softplus of logits and never log(0)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from genzoo.models.gan import GAN

__all__ = ["discriminator", "minimax_generator", "non_saturating_generator"]


def discriminator(model: GAN, x: Float[Tensor, " n *data"]) -> dict[str, Float[Tensor, " n"]]:
    """−log D(x) − log(1 − D(G(z))): D ascends the value function (Goodfellow 2014, eq. 1).

    Also returned: D(x) and D(G(z)), which both go to ½ where the players balance.
    """
    real, fake = model.logits(x), model.logits(_pictures(model, x).detach())
    loss = F.softplus(-real) + F.softplus(fake)
    return {"loss": loss, "d_real": real.sigmoid(), "d_fake": fake.sigmoid()}


def minimax_generator(model: GAN, x: Float[Tensor, " n *data"]) -> dict[str, Float[Tensor, " n"]]:
    """log(1 − D(G(z))): G descends the same value function (Goodfellow 2014, eq. 1). It is flat where D is sure."""
    return {"loss": -F.softplus(model.logits(_pictures(model, x)))}


def non_saturating_generator(model: GAN, x: Float[Tensor, " n *data"]) -> dict[str, Float[Tensor, " n"]]:
    """−log D(G(z)): the same fixed point with a gradient where D is sure (Goodfellow 2014, §3)."""
    return {"loss": F.softplus(-model.logits(_pictures(model, x)))}


def _pictures(model: GAN, x: Tensor) -> Tensor:
    """As many pictures as x has, from fresh noise."""
    return model.generate(torch.randn(len(x), model.latent_dim, device=x.device, dtype=x.dtype))
