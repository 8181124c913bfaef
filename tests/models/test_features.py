from __future__ import annotations

import torch

import genzoo
from genzoo.models.features import FeatureNetwork


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
