"""The metrics of codes, wired: an encoder whose codes are known gets the score that is known."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import genzoo
from genzoo.datasets import Factors, Split
from genzoo.metrics import Setting, measure, metrics_of
from genzoo.models.autoencoder import Autoencoder
from genzoo.models.vae import VAE
from genzoo.randomness import stream
from genzoo.spec import Column, DatasetSpec
from genzoo.spec.sections import Evaluation

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


class Posterior(Reads):
    """The first three numbers of a picture are μ, and log σ² is 2 log ½ but for the third, which is the prior's."""

    def __init__(self) -> None:
        super().__init__(3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([super().forward(x), torch.tensor([-1.386, -1.386, 0.0]).expand(len(x), 3)], dim=1)


def reader(latents: int) -> Autoencoder:
    model = genzoo.create("ae-dense", input_shape=SHAPE, latent_dim=latents, seed=0).eval()
    assert isinstance(model, Autoencoder)
    model.encoder = Reads(latents)
    return model


def setting(model: Autoencoder | VAE, data: Split, **told: Any) -> Setting:
    record = DatasetSpec(name="known", target="nowhere:known", summary="", shape=SHAPE, values="unit", **told)
    return Setting(
        model=model,
        evaluation=Evaluation(),
        dataset=record,
        pictures=record,
        open_split=lambda record, split: data,
    )


def test_codes_that_are_the_factors_score_1() -> None:
    factors = Factors({"a": 5, "b": 4, "c": 3})
    values = factors.of(torch.arange(len(factors))).float()
    pictures = torch.cat([values / values.amax(0), torch.zeros(len(values), 1)], dim=1).view(-1, *SHAPE)
    here = setting(reader(3), Split(source=pictures, shape=SHAPE, factors=factors), splits=("train",), factors=("a",))
    names = ("mig", "factor_vae_score", "dci_disentanglement")
    known = metrics_of(here)
    found = measure({name: known[name] for name in names}, here)
    for name in names:
        assert found[name].value > 0.99, (name, found[name])
    assert found["dci_disentanglement"].detail["completeness"] > 0.99


def test_a_latent_of_a_vae_votes_if_it_is_active_and_the_protocol_says_so() -> None:
    """The first factor's mean is tiny, which its KL (from the variances, all 1/4 but the last's) does not mind."""
    factors = Factors({"a": 5, "b": 4, "c": 3})
    values = factors.of(torch.arange(len(factors))).float()
    pictures = torch.cat([values * torch.tensor([1e-3, 0.3, 1e-3]), torch.zeros(len(values), 1)], dim=1)
    data = Split(source=pictures.view(-1, *SHAPE), shape=SHAPE, factors=factors)
    vae = genzoo.create("vae-dense", input_shape=SHAPE, latent_dim=3, likelihood="gaussian", seed=0).eval()
    assert isinstance(vae, VAE)
    vae.encoder = Posterior()
    found = {}
    for model in (vae, reader(3)):
        here = setting(model, data, splits=("train",), factors=("a",))
        found[model.spec.family] = measure({"score": metrics_of(here)["factor_vae_score"]}, here)["score"]
    assert found["vae"].protocol["active"] == "mean KL > 0.01 nats"
    assert found["ae"].protocol["active"] == "variance > 0.0001 of the largest"
    assert found["vae"].value > found["ae"].value + 0.15  # two latents vote, not one


def test_codes_that_tell_the_class_are_read_by_both_probes() -> None:
    labels = torch.arange(600) % 3
    pictures = torch.rand(600, *SHAPE, generator=stream("probe")) / 10
    pictures[:, 0, 0, 0] += 0.3 * labels
    data = Split(source=pictures, shape=SHAPE, columns={"label": labels})
    known = metrics_of(here := setting(reader(1), data, columns={"label": Column.of(["a", "b", "c"])}))
    found = measure({name: known[name] for name in ("knn_accuracy", "linear_probe_accuracy")}, here)
    assert all(entry.value > 0.99 for entry in found.values()), found
    assert not {"knn_accuracy", "mig"} & metrics_of(setting(reader(1), data)).keys()
