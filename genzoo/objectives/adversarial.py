"""The two players of a GAN.

With D = sigmoid(logit), log D and log(1 − D) are softplus of logits and never log(0). The least-squares, hinge and
Wasserstein critics use the logit itself as their score.

With ``augment`` D sees real and generated pictures through the same random, differentiable changes T, in both players'
losses (Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training"); G learns through T.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from genzoo.augmentation import changed
from genzoo.batch import Batch
from genzoo.models.gan import GAN

__all__ = [
    "discriminator",
    "hinge_discriminator",
    "least_squares_discriminator",
    "least_squares_generator",
    "minimax_generator",
    "non_saturating_generator",
    "r1_discriminator",
    "wasserstein_critic",
    "wasserstein_generator",
]


def discriminator(model: GAN, batch: Batch, *, augment: bool = False) -> dict[str, Float[Tensor, " n"]]:
    """−log D(x) − log(1 − D(G(z))): D ascends the value function (Goodfellow 2014, eq. 1).

    Also returned: D(x) and D(G(z)), which both go to ½ where the players balance.
    """
    real, fake = _scores(model, batch, augment)
    loss = F.softplus(-real) + F.softplus(fake)
    return {"loss": loss, "d_real": real.sigmoid(), "d_fake": fake.sigmoid()}


def minimax_generator(model: GAN, batch: Batch, *, augment: bool = False) -> dict[str, Float[Tensor, " n"]]:
    """log(1 − D(G(z))): G descends the same value function (Goodfellow 2014, eq. 1). It is flat where D is sure."""
    return {"loss": -F.softplus(_fake(model, batch, augment))}


def non_saturating_generator(model: GAN, batch: Batch, *, augment: bool = False) -> dict[str, Float[Tensor, " n"]]:
    """−log D(G(z)): the same fixed point with a gradient where D is sure (Goodfellow 2014, §3)."""
    return {"loss": F.softplus(-_fake(model, batch, augment))}


def r1_discriminator(
    model: GAN, batch: Batch, *, gamma: float, augment: bool = False
) -> dict[str, Float[Tensor, " n"]]:
    """The discriminator's loss + γ/2 ‖∇ logit(x)‖² on data (Mescheder et al. 2018, eq. 9)."""
    terms = discriminator(model, batch, augment=augment)
    r1 = _gradient_norm(model, _seen(batch.x, augment), batch).square()
    return {**terms, "loss": terms["loss"] + gamma / 2 * r1, "r1": r1}


def least_squares_discriminator(model: GAN, batch: Batch, *, augment: bool = False) -> dict[str, Float[Tensor, " n"]]:
    """½ (D(x) − 1)² + ½ D(G(z))² of the score D (Mao et al. 2017, eq. 2 with a = 0, b = c = 1)."""
    real, fake = _scores(model, batch, augment)
    return {"loss": 0.5 * ((real - 1).square() + fake.square()), "score_real": real, "score_fake": fake}


def least_squares_generator(model: GAN, batch: Batch, *, augment: bool = False) -> dict[str, Float[Tensor, " n"]]:
    """½ (D(G(z)) − 1)² (Mao et al. 2017, eq. 2)."""
    return {"loss": 0.5 * (_fake(model, batch, augment) - 1).square()}


def hinge_discriminator(model: GAN, batch: Batch, *, augment: bool = False) -> dict[str, Float[Tensor, " n"]]:
    """max(0, 1 − D(x)) + max(0, 1 + D(G(z))) (Lim & Ye 2017; Miyato et al. 2018, eq. 16)."""
    real, fake = _scores(model, batch, augment)
    return {"loss": F.relu(1 - real) + F.relu(1 + fake), "score_real": real, "score_fake": fake}


def wasserstein_critic(
    model: GAN, batch: Batch, *, penalty: float, augment: bool = False
) -> dict[str, Float[Tensor, " n"]]:
    """D(G(z)) − D(x) + λ (‖∇D(x̂)‖ − 1)² at x̂ = ε x + (1 − ε) G(z), one ε for each example (Gulrajani 2017, eq. 3).

    The penalty is per example, so the critic must not normalise over the batch.
    """
    x, pictures = _seen(batch.x, augment), _seen(_pictures(model, batch).detach(), augment)
    real, fake = model.logits(x, batch.given), model.logits(pictures, batch.given)
    epsilon = torch.rand(len(x), *[1] * (x.dim() - 1), device=x.device, dtype=x.dtype)
    gap = (_gradient_norm(model, epsilon * x + (1 - epsilon) * pictures, batch) - 1).square()
    return {"loss": fake - real + penalty * gap, "wasserstein": real - fake, "gradient_penalty": gap}


def wasserstein_generator(model: GAN, batch: Batch, *, augment: bool = False) -> dict[str, Float[Tensor, " n"]]:
    """−D(G(z)): the generator of the Wasserstein (Arjovsky et al. 2017) and of the hinge objective."""
    return {"loss": -_fake(model, batch, augment)}


def _scores(model: GAN, batch: Batch, augment: bool) -> tuple[Tensor, Tensor]:
    """The logits of data, and of pictures that G is not to learn from."""
    real = model.logits(_seen(batch.x, augment), batch.given)
    return real, model.logits(_seen(_pictures(model, batch).detach(), augment), batch.given)


def _fake(model: GAN, batch: Batch, augment: bool) -> Tensor:
    """The logits of pictures from fresh noise."""
    return model.logits(_seen(_pictures(model, batch), augment), batch.given)


def _seen(x: Tensor, augment: bool) -> Tensor:
    """Pictures as D sees them, through T if `augment`: D(T(x)) and D(T(G(z))) (Zhao et al. 2020, eq. 4 and 5)."""
    return changed(x) if augment else x


def _pictures(model: GAN, batch: Batch) -> Tensor:
    """As many pictures as the batch has, from fresh noise, told what its examples are given."""
    x = batch.x
    return model.generate(torch.randn(len(x), model.latent_dim, device=x.device, dtype=x.dtype), batch.given)


def _gradient_norm(model: GAN, x: Tensor, batch: Batch) -> Tensor:
    """‖∇ logit‖ of each example in the discriminator's own coordinates; differentiable in the parameters."""
    scaled = model.scaled(x.detach()).requires_grad_(True)
    (gradient,) = torch.autograd.grad(model.score(scaled, batch.given).sum(), scaled, create_graph=True)
    # The gradient of a norm at 0 is not a number; a tiny constant keeps it 0.
    return (gradient.flatten(1).square().sum(1) + 1e-12).sqrt()
