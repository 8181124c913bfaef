"""Metrics of a small real model in a setting whose every picture is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import log, pi
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import genzoo
from genzoo.datasets import Split
from genzoo.datasets.toy import Mixture
from genzoo.errors import InvalidInput
from genzoo.metrics import NEED_FEATURES, FeatureSpace, Setting, measure, metrics_of
from genzoo.metrics import setting as room
from genzoo.metrics.likelihood import negative_elbo
from genzoo.models import Model
from genzoo.models.features import FeatureNetwork
from genzoo.models.vae import VAE
from genzoo.randomness import stream
from genzoo.spec import Checkpoint, Column, DatasetSpec
from genzoo.spec.sections import Evaluation

SHAPE = (1, 4, 4)
SIZES = {"train": 90, "test": 40}
UNTOLD = NEED_FEATURES - {"told_accuracy", "edit_accuracy", "edit_preservation"}


def dataset(**told: Any) -> DatasetSpec:
    return DatasetSpec(name="dots", target="nowhere:dots", summary="", shape=SHAPE, values="binary", **told)


def open_dots(record: DatasetSpec, split: str) -> Split:
    n = SIZES[split]
    source = 255 * torch.randint(0, 2, (n, *SHAPE), generator=stream(split), dtype=torch.uint8)
    return Split(source=source, shape=SHAPE, columns=known(n))


COLUMNS = {"label": Column.of(["a", "b", "c"]), "size": Column.of(["small", "large"])}


def known(n: int) -> dict[str, torch.Tensor]:
    return {"label": torch.arange(n) % 3, "size": torch.arange(n) % 2}


def network(**predicted: Column) -> FeatureNetwork:
    """One of three classes, or that predicts these columns."""
    told: dict[str, Any] = {"predicts": predicted} if predicted else {"classes": 3}
    created = genzoo.create("features-dense", input_shape=SHAPE, latent_dim=6, seed=0, **told).eval()
    assert isinstance(created, FeatureNetwork)
    return created


def space(**predicted: Column) -> FeatureSpace:
    """That of a `network`."""
    net = network(**predicted)
    return FeatureSpace(
        label="net 0123",
        dim=6,
        extract=net.encode,
        device=net.device,
        columns=net.predicts,
        predict=lambda features: net.by_column(net.head(features)),
    )


def vae() -> VAE:
    created = genzoo.create("vae-dense", input_shape=SHAPE, latent_dim=2, seed=0).eval()
    assert isinstance(created, VAE)
    return created


def setting(model: Model | None = None, draws: int = 0, record: DatasetSpec | None = None, **told: Any) -> Setting:
    record = record or dataset()
    return Setting(
        model=model or vae(),
        evaluation=Evaluation(importance_draws=draws),
        dataset=record,
        pictures=record,
        open_split=open_dots,
        **told,
    )


def measured(here: Setting, *names: str) -> Mapping[str, Any]:
    known = metrics_of(here)
    return measure({name: known[name] for name in names or known}, here)


def test_a_model_has_the_metrics_that_have_a_meaning_for_it() -> None:
    bounds = {"negative_elbo", "active_latents", "reconstruction_mse"}
    assert metrics_of(setting()).keys() == bounds
    assert metrics_of(setting(draws=5)).keys() == bounds | {"negative_log_likelihood"}
    assert metrics_of(setting(space=space())).keys() == bounds | UNTOLD
    without_classes = UNTOLD - {"smallest_class_share", "classes_covered"}
    assert metrics_of(setting(space=replace(space(), columns={}))).keys() == bounds | without_classes
    assert metrics_of(setting(space=space(**COLUMNS))).keys() == bounds | without_classes
    assert metrics_of(setting(network())).keys() == {"accuracy"}
    autoencoder = genzoo.create("ae-dense", input_shape=SHAPE, latent_dim=2, seed=0)
    assert metrics_of(setting(autoencoder)).keys() == {"reconstruction_mse", "active_latents"}


def test_all_of_a_generator_are_measured_beside_a_floor_with_seed_network_and_counts() -> None:
    entries = measured(setting(draws=3, space=space()))
    for name in UNTOLD:
        protocol = entries[name].protocol
        assert protocol.items() >= {
            "data": "dots", "split": "test", "n": 40, "samples": 40, "seed": 0, "features": "net 0123",
        }.items(), name  # fmt: skip
        assert entries[name].torch == torch.__version__
        assert (entries[name].floor is not None) == (name != "memorisation")
    assert entries["fid"].floor < entries["fid"].value
    shares = entries["smallest_class_share"].detail["samples"]
    assert sum(shares) == pytest.approx(1)
    assert min(shares) == entries["smallest_class_share"].value
    assert 0 <= entries["classes_covered"].value <= 3
    assert len(entries["active_latents"].detail["kl_per_latent"]) == 2
    assert all(entries[name].floor is None for name in ("negative_elbo", "negative_log_likelihood"))


def test_entries_are_the_same_twice_and_a_record_takes_them() -> None:
    first, again = measured(setting(space=space())), measured(setting(space=space()))
    assert first == again
    record = genzoo.show(genzoo.list_models("vae-*")[0])
    measured_so = replace(record, metrics=first)
    assert Checkpoint.parse(measured_so.to_json().encode()).metrics == first


def test_bits_per_dimension_are_nats_over_values_and_log_2() -> None:
    entry = measured(setting(), "negative_elbo")["negative_elbo"]
    assert entry.detail["bits_per_dim"] == pytest.approx(entry.value / 16 / log(2))


def test_a_density_is_no_number_of_bits_and_stands_beside_the_one_of_the_data() -> None:
    model = genzoo.create("vae-dense", input_shape=(2,), latent_dim=2, values="real", likelihood="gaussian", seed=0)
    normal = Mixture(torch.zeros(1, 2), 1.0)
    data = Split(source=normal.sample(2000, stream("normal")), shape=(2,), log_prob=normal.log_prob)
    record = replace(dataset(), shape=(2,), values="real")
    here = replace(setting(model.eval(), draws=3, record=record), open_split=lambda record, split: data)
    for entry in measured(here, "negative_elbo", "negative_log_likelihood").values():
        assert entry.protocol["likelihood"] == "gaussian"
        assert not entry.detail
        assert entry.floor == pytest.approx(log(2 * pi) + 1, abs=0.1)  # the entropy of N(0, I) in the plane
        assert entry.value > entry.floor
    assert measured(setting(), "negative_elbo")["negative_elbo"].protocol["likelihood"] == "bernoulli"


def test_a_mean_does_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model = vae()
    x = next(open_dots(dataset(), "test").batches(torch.arange(40), 40))
    with torch.no_grad():
        wanted = negative_elbo(model, x, seed=0).double().mean().item()
    monkeypatch.setattr(room, "BATCH", 7)
    assert measured(setting(model), "negative_elbo")["negative_elbo"].value == pytest.approx(wanted)


def test_of_a_large_split_so_many_are_drawn_always_the_same_and_the_protocol_says_so() -> None:
    here = replace(setting(space=space()), limit=15)
    assert torch.equal(here.examples.order, replace(setting(), limit=15).examples.order)
    assert len(set(here.examples.order.tolist())) == 15
    protocol = measured(here, "fid")["fid"].protocol
    assert (protocol["n"], protocol["samples"], protocol["drawn"]) == (15, 15, "of 40, seed 0")


def test_without_a_test_split_the_floor_is_made_of_other_pictures_and_nothing_is_held_out() -> None:
    record = dataset(splits=("train",))
    here = replace(setting(record=record, space=space()), limit=40)
    assert "memorisation" not in metrics_of(here)
    entry = measured(here, "fid")["fid"]
    assert entry.protocol["split"] == "train"
    assert entry.floor > 0  # of a picture with itself it would be 0
    assert measured(replace(here, limit=60), "fid")["fid"].floor is None  # 30 others are fewer


def test_a_generator_that_draws_training_pictures_memorises(monkeypatch: pytest.MonkeyPatch) -> None:
    model = vae()
    training = next(open_dots(dataset(), "train").batches(torch.arange(40), 40)).x
    assert measured(setting(model, space=space()), "memorisation")["memorisation"].value > 0.1
    monkeypatch.setattr(type(model), "sample", lambda self, n, seed: training[:n])
    assert measured(setting(model, space=space()), "memorisation")["memorisation"].value < 0.01


def test_held_out_pictures_that_were_trained_on_show_no_memorisation() -> None:
    twice = replace(setting(space=space()), open_split=lambda record, split: open_dots(record, "test"))
    with pytest.raises(InvalidInput, match="held-out pictures of dots are training pictures too"):
        measured(twice, "memorisation")


def test_accuracy_is_the_share_of_right_classes_and_needs_labels() -> None:
    net = network()
    x = next(open_dots(dataset(), "test").batches(torch.arange(40), 40)).x
    right = net.classify(x).argmax(1) == torch.arange(40) % 3
    assert measured(setting(net))["accuracy"].value == pytest.approx(right.double().mean().item())
    unlabelled = Setting(
        model=net,
        evaluation=Evaluation(),
        dataset=dataset(),
        pictures=dataset(),
        open_split=lambda record, split: Split(source=open_dots(record, split).source, shape=SHAPE),
    )
    with pytest.raises(InvalidInput, match="dots has no label to measure the accuracy against"):
        measured(unlabelled)


def test_the_accuracy_of_several_columns_is_their_mean_and_its_detail_has_each() -> None:
    net = network(**COLUMNS)
    x = next(open_dots(dataset(), "test").batches(torch.arange(40), 40)).x
    logits = net.by_column(net.classify(x))
    wanted = {name: (logits[name].argmax(1) == values).double().mean().item() for name, values in known(40).items()}
    entry = measured(setting(net))["accuracy"]
    assert entry.detail == pytest.approx(wanted)
    assert entry.value == pytest.approx(sum(wanted.values()) / 2)


def draw(label: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
    """Pictures whose first two pixels are what is known of them."""
    x = torch.zeros(len(label), *SHAPE)
    x[:, 0, 0, 0], x[:, 0, 0, 1] = label / 255, size / 255
    return x


def read(features: torch.Tensor) -> dict[str, torch.Tensor]:
    """What `draw` has drawn, as logits."""
    label, size = (255 * features[:, :2]).round().long().T
    return {"label": F.one_hot(label, 3).float(), "size": F.one_hot(size, 2).float()}


def open_drawn(record: DatasetSpec, split: str) -> Split:
    columns = known(SIZES[split])
    return Split(source=draw(**columns), shape=SHAPE, columns=columns)


def of_drawn(**told: Any) -> Setting:
    """A model that is told both columns, on pictures that `draw` draws."""
    model = genzoo.create("vae-dense", input_shape=SHAPE, latent_dim=2, given=COLUMNS, seed=0).eval()
    reader = replace(space(**COLUMNS), extract=lambda x: x.flatten(1), predict=read)
    return replace(setting(model, record=dataset(columns=COLUMNS, **told), space=reader), open_split=open_drawn)


def test_told_accuracy_is_the_share_of_samples_in_which_is_seen_what_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sample in four shows another label than told."""

    def sample(self: Model, n: int, *, seed: int, label: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
        return draw(torch.where(torch.arange(n) % 4 == 0, (label + 1) % 3, label), size)

    here = of_drawn()
    monkeypatch.setattr(type(here.model), "sample", sample)
    entry = measured(here, "told_accuracy")["told_accuracy"]
    assert entry.value == pytest.approx(0.875)
    assert entry.floor == 1
    assert entry.detail == {"label": 0.75, "size": 1.0}


@pytest.mark.parametrize(
    ("edited", "accuracy", "preservation"),
    [
        (lambda shown, told: told, {"label": 1, "size": 1}, {"label": 1, "size": 1}),
        (lambda shown, told: shown, {"label": 0, "size": 0}, {"label": 1, "size": 1}),
        (lambda shown, told: told | {"size": told["size"] ** 0}, {"label": 1, "size": 0}, {"label": 1, "size": 0}),
    ],
    ids=["what is asked", "nothing", "and makes all large"],
)
def test_an_edit_is_judged_by_what_it_changes_and_by_what_it_keeps(
    edited: Any, accuracy: dict[str, float], preservation: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = of_drawn()
    monkeypatch.setattr(type(here.model), "edit", lambda self, x, *, original, **told: draw(**edited(original, told)))
    found = measured(here, "edit_accuracy", "edit_preservation")
    assert found["edit_accuracy"].detail == accuracy
    assert found["edit_preservation"].detail == preservation
    assert found["edit_accuracy"].value == pytest.approx(sum(found["edit_accuracy"].detail.values()) / 2)
    assert found["edit_accuracy"].floor == 1


def test_what_gives_way_to_what_is_asked_is_neither_kept_nor_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """No a is large. The edits make every a large all the same, which counts where it was small before alone."""
    asked: list[dict[str, torch.Tensor]] = []

    def edit(self: Model, x: torch.Tensor, *, original: Any, **told: torch.Tensor) -> torch.Tensor:
        asked.append(told)
        return draw(told["label"], torch.where(told["label"] == 0, 1, told["size"]))

    here = of_drawn(exclusions=({"label": "a", "size": "large"},))
    monkeypatch.setattr(type(here.model), "edit", edit)
    found = measured(here, "edit_preservation")["edit_preservation"]
    assert not any(((told["label"] == 0) & (told["size"] == 1)).any() for told in asked)
    assert found.detail["label"] == 1
    assert 0 < found.detail["size"] < 1
    assert found.protocol["excluded"] == "not measured"


@pytest.mark.parametrize(
    ("predicted", "there"),
    [
        ({"size": COLUMNS["size"]}, True),
        ({"colour": COLUMNS["size"]}, False),
        ({"size": Column.of(["small", "middle", "large"])}, False),
    ],
)
def test_what_is_told_is_judged_by_a_network_that_predicts_it(predicted: dict[str, Column], *, there: bool) -> None:
    told = genzoo.create("vae-dense", input_shape=SHAPE, latent_dim=2, given=COLUMNS, seed=0).eval()
    here = setting(told, record=dataset(columns=COLUMNS), space=space(**predicted))
    assert ("told_accuracy" in metrics_of(here)) == there
    assert ("edit_accuracy" in metrics_of(here)) == there
    assert "edit_preservation" not in metrics_of(here)  # of one column there is no other
