"""What is measured where a feature network is not to be had."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

import genzoo
from genzoo.api import evaluate, features
from genzoo.api.data import open_data, opener
from genzoo.api.measuring import Watch
from genzoo.errors import DamagedFile, GenzooWarning, InvalidInput, MissingDependency, NotFound, PluginError
from genzoo.metrics import Metric, Setting
from genzoo.metrics.setting import Outcome
from genzoo.models import Model
from genzoo.registry import Plugin, Registry, registry
from genzoo.spec import Checkpoint, DatasetSpec, Number
from genzoo.spec.sections import Evaluation
from genzoo.training import Recipe


def measured(network: str, *only: str, name: str = "gan-dcgan-mnist", prefer: str = "") -> dict[str, Number]:
    """The metrics of a checkpoint, were `network` the feature network of its data set."""
    record = genzoo.show(name)
    dataset = replace(registry().find(DatasetSpec, "mnist"), features=network)
    recipe = Recipe.parse(record.recipe, name)
    open_split = opener(Path(), (1, 28, 28))
    return evaluate.measure_test(genzoo.load(name), recipe, dataset, open_split, only=only, prefer=prefer)


def test_a_metric_is_left_out_without_its_feature_network_unless_it_is_asked_for() -> None:
    with pytest.warns(GenzooWarning, match="no sample is compared .* features of features-nobody-made"):
        assert measured("features-nobody-made") == {}
    for metric in ("fid", "memorisation", "classes_covered"):
        with pytest.raises(MissingDependency, match="features of features-nobody-made, and there is no such"):
            measured("features-nobody-made", metric)


def test_a_feature_network_of_another_family_is_its_plugins_fault() -> None:
    with pytest.raises(PluginError, match="feature network of mnist: vae-conv-mnist is no feature network"):
        measured("vae-conv-mnist", "fid")


def damaged(*asked: object, **told: object) -> Model:
    raise DamagedFile("model.safetensors is not the recorded file")


def test_a_network_that_cannot_be_used_costs_only_what_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.warns(GenzooWarning, match="no sample is compared with pictures of mnist: .* but a vae"):
        assert measured("vae-conv-mnist") == {}
    monkeypatch.setattr(features, "load", damaged)
    with pytest.warns(GenzooWarning, match="is not the recorded file"):
        assert measured("features-lenet-mnist") == {}
    with pytest.raises(DamagedFile):
        measured("features-lenet-mnist", "fid")


def test_a_network_is_not_read_for_what_does_not_need_it(monkeypatch: pytest.MonkeyPatch, data_root: Path) -> None:
    monkeypatch.setattr(features, "load", damaged)
    model = genzoo.create("vae-dense", input_shape=(1, 28, 28), latent_dim=2, hidden=[4], seed=0).eval()
    recipe = Recipe.parse(genzoo.show("vae-conv-mnist").recipe, "tiny")
    record = registry().find(DatasetSpec, "mnist-dynamic")
    found = evaluate.measure_test(model, recipe, record, opener(data_root, (1, 28, 28)), only=["active_latents"])
    assert found.keys() == {"active_latents"}


def test_of_two_networks_of_one_name_the_preferred_is_taken_and_none_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = registry().find_entry(Checkpoint, "features-lenet-mnist")
    other = Plugin(name="other", distribution="other", version="1", records=[network.record])
    both = Registry([*(replace(plugin) for plugin in registry().plugins), other])
    for module in (evaluate, features):
        monkeypatch.setattr(module, "registry", lambda: both)
    with pytest.warns(GenzooWarning, match="is offered by genzoo and other"):
        assert measured("features-lenet-mnist") == {}
    with pytest.raises(genzoo.NotFound, match="has no metric 'fidd'; did you mean fid"):
        measured("features-lenet-mnist", "fidd", prefer=network.owner)


def test_a_metric_without_meaning_here_is_left_out_with_a_warning() -> None:
    def none(setting: Setting) -> Outcome:
        raise InvalidInput("there are too few")

    def seven(setting: Setting) -> Outcome:
        return Outcome(value=7.0)

    metrics = {
        name: Metric(unit="", tolerance=0.0, compute=compute, protocol=lambda setting: {})
        for name, compute in (("none", none), ("seven", seven))
    }
    record = registry().find(DatasetSpec, "mnist")
    model = genzoo.create("vae-dense", input_shape=(1, 28, 28), latent_dim=2, hidden=[4], seed=0)
    here = Setting(model=model, evaluation=Evaluation(), dataset=record, pictures=record, open_split=open_data)
    with pytest.warns(GenzooWarning, match="none is left out: there are too few"):
        assert evaluate._measure_what_can_be(metrics, here, Watch(None))["seven"].value == 7


@pytest.mark.parametrize(("objective", "known"), [("non-saturating", True), ("hinge", False), ("nobodys", False)])
def test_d_minus_half_is_measured_where_d_is_a_probability(objective: str, known: bool) -> None:
    gan = genzoo.create("gan-dense", input_shape=(1,), latent_dim=1, values="real", hidden=[4], seed=0).eval()
    table = genzoo.show("gan-dcgan-mnist").recipe
    recipe = Recipe.parse({**table, "objective": {"name": objective}}, "line")
    found = evaluate.measure_test(gan, recipe, registry().find(DatasetSpec, "toy1d"), opener(None, (1,)))
    assert ("d_minus_half" in found) == known


@pytest.mark.skipif(find_spec("torch_fidelity") is not None, reason="torch-fidelity is installed")
def test_without_a_network_of_its_own_a_data_set_needs_inception() -> None:
    with pytest.warns(GenzooWarning, match=r"no sample is compared .* pip install 'genzoo\[inception\]'"):
        assert measured("") == {}
    with pytest.raises(MissingDependency, match=r"pip install 'genzoo\[inception\]'"):
        measured("", "fid")


def test_a_recipe_may_name_the_feature_network(few_digits: Path, tmp_path: Path) -> None:
    network = {"evaluation.features": "features-lenet-fashion"}
    found = genzoo.evaluate("gan-dense-mnist", metrics=["classes_covered"], overrides=network, data_root=few_digits)
    assert found["classes_covered"].protocol["features"].startswith("features-lenet-fashion ")
    for name, error, match in (
        ("vae-conv-mnist", InvalidInput, "vae-conv-mnist is no feature network, but a vae"),
        ("features-lenet-mnits", NotFound, "did you mean features-lenet-mnist"),
    ):
        with pytest.raises(error, match=match):
            genzoo.train("gan-dense-mnist", overrides={"evaluation.features": name}, output=tmp_path / "run")
        with pytest.raises(error, match=match):
            genzoo.evaluate("gan-dense-mnist", metrics=["fid"], overrides={"evaluation.features": name})
    assert not (tmp_path / "run").exists()


def test_a_feature_network_is_for_pictures_of_one_shape() -> None:
    overrides = {"evaluation.features": "features-lenet-mnist"}
    with pytest.raises(InvalidInput, match=r"is for pictures of shape \(1, 28, 28\), not \(1, 64, 64\)"):
        genzoo.train("vae-conv-sprites", overrides=overrides)


def test_the_bound_can_be_asked_for_with_any_number_of_draws(few_digits: Path) -> None:
    def bound(**overrides: int) -> float:
        changes = {f"evaluation.{key}": value for key, value in overrides.items()}
        metrics = ["negative_elbo", "negative_log_likelihood"]
        found = genzoo.evaluate("vae-conv-mnist-2d", metrics=metrics, overrides=changes, data_root=few_digits)
        assert found["negative_log_likelihood"].value < found["negative_elbo"].value
        return float(found["negative_log_likelihood"].value)

    assert bound(importance_draws=5) < bound(importance_draws=2)
    with pytest.raises(NotFound, match=r"needs draws: --set evaluation\.importance_draws=100"):
        bound()
    with pytest.raises(InvalidInput, match=r"model\.width is not of the section evaluation"):
        genzoo.evaluate("vae-conv-mnist-2d", overrides={"model.width": 5})


def test_data_that_is_not_there_is_told_of_once() -> None:
    folder = registry().find(DatasetSpec, "folder")
    recipe = Recipe.parse(genzoo.show("ae-dense-mnist").recipe, "own")
    with pytest.raises(InvalidInput, match="--data-root"):
        evaluate.measure_test(genzoo.load("ae-dense-mnist"), recipe, folder, opener(None, (1, 28, 28)))


def test_what_does_not_sample_needs_no_feature_network(data_root: Path) -> None:
    with pytest.raises(genzoo.NotFound, match="ae-dense-mnist has no metric 'fid'"):
        measured("features-nobody-made", "fid", name="ae-dense-mnist")
