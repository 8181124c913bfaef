"""Densities of the codes of a trained model, by which it is sampled."""

from __future__ import annotations

from collections.abc import Iterable

from genzoo import Architecture, Field, Record, hookimpl, shipped

GENZOO_API = 2

GMM = Architecture(
    name="gmm",
    summary="mixture of Gaussians with full covariances; of a class that is told, a mixture for each",
    roles={"prior": "genzoo_priors.nets:GaussianMixture"},
    given=("prior",),
    config={
        "components": Field(
            kind="int",
            doc="Gaussians in all; each class has an equal share if it is told",
            default=50,
            minimum=1,
            maximum=4096,
        ),
    },
    paper="From variational to deterministic autoencoders (Ghosh et al., 2020), §4, arXiv:1903.12436",
)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (GMM, *shipped(__file__))
