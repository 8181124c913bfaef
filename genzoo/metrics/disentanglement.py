"""Whether each latent holds one generating factor: MIG, the FactorVAE score, and DCI.

Codes are what `encode` gives: the mean of the posterior. Factors are integers from 0. The protocols follow Locatello et
al. 2019 ("Challenging common assumptions in the unsupervised learning of disentangled representations", appendix C)
unless a docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genzoo.datasets import Factors
from genzoo.errors import InvalidInput
from genzoo.latent.table import COLLAPSED

__all__ = [
    "BINS",
    "DCI",
    "EVALUATION_VOTES",
    "LEAF",
    "POINTS",
    "TEST_POINTS",
    "TRAINING_VOTES",
    "TREES",
    "VOTE_BATCH",
    "completeness",
    "dci",
    "disentanglement",
    "draw",
    "factor_vae_score",
    "mutual_information_gap",
]

POINTS = 10_000  # for MIG, for the variances of the FactorVAE score, and for the training of DCI
TEST_POINTS = 5_000  # for the informativeness of DCI
BINS = 20
TRAINING_VOTES = 800
EVALUATION_VOTES = 2_500
VOTE_BATCH = 64
TREES = 10
LEAF = 30

Encode = Callable[[Int[Tensor, " n"]], Float[Tensor, "n latent"]]
"""Codes, on the CPU, of the pictures at any number of indices."""


def draw(
    encode: Encode, factors: Factors, n: int, generator: torch.Generator
) -> tuple[Float[Tensor, "n latent"], Int[Tensor, "n f"]]:
    """Codes and factors of n pictures drawn uniformly, with replacement."""
    indices = torch.randint(len(factors), (n,), generator=generator, device="cpu")
    return encode(indices), factors.of(indices)


def mutual_information_gap(codes: Float[Tensor, "n latent"], factors: Int[Tensor, "n f"], bins: int = BINS) -> float:
    """MIG = 1/f Σ_k (I(z_j(k); v_k) − max_{j ≠ j(k)} I(z_j; v_k)) / H(v_k), j(k) = argmax_j I(z_j; v_k); in [0, 1].

    Chen et al. 2018 (β-TCVAE), eq. 6. I and H are those of the empirical joint distribution, each latent put into
    `bins` bins of equal width between its smallest and its largest value. A single latent is compared with one that
    holds nothing. With few points for the number of cells, I is biased upwards.

    Raises:
        InvalidInput: a factor that has one value among the n has no entropy to divide by.
    """
    entropy = _entropies(factors)
    if not entropy.all():
        raise InvalidInput("MIG needs factors that vary; one of those given has the same value everywhere")
    binned = _bins(codes, bins)
    size = int(factors.max()) + 1
    joint = _entropies((binned[:, :, None] * size + factors[:, None, :]).flatten(1)).view(codes.shape[1], -1)
    information = _entropies(binned)[:, None] + entropy - joint
    nothing = torch.zeros_like(information[:1])
    first, second = torch.cat([information, nothing]).topk(2, dim=0).values
    return float(((first - second) / entropy).mean())


def _bins(codes: Float[Tensor, "n latent"], bins: int) -> Int[Tensor, "n latent"]:
    codes = codes.double()
    low, high = codes.aminmax(dim=0)
    width = torch.where(high > low, (high - low) / bins, 1.0)  # a constant latent: all in the first bin
    return ((codes - low) / width).long().clamp(max=bins - 1)


def _entropies(values: Int[Tensor, "n columns"]) -> Float[Tensor, " columns"]:
    """The entropy of each column's empirical distribution, in nats."""
    size, columns = int(values.max()) + 1, values.shape[1]
    cells = (values + size * torch.arange(columns, device=values.device)).flatten()
    counts = torch.bincount(cells, minlength=size * columns).view(columns, size)
    share = counts.double() / len(values)
    return -torch.xlogy(share, share).sum(1)


def factor_vae_score(
    encode: Encode,
    factors: Factors,
    generator: torch.Generator,
    *,
    active: Bool[Tensor, " latent"] | None = None,
    training_votes: int = TRAINING_VOTES,
    evaluation_votes: int = EVALUATION_VOTES,
    batch: int = VOTE_BATCH,
) -> float:
    """How often the latent that varies least tells which factor was held fixed, in [0, 1] (Kim & Mnih 2018, §4).

    A vote: of `batch` pictures that share the value of one factor and are random otherwise, which latent has the least
    variance, after division by its variance over `POINTS` random pictures? The classifier gives each latent the factor
    that most of its training votes had fixed; the score is its accuracy on other votes. Latents that are not
    `active`, or constant, have no vote; if none has one, the score is 0. Without `active` those are that have more than
    `COLLAPSED` of the largest variance: where codes have any scale, none is small in itself.

    Locatello et al. take 10,000 and 5,000 votes of 64 pictures. Here 2,500 evaluation votes give a standard error of
    at most 0.01, and 800 training votes are more than a hundred for each of the factors of sprites: 221,200 pictures to
    encode in place of 970,000.
    """
    variance = draw(encode, factors, POINTS, generator)[0].double().var(0)
    active = variance > COLLAPSED * variance.max() if active is None else active & (variance > 0)
    if not active.any():
        return 0.0

    def votes(count: int) -> tuple[Int[Tensor, " count"], Int[Tensor, " count"]]:
        fixed, indices = _fix_one(factors, count, batch, generator)
        codes = encode(indices.flatten())[:, active].double().view(count, batch, -1)
        return fixed, (codes.var(1) / variance[active]).argmin(1)

    fixed, latent = votes(training_votes)
    table = torch.zeros(int(active.sum()), len(factors.sizes), dtype=torch.float32, device="cpu")
    majority = table.index_put((latent, fixed), table.new_ones(()), accumulate=True).argmax(1)
    fixed, latent = votes(evaluation_votes)
    return float((majority[latent] == fixed).double().mean())


def _fix_one(
    factors: Factors, count: int, batch: int, generator: torch.Generator
) -> tuple[Int[Tensor, " count"], Int[Tensor, "count batch"]]:
    """`count` times one factor, and the indices of `batch` random pictures with one random value of it."""
    fixed = torch.randint(len(factors.sizes), (count,), generator=generator, device="cpu")
    indices = torch.randint(len(factors), (count * batch,), generator=generator, device="cpu")
    values = factors.of(indices).view(count, batch, -1)
    held = (torch.arange(len(factors.sizes), device="cpu") == fixed[:, None])[:, None]
    values = torch.where(held, values[:, :1], values)
    return fixed, factors.indices(values.flatten(0, 1)).view(count, batch)


class DCI(NamedTuple):
    """Each in [0, 1], 1 the best."""

    disentanglement: float
    completeness: float
    informativeness: float


def dci(
    train_codes: Float[Tensor, "n latent"],
    train_factors: Int[Tensor, "n f"],
    test_codes: Float[Tensor, "m latent"],
    test_factors: Int[Tensor, "m f"],
    *,
    seed: int = 0,
) -> DCI:
    """Disentanglement, completeness and informativeness (Eastwood & Williams 2018, §2).

    The importance of a latent for a factor is that in a random forest that tells the factor from the codes;
    informativeness is the forests' accuracy on the test codes, the mean over factors.

    Eastwood & Williams take a lasso or random forests. Locatello et al. take gradient boosted trees, which fit a tree
    for each value of a factor and step: minutes for the 40 and 32 values of sprites, where a forest of `TREES` takes
    seconds. Every latent competes at every split, or the importance of one that holds a factor would leak to those
    drawn in its absence. Leaves have at least `LEAF` points, or deep splits between neighbouring values would spread it
    by chance.
    """
    from sklearn.ensemble import RandomForestClassifier

    columns, accuracies = [], []
    for train_values, test_values in zip(train_factors.T, test_factors.T, strict=True):
        forest = RandomForestClassifier(TREES, max_features=None, min_samples_leaf=LEAF, random_state=seed)
        forest.fit(train_codes.numpy(), train_values.numpy())
        columns.append(torch.from_numpy(forest.feature_importances_))
        accuracies.append(float(forest.score(test_codes.numpy(), test_values.numpy())))
    importance = torch.stack(columns, dim=1)
    return DCI(disentanglement(importance), completeness(importance), sum(accuracies) / len(accuracies))


def disentanglement(importance: Float[Tensor, "latent f"]) -> float:
    """D = Σ_i ρ_i (1 − H_f(P_i)), P_ij = R_ij / Σ_k R_ik, ρ_i = Σ_j R_ij / Σ_kj R_kj, entropy to the base f.

    1: each latent is important for one factor alone; 0: for all alike, or none is important at all.
    """
    total = importance.sum(1, keepdim=True)
    shares = importance / total.where(total > 0, 1.0)
    entropy = -torch.xlogy(shares, shares).sum(1) / log(max(importance.shape[1], 2))  # of one factor alone: 0
    weights = total[:, 0] / total.sum().clamp(min=torch.finfo(total.dtype).tiny)
    return float((weights * (1 - entropy)).sum())


def completeness(importance: Float[Tensor, "latent f"]) -> float:
    """As `disentanglement` with latents and factors exchanged; 1: one latent alone is important for each factor.

    The mean over factors, except those that no latent tells anything about.
    """
    return disentanglement(importance.T)
