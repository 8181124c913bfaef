"""Families: how role networks make one model, and the verbs that model has."""

from __future__ import annotations

from genzoo.models.autoencoder import Autoencoder
from genzoo.models.base import Model, NetworkBuilder, Parts, Verb, full_precision, verb
from genzoo.models.conditioning import ColumnEmbedding, FiLM, run
from genzoo.models.features import FeatureNetwork
from genzoo.models.gan import GAN
from genzoo.models.prior import CodePrior
from genzoo.models.sampling import sample_in_blocks
from genzoo.models.vae import VAE

__all__ = [
    "GAN",
    "VAE",
    "Autoencoder",
    "CodePrior",
    "ColumnEmbedding",
    "FeatureNetwork",
    "FiLM",
    "Model",
    "NetworkBuilder",
    "Parts",
    "Verb",
    "full_precision",
    "run",
    "sample_in_blocks",
    "verb",
]
