"""The digits of MNIST as an autoencoder sees them."""

from pathlib import Path

import torch

from genzoo import Split, load, open_data

CODER = "ae-dense-mnist"


def mnist_codes(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """``load("ae-dense-mnist").encode`` of every digit, with its label."""
    digits, coder = open_data("mnist", split, root=root), load(CODER, device="cpu")
    codes = [coder.encode(batch.x) for batch in digits.batches(torch.arange(len(digits), device="cpu"), 1000)]
    return Split(source=torch.cat(codes), shape=shape, columns=digits.columns)
