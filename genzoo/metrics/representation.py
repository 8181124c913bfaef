"""What codes say about the class of a picture: the accuracy of simple classifiers that see the codes alone."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genzoo.errors import InvalidInput

__all__ = ["NEIGHBOURS", "knn_accuracy", "linear_probe_accuracy"]

NEIGHBOURS = 5
CHUNK = 256  # of test codes: against 10,000 training codes, 10 MB of distances


def knn_accuracy(
    train_codes: Float[Tensor, "n latent"],
    train_labels: Int[Tensor, " n"],
    test_codes: Float[Tensor, "m latent"],
    test_labels: Int[Tensor, " m"],
    k: int = NEIGHBOURS,
) -> float:
    """The share of test codes whose k nearest training codes (Euclidean) vote for the right label, in [0, 1].

    Among labels with the same number of votes, that of the nearest neighbour wins.

    Raises:
        InvalidInput: k is not one of 1 … n.
    """
    if not 1 <= k <= len(train_codes):
        raise InvalidInput(f"k must be in 1 … {len(train_codes)}, the number of training codes; got {k}")
    found = torch.cat([_vote(train_codes, train_labels, codes, k) for codes in torch.split(test_codes, CHUNK)])
    return float((found == test_labels).double().mean())


def _vote(
    train_codes: Float[Tensor, "n latent"], train_labels: Int[Tensor, " n"], codes: Float[Tensor, "m latent"], k: int
) -> Int[Tensor, " m"]:
    nearest = torch.cdist(codes, train_codes).topk(k, largest=False).indices
    labels = train_labels[nearest]  # nearest first
    votes = (labels[:, :, None] == labels[:, None, :]).sum(2)
    return labels.gather(1, votes.argmax(1, keepdim=True))[:, 0]  # argmax: the first of equals


def linear_probe_accuracy(
    train_codes: Float[Tensor, "n latent"],
    train_labels: Int[Tensor, " n"],
    test_codes: Float[Tensor, "m latent"],
    test_labels: Int[Tensor, " m"],
) -> float:
    """The share of test codes that a linear classifier of the training codes labels rightly, in [0, 1].

    Multinomial logistic regression (scikit-learn's: L2 penalty with C = 1, L-BFGS) on codes standardised by the mean
    and deviation of the training codes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    probe.fit(train_codes.double().numpy(), train_labels.numpy())
    return float(probe.score(test_codes.double().numpy(), test_labels.numpy()))
