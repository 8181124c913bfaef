"""What latents are used for: as recorded, and measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

import genzoo
from genzoo.batch import Batch
from genzoo.errors import UnsupportedVerb
from genzoo.latent import active, scale_of, statistics
from genzoo.models.vae import VAE
from genzoo.spec import Checkpoint


def test_the_table_of_a_checkpoint_needs_no_data() -> None:
    metric = genzoo.show("vae-conv-mnist").metrics["active_latents"]
    table = genzoo.load("vae-conv-mnist").latents()
    assert sorted(row.index for row in table) == list(range(32))
    assert [row.kl for row in table] == sorted(metric.detail["kl_per_latent"], reverse=True)
    assert sum(row.active is True for row in table) == metric.value
    assert all(row.kl == metric.detail["kl_per_latent"][row.index] for row in table)


def test_an_autoencoders_latents_come_in_the_order_of_their_spread() -> None:
    table = genzoo.load("ae-dense-mnist-5d").latents()
    spread = [row.std for row in table if row.std is not None]
    assert spread == sorted(spread, reverse=True)
    assert len(spread) == 5
    assert all(row.active and row.kl is None for row in table)


def test_nothing_is_told_of_the_latents_of_a_gan_or_of_an_untrained_model() -> None:
    for model in (genzoo.load("gan-dcgan-mnist"), genzoo.create("ae-dense", input_shape=(4,), latent_dim=2)):
        table = model.latents()
        assert [row.index for row in table] == list(range(model.latent_dim))
        assert {(row.kl, row.std, row.active) for row in table} == {(None, None, None)}


def test_measured_ones_are_those_of_the_examples() -> None:
    model = genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=3, seed=0)
    assert isinstance(model, VAE)
    x = torch.rand(1100, 1, 4, 4, generator=torch.Generator().manual_seed(0)).round()
    with torch.no_grad():
        posterior = model.eval().posterior(x)
        kl = model.kl_per_latent(posterior).mean(0)
    for row in model.train().latents(x):
        assert row.kl == pytest.approx(kl[row.index].item(), rel=1e-5)
        assert row.mean == pytest.approx(posterior.mean[:, row.index].mean().item(), abs=1e-6)
        assert row.std == pytest.approx(posterior.mean[:, row.index].std().item(), rel=1e-3)
    assert model.training


def test_kl_is_that_of_the_formula() -> None:
    """½ (σ² + μ² − 1 − log σ²), whatever the batches."""
    model = genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=3, seed=0).eval()
    x = torch.rand(10, 1, 4, 4, generator=torch.Generator().manual_seed(0)).round()
    with torch.no_grad():
        mean, log_var = model.encoder(x).chunk(2, dim=1)
    kl = 0.5 * (log_var.exp() + mean**2 - 1 - log_var)
    for batches in ([x], x.split(3)):  # type: ignore[no-untyped-call]
        found = statistics(model, [Batch(x=part) for part in batches])["kl_per_latent"]
        torch.testing.assert_close(found.float(), kl.mean(0))


def test_collapsed_is_small_for_a_prior_and_small_beside_others_without_one() -> None:
    assert active({}) is None
    kl, std = torch.tensor([0.02, 0.005]), torch.tensor([1e-3, 1e-6])
    for found in ({"kl_per_latent": kl, "std_per_latent": std}, {"std_per_latent": std}):
        used = active(found)
        assert used is not None
        assert used.tolist() == [True, False]


def test_labels_stand_beside_their_latents() -> None:
    model = genzoo.load("ae-dense-mnist-2d")
    assert model.checkpoint is not None
    model.checkpoint = replace(model.checkpoint, labels={"1": "<slant>"})
    row = next(row for row in model.latents() if row.index == 1)
    assert row.label == "<slant>"
    assert row.told() == "latent 1 (<slant>)"
    assert "<slant>" in repr(model.latents())
    assert "&lt;slant&gt;" in model.latents()._repr_html_()


@pytest.mark.parametrize("labels", [{"2": "width"}, {"x": "width"}, {"0": 3}])
def test_a_label_of_no_latent_is_refused(labels: dict[str, Any]) -> None:
    with pytest.raises(genzoo.InvalidInput, match="labels"):
        replace(genzoo.show("ae-dense-mnist-2d"), labels=labels)


def test_labels_survive_the_record(tmp_path: Any) -> None:
    record = replace(genzoo.show("ae-dense-mnist-2d"), labels={"0": "slant"})
    (tmp_path / "genzoo.json").write_text(record.to_json())
    assert Checkpoint.read(tmp_path).labels == {"0": "slant"}


@pytest.mark.parametrize(
    "detail", [{"std_per_latent": [1.0]}, {"std_per_latent": "many"}, {"std_per_latent": ["a", "b"]}]
)
def test_a_record_that_tells_nonsense_tells_nothing(detail: dict[str, Any]) -> None:
    model = genzoo.load("ae-dense-mnist-2d")
    assert model.checkpoint is not None
    entry = replace(model.checkpoint.metrics["active_latents"], detail=detail)
    model.checkpoint = replace(model.checkpoint, metrics={"active_latents": entry})
    assert [row.std for row in model.latents()] == [None, None]
    assert scale_of(model)[1].tolist() == [1.0, 1.0]


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(UnsupportedVerb, match="cannot encode"):
        genzoo.load("gan-dcgan-mnist").latents(torch.zeros(1, 1, 28, 28))
    with pytest.raises(genzoo.InvalidInput, match="at least one example"):
        genzoo.load("ae-dense-mnist").latents(torch.zeros(0, 1, 28, 28))
    with pytest.raises(genzoo.InvalidInput, match="values must lie in"):
        genzoo.load("ae-dense-mnist").latents(torch.full((1, 1, 28, 28), 2.0))
