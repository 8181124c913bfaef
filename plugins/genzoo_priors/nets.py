"""Densities of codes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from math import log, pi
from types import MappingProxyType

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genzoo import Column, InvalidInput, Noise

__all__ = ["GaussianMixture"]

ROWS = 1024
"""Codes whose density is computed at once."""
NO_COLUMNS: Mapping[str, Column] = MappingProxyType({})
NOTHING: Mapping[str, Tensor] = MappingProxyType({})


class GaussianMixture(nn.Module):
    """p(z) = Σ_k w_k N(z; μ_k, L_k L_kᵀ), K components with full covariances.

    Of a prior that is told a class c, each class has an equal share of the components, rounded up: p(z | c) is their
    mixture, and what is not told c has all of them, which is Σ_c p(c) p(z | c).

    Attributes:
        log_weights: (K,), log w_k up to a constant; those of a class lie together.
        means: (K, latent_dim).
        scales: (K, latent_dim (latent_dim + 1) / 2), the lower triangles of L_k, row by row.
    """

    def __init__(self, latent_dim: int, *, components: int, given: Mapping[str, Column] = NO_COLUMNS) -> None:
        super().__init__()
        if len(given) > 1 or any(column.space.shape or column.space.values != "index" for column in given.values()):
            raise InvalidInput(f"a mixture is told one class alone, such as a label, and not {' and '.join(given)}")
        self.column = next(iter(given), "")
        self.names = given[self.column].names if given else ()
        self.classes = given[self.column].space.size if given else 1
        self.components = -(-components // self.classes)
        count, (rows, columns) = self.classes * self.components, torch.tril_indices(latent_dim, latent_dim)
        self.log_weights = nn.Parameter(torch.zeros(count))
        self.means = nn.Parameter(torch.randn(count, latent_dim))
        self.scales = nn.Parameter((rows == columns).to(self.means.dtype).repeat(count, 1))

    def triangles(self) -> Float[Tensor, "component latent latent"]:
        """L_k, in float32 at least."""
        count, size = self.means.shape
        rows, columns = torch.tril_indices(size, size, device=self.means.device)
        full = self._precise(self.means).new_zeros(count, size, size)
        full[:, rows, columns] = self._precise(self.scales)
        return full

    def log_prob(self, z: Float[Tensor, "n latent"], given: Mapping[str, Tensor] = NOTHING) -> Float[Tensor, " n"]:
        """log p(z), or log p(z | c) where c is told, in nats. Differentiable."""
        triangles, means = self.triangles(), self._precise(self.means)
        unit = torch.eye(z.shape[1], dtype=triangles.dtype, device=z.device)
        whiten = torch.linalg.solve_triangular(triangles, unit, upper=False)
        log_scale = triangles.diagonal(dim1=1, dim2=2).abs().log().sum(1)
        constant = log_scale + z.shape[1] / 2 * log(2 * pi)
        log_weights = self.weights_of(len(z), given)
        parts = []
        for some, weights in zip(torch.split(self._precise(z), ROWS), torch.split(log_weights, ROWS), strict=True):
            white = (some - means[:, None]) @ whiten.mT  # (component, n, latent)
            log_each = weights - (white.square().sum(2) / 2 + constant[:, None]).T
            parts.append(log_each.logsumexp(1))
        return torch.cat(parts)

    def weights_of(self, n: int, given: Mapping[str, Tensor]) -> Float[Tensor, "n component"]:
        """log w_k for each of n codes; −∞ where a component is of another class than is told."""
        log_weights = self._precise(self.log_weights).expand(n, -1)
        if self.column:
            told = given[self.column][:, None]
            of = torch.arange(self.classes, device=told.device).repeat_interleave(self.components)
            log_weights = log_weights.masked_fill((told != of) & (told < self.classes), -torch.inf)
        return log_weights.log_softmax(1)

    def draw(self, noise: Noise, given: Mapping[str, Tensor] = NOTHING) -> Float[Tensor, "n latent"]:
        """μ_k + L_k ε with k ~ w and ε ~ N(0, I), both of the noise."""
        component = self.choose(noise, given).to(self.means.device)
        epsilon = self._precise(noise.normal(self.means.shape[1]))
        z = self.means[component] + (self.triangles()[component] @ epsilon[..., None])[..., 0]
        return z.to(self.means.dtype)

    def choose(self, noise: Noise, given: Mapping[str, Tensor]) -> Int[Tensor, " n"]:
        """A component for each row of the noise: where the cumulative weights pass a uniform number. In float64 on the
        CPU, so that every device and precision choose the same."""
        below = self.weights_of(noise.n, given).cpu().double().softmax(1).cumsum(1)
        draws = replace(noise, like=None).uniform(1).double()
        return (draws >= below[:, :-1]).sum(1)

    @torch.no_grad()
    def estimate(
        self,
        z: Float[Tensor, "n latent"],
        given: Mapping[str, Tensor],
        *,
        seed: int,
        regularisation: float,
        iterations: int,
    ) -> dict[str, float]:
        """Fit it to codes by expectation maximisation (Dempster et al. 1977), from k-means; computed by scikit-learn in
        float64.

        Args:
            z: the codes.
            given: what is told of each.
            seed: of k-means.
            regularisation: what is added to the variances, over the mean variance of the codes.
            iterations: the most there are.

        Returns:
            ``iterations``, how many there were, of the class that took the most.

        Raises:
            InvalidInput: there are fewer codes than components, or of a class.
        """
        codes = z.detach().cpu().double()
        groups = [codes] if not self.column else [codes[given[self.column].cpu() == c] for c in range(self.classes)]
        self._check_counts([len(group) for group in groups])
        floor = regularisation * codes.var(0).mean().item() or regularisation
        fits = [_fitted(group, self.components, seed, floor, iterations) for group in groups]
        rows, columns = torch.tril_indices(z.shape[1], z.shape[1], device="cpu")
        triangles = torch.cat([torch.linalg.cholesky(torch.from_numpy(fit.covariances_)) for fit in fits])
        shares = [torch.from_numpy(fit.weights_) * len(group) for fit, group in zip(fits, groups, strict=True)]
        self.log_weights.copy_((torch.cat(shares) / len(codes)).log())
        self.means.copy_(torch.cat([torch.from_numpy(fit.means_) for fit in fits]))
        self.scales.copy_(triangles[:, rows, columns])
        return {"iterations": float(max(fit.n_iter_ for fit in fits))}

    def _check_counts(self, counts: list[int]) -> None:
        for index, count in enumerate(counts):
            if count < self.components:
                of = f" of {self.column} {self.names[index] if self.names else index}" if self.column else ""
                raise InvalidInput(
                    f"{count} codes{of} are too few for {self.components} components: take more data, or --set "
                    f"model.components={max(1, min(counts) // 10) * self.classes}"
                )

    def _precise(self, tensor: Tensor) -> Tensor:
        """In float32 at least: bfloat16 is too coarse for densities, and has no triangular solver."""
        return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _fitted(codes: Tensor, components: int, seed: int, floor: float, iterations: int):  # type: ignore[no-untyped-def]
    """scikit-learn's mixture, on one thread: how many there are would change its last bits."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture as Mixture
    from threadpoolctl import threadpool_limits

    mixture = Mixture(components, random_state=seed % (1 << 32), reg_covar=floor, max_iter=iterations)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # `iterations` is told
        return mixture.fit(codes.numpy())
