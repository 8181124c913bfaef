"""Inception's features (Heusel et al. 2017), through torchmetrics, for data sets that have no network of their own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genzoo.errors import DamagedFile, MissingDependency, NetworkError
from genzoo.files import read_regular
from genzoo.metrics.setting import FeatureSpace

__all__ = ["inception"]

DIM = 2048
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
SIZE = 95_628_359
FILE = "weights-inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"
INSTALL = "pip install 'genzoo[inception]'"


def inception(device: torch.device, *, fetch: bool) -> FeatureSpace:
    """The 2048 features of Inception's last pooling layer; grey pictures go in as grey RGB.

    Args:
        device: where to compute them.
        fetch: download the weights (96 MB) if they are not in torch's cache.

    Raises:
        MissingDependency: torch-fidelity is not installed, or the weights are not there and not to be fetched.
        NetworkError: they could not be downloaded.
        DamagedFile: they are not the known ones.
    """
    if find_spec("torch_fidelity") is None:
        raise MissingDependency(f"Inception's features need torch-fidelity; try: {INSTALL}", suggestions=[INSTALL])
    network = _network(_weights(fetch=fetch)).to(device)

    def extract(x: Tensor) -> Tensor:
        features: Tensor = network((x.to(device) * 255).round().byte().expand(-1, 3, -1, -1))
        return features

    return FeatureSpace(label=f"inception-v3-compat {SHA256[:12]}", dim=DIM, extract=extract, device=device)


def _weights(*, fetch: bool) -> Path:
    """The file with the weights, checked."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / FILE
    if not path.exists():
        if not fetch:
            raise MissingDependency(f"Inception's weights are not in {path.parent}; `--metric fid` downloads them")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(URL, str(path), hash_prefix=SHA256, progress=False)
        except (OSError, RuntimeError) as error:  # RuntimeError: another hash
            raise NetworkError(f"Inception's weights could not be downloaded ({error}); put {URL} at {path}") from None
    if hashlib.sha256(read_regular(path, size=SIZE)).hexdigest() != SHA256:
        raise DamagedFile(f"{path} is not the file of {URL}; remove it to load it anew")
    return path


def _network(weights: Path) -> Any:
    from torchmetrics.image.fid import NoTrainInceptionV3

    with _tensors_only():
        return NoTrainInceptionV3(
            name="inception-v3-compat", features_list=[str(DIM)], feature_extractor_weights_path=str(weights)
        )


@contextmanager
def _tensors_only() -> Iterator[None]:
    """Have torch.load read tensors and nothing else, whatever torch-fidelity asks it for."""
    key = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(key)
    os.environ[key] = "1"
    try:
        yield
    finally:
        del os.environ[key]
        if before is not None:
            os.environ[key] = before
