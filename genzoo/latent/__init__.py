"""Looking at a latent space: one latent moved alone, ways between codes, a map of two latents, what each is used for.

Functions over the protocols: what is looked at decodes, and encodes where x stands in the place of z. A model has them
as methods. Values of latents are in standard deviations: of the prior N(0, I) where there is one, else of the codes
that the record of an autoencoder tells of (`scale_of`).
"""

from __future__ import annotations

from genzoo.latent.components import components
from genzoo.latent.paths import Mode, along, between, plane
from genzoo.latent.table import Latent, Latents, active, latents, scale_of, statistics
from genzoo.latent.views import attribute_vector, codes_of, in_blocks, interpolate, manifold, traverse

__all__ = [
    "Latent",
    "Latents",
    "Mode",
    "active",
    "along",
    "attribute_vector",
    "between",
    "codes_of",
    "components",
    "in_blocks",
    "interpolate",
    "latents",
    "manifold",
    "plane",
    "scale_of",
    "statistics",
    "traverse",
]
