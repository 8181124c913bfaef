from __future__ import annotations

import pytest
import torch

import genzoo
from genzoo.batch import Batch
from genzoo.models.features import FeatureNetwork
from genzoo.objectives.classification import cross_entropy


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
