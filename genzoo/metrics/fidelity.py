"""How near samples are to real pictures: distances of two clouds of points in a feature space.

All take features of real pictures and of samples, (n, d) and (m, d) in float64 on the CPU, and depend on nothing else.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genzoo.errors import GenzooWarning, InvalidInput
from genzoo.randomness import DrawFrom

__all__ = ["KID_SUBSETS", "KID_SUBSET_SIZE", "coverage", "density", "fid", "kid", "nearest", "precision", "recall"]

KID_SUBSETS = 100
KID_SUBSET_SIZE = 1000
CHUNK = 250  # rows of a distance matrix that are held at once


class _Given(nn.Identity):
    """A feature network to torchmetrics whose features are computed already."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.num_features = dim


def fid(real: Float[Tensor, "n d"], samples: Float[Tensor, "m d"]) -> float:
    """Fréchet distance ‖μ − μ'‖² + Tr(Σ + Σ' − 2 (Σ Σ')^½) of the Gaussians fitted to both (Heusel et al. 2017, eq. 6).

    Computed by torchmetrics. Biased upwards by an amount that falls with the number of samples: compare only what has
    equal numbers. Warns if there are no more samples than features: the covariance then has no full rank.

    Raises:
        InvalidInput: fewer than two of either.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    count, dim = min(len(real), len(samples)), real.shape[1]
    _need(count, 2, "fid")
    if count <= dim:
        warnings.warn(
            f"FID of {count} samples in {dim} features means little: {dim + 1} or more are needed",
            GenzooWarning,
            stacklevel=2,
        )
    metric = FrechetInceptionDistance(feature=_Given(dim), normalize=True)
    metric.update(real, real=True)
    metric.update(samples, real=False)
    return float(metric.compute())


def kid(real: Float[Tensor, "n d"], samples: Float[Tensor, "m d"], *, seed: int) -> float:
    """Squared maximum mean discrepancy with the kernel (x·y / d + 1)³ (Bińkowski et al. 2018, §4), unbiased.

    The mean over 100 subsets of at most 1,000, drawn by `seed`. Computed by torchmetrics.

    Raises:
        InvalidInput: fewer than two of either.
    """
    from torchmetrics.image.kid import KernelInceptionDistance

    size = min(KID_SUBSET_SIZE, len(real), len(samples))
    _need(size, 2, "kid")
    draws = DrawFrom(torch.Generator("cpu").manual_seed(seed))
    with warnings.catch_warnings(), draws:  # torchmetrics takes the subsets from the global generator
        warnings.filterwarnings("ignore", "Metric `Kernel Inception Distance` will save", UserWarning)
        metric = KernelInceptionDistance(feature=_Given(real.shape[1]), subsets=KID_SUBSETS, subset_size=size)
        metric.update(real, real=True)
        metric.update(samples, real=False)
        mean, _ = metric.compute()
    return float(mean)


def precision(real: Float[Tensor, "n d"], samples: Float[Tensor, "m d"], *, k: int) -> float:
    """The share of samples within the real manifold: nearer to some real picture than its k-th nearest real neighbour
    (Kynkäänniemi et al. 2019, eq. 1–2)."""
    return _share(_balls_around(samples, real, k) > 0)


def recall(real: Float[Tensor, "n d"], samples: Float[Tensor, "m d"], *, k: int) -> float:
    """The share of real pictures within the manifold of the samples: `precision` with the two exchanged."""
    return precision(samples, real, k=k)


def density(real: Float[Tensor, "n d"], samples: Float[Tensor, "m d"], *, k: int) -> float:
    """How many real manifold balls hold a sample, over k (Naeem et al. 2020, eq. 4). Near 1 for real pictures; above
    it where samples crowd among real ones."""
    return _balls_around(samples, real, k).double().mean().item() / k


def coverage(real: Float[Tensor, "n d"], samples: Float[Tensor, "m d"], *, k: int) -> float:
    """The share of real pictures with a sample nearer than their k-th nearest real neighbour (Naeem et al. 2020,
    eq. 5)."""
    return _share(nearest(real, samples) <= _radii(real, k))


def nearest(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, " n"]:
    """The distance of each x to the nearest y."""
    return torch.cat([rows.amin(1) for rows in _distances(x, y)])


def _balls_around(x: Tensor, centres: Tensor, k: int) -> Int[Tensor, " n"]:
    """For each x, how many of the balls it is in that reach from a centre to its k-th nearest other centre."""
    radii = _radii(centres, k)
    return torch.cat([(rows <= radii).sum(1) for rows in _distances(x, centres)])


def _radii(x: Tensor, k: int) -> Float[Tensor, " n"]:
    """The distance of each x to its k-th nearest other one."""
    _need(len(x), k + 1, f"a distance to the neighbour number {k}")
    return torch.cat([_nth(rows, k + 1) for rows in _distances(x, x)])  # the nearest is itself


def _nth(rows: Tensor, n: int) -> Float[Tensor, " rows"]:
    """The n-th smallest of each row; for a small n ten times as fast as torch.kthvalue."""
    return rows.topk(n, dim=1, largest=False).values[:, -1]


def _distances(x: Tensor, y: Tensor) -> Iterator[Float[Tensor, "rows m"]]:
    """Some rows of the matrix of distances at a time, in float32."""
    y = y.float()
    for rows in torch.split(x.float(), CHUNK):
        yield torch.cdist(rows, y)


def _share(mask: Tensor) -> float:
    return mask.double().mean().item()


def _need(count: int, least: int, what: str) -> None:
    if count < least:
        raise InvalidInput(f"{what} needs at least {least} real pictures and as many samples; there are {count}")
