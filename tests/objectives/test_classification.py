from __future__ import annotations

import pytest
import torch

import genzoo
from genzoo.batch import Batch
from genzoo.models.features import FeatureNetwork
from genzoo.objectives.classification import cross_entropy
from genzoo.spec import Column


@pytest.fixture
def model() -> FeatureNetwork:
    created = genzoo.create("features-dense", input_shape=(1, 4, 4), latent_dim=6, classes=3, seed=0).eval()
    assert isinstance(created, FeatureNetwork)
    return created


def test_the_loss_is_minus_the_log_probability_of_the_label(model: FeatureNetwork) -> None:
    x, labels = torch.rand(5, 1, 4, 4), torch.tensor([0, 1, 2, 0, 1])
    terms = cross_entropy(model, Batch(x=x, known={"label": labels}))
    chances = model.classify(x).softmax(1)
    torch.testing.assert_close(terms["loss"], -chances[torch.arange(5), labels].log())
    assert terms["error"].tolist() == (chances.argmax(1) != labels).float().tolist()


def test_of_several_columns_the_loss_is_the_sum_and_the_error_the_share() -> None:
    columns = {"colour": Column.of(["red", "green", "blue"]), "size": Column.of(["small", "large"])}
    model = genzoo.create("features-dense", input_shape=(1, 4, 4), latent_dim=6, predicts=columns, seed=0).eval()
    assert isinstance(model, FeatureNetwork)
    x, known = torch.rand(6, 1, 4, 4), {"colour": torch.arange(6) % 3, "size": torch.arange(6) % 2}
    terms = cross_entropy(model, Batch(x=x, known=known))
    colour, size = (model.classify(x)[:, part].log_softmax(1) for part in (slice(0, 3), slice(3, 5)))
    rows = torch.arange(6)
    torch.testing.assert_close(terms["loss"], -colour[rows, known["colour"]] - size[rows, known["size"]])
    wrong = (colour.argmax(1) != known["colour"]).float() + (size.argmax(1) != known["size"]).float()
    assert terms["error"].tolist() == (wrong / 2).tolist()
