"""The metrics of codes, wired: an encoder whose codes are known gets the score that is known."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import genzoo
from genzoo.datasets import Factors, Split
from genzoo.metrics import Setting, measure, metrics_of
from genzoo.models.autoencoder import Autoencoder
from genzoo.randomness import stream
from genzoo.spec import DatasetSpec

SHAPE = (1, 2, 2)


class Reads(nn.Module):
    """The first numbers of a picture are its code."""

    def __init__(self, latents: int) -> None:
        super().__init__()
        self.latents = latents
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        code: Tensor = x.flatten(1)[:, : self.latents] * self.scale
        return code


def reader(latents: int) -> Autoencoder:
    model = genzoo.create("ae-dense", input_shape=SHAPE, latent_dim=latents, seed=0).eval()
    assert isinstance(model, Autoencoder)
    model.encoder = Reads(latents)
    return model


def setting(model: Autoencoder, data: Split, **told: Any) -> Setting:
    record = DatasetSpec(name="known", target="nowhere:known", summary="", shape=SHAPE, values="unit", **told)
    return Setting(model=model, evaluation={}, dataset=record, pictures=record, open_split=lambda record, split: data)


def test_codes_that_are_the_factors_score_1() -> None:
    factors = Factors({"a": 5, "b": 4, "c": 3})
    values = factors.of(torch.arange(len(factors))).float()
    pictures = torch.cat([values / values.amax(0), torch.zeros(len(values), 1)], dim=1).view(-1, *SHAPE)
    here = setting(reader(3), Split(source=pictures, shape=SHAPE, factors=factors), splits=("train",), factors=("a",))
    names = ("mig", "factor_vae_score", "dci_disentanglement")
    known = metrics_of(here)
    found = measure({name: known[name] for name in names}, here)
    for name in names:
        assert found[name]["value"] > 0.99, (name, found[name])
    assert found["dci_disentanglement"]["detail"]["completeness"] > 0.99


def test_codes_that_tell_the_class_are_read_by_both_probes() -> None:
    labels = torch.arange(600) % 3
    pictures = torch.rand(600, *SHAPE, generator=stream("probe")) / 10
    pictures[:, 0, 0, 0] += 0.3 * labels
    data = Split(source=pictures, shape=SHAPE, labels=labels)
    known = metrics_of(here := setting(reader(1), data, classes=3))
    found = measure({name: known[name] for name in ("knn_accuracy", "linear_probe_accuracy")}, here)
    assert all(entry["value"] > 0.99 for entry in found.values()), found
    assert not {"knn_accuracy", "mig"} & metrics_of(setting(reader(1), data)).keys()
