"""What is measured where a feature network is not to be had."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

import genzoo
from genzoo.api.evaluate import measure_test
from genzoo.errors import MissingDependency, PluginError
from genzoo.registry import registry
from genzoo.spec import DatasetSpec
from genzoo.training import Recipe


def measured(features: str, *only: str, name: str = "gan-dcgan-mnist") -> dict[str, object]:
    """The metrics of a checkpoint, were `features` the feature network of its data set."""
    record = genzoo.show(name)
    dataset = replace(registry().find(DatasetSpec, "mnist"), features=features)
    return measure_test(genzoo.load(name), Recipe.parse(record.recipe, name), dataset, Path(), only=only)


def test_a_metric_is_left_out_without_its_feature_network_unless_it_is_asked_for() -> None:
    assert measured("features-nobody-made") == {}
    for metric in ("fid", "memorisation", "classes_covered"):
        with pytest.raises(MissingDependency, match="features of features-nobody-made, and there is no such"):
            measured("features-nobody-made", metric)


def test_a_feature_network_of_another_family_is_its_plugins_fault() -> None:
    with pytest.raises(PluginError, match="mnist names vae-conv-mnist as its feature network, which is a vae"):
        measured("vae-conv-mnist")


@pytest.mark.skipif(find_spec("torch_fidelity") is not None, reason="torch-fidelity is installed")
def test_without_a_network_of_its_own_a_data_set_needs_inception() -> None:
    assert measured("") == {}
    with pytest.raises(MissingDependency, match=r"pip install 'genzoo\[inception\]'"):
        measured("", "fid")


def test_what_does_not_sample_needs_no_feature_network(data_root: Path) -> None:
    with pytest.raises(genzoo.NotFound, match="ae-dense-mnist has no metric 'fid'"):
        measured("features-nobody-made", "fid", name="ae-dense-mnist")
