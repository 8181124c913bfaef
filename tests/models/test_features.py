from __future__ import annotations

from typing import Any

import pytest
import torch

import genzoo
from genzoo.errors import InvalidInput
from genzoo.models.features import FeatureNetwork
from genzoo.spec import Column, Space

COLOUR, SIZE = Column.of(["red", "green", "blue"]), Column.of(["small", "large"])
PLACE = Column(space=Space(shape=(2,)))


def test_the_class_is_a_linear_function_of_features_that_are_at_least_0() -> None:
    model = genzoo.create("features-dense", input_shape=(1, 4, 4), latent_dim=6, classes=3, seed=0)
    assert isinstance(model, FeatureNetwork)
    x = torch.rand(200, 1, 4, 4)
    features = model.encode(x)
    assert features.shape == (200, 6)
    assert features.min() == 0
    torch.testing.assert_close(model.classify(x), model.head(features))


def test_features_have_unit_variance_before_the_rectifier_whatever_the_scale_of_the_data() -> None:
    model = genzoo.create("features-dense", input_shape=(1, 4, 4), latent_dim=6, classes=3, seed=0)
    assert isinstance(model, FeatureNetwork)
    features = model.features(100 * torch.rand(1000, 1, 4, 4))  # in training mode, by the statistics of the batch
    torch.testing.assert_close(features.square().mean(), torch.tensor(0.5), atol=0.15, rtol=0)


def test_what_is_predicted_has_its_logits_beside_one_another() -> None:
    model = genzoo.create(
        "features-dense", input_shape=(1, 4, 4), latent_dim=6, predicts={"colour": COLOUR, "size": SIZE}, seed=0
    )
    assert isinstance(model, FeatureNetwork)
    assert model.spec.config["classes"] == 5
    logits = model.classify(torch.rand(7, 1, 4, 4))
    parts = model.by_column(logits)
    assert {name: tuple(part.shape) for name, part in parts.items()} == {"colour": (7, 3), "size": (7, 2)}
    assert torch.equal(torch.cat(list(parts.values()), dim=1), logits)


def test_without_more_a_label_of_so_many_classes_is_predicted() -> None:
    model = genzoo.create("features-dense", input_shape=(1, 4, 4), latent_dim=6, classes=3, seed=0)
    logits = torch.rand(2, 3)
    assert model.predicts["label"].space.size == 3
    assert torch.equal(model.by_column(logits)["label"], logits)


@pytest.mark.parametrize(
    ("name", "told", "match"),
    [
        ("vae-dense", {"predicts": {"colour": COLOUR}}, "family vae predict nothing; leave predicts out"),
        ("features-dense", {"predicts": {"colour": COLOUR}, "classes": 4}, "classes is 4, .* has 3 values"),
        ("features-dense", {"predicts": {"colour": COLOUR, "place": PLACE}}, "place is numbers of shape"),
    ],
)
def test_what_cannot_be_predicted(name: str, told: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        genzoo.create(name, input_shape=(1, 4, 4), latent_dim=6, **told)
