"""torchvision's data sets by name. torchvision is imported here and nowhere else: it costs more than a second."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from genzoo.datasets.split import Split
from genzoo.errors import InvalidInput, MissingDependency, NetworkError, NotFound

__all__ = ["cifar10", "fashion_mnist", "mnist", "mnist_dynamic"]


def mnist(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """MNIST (LeCun et al. 1998): 60,000 and 10,000 digits, 1×28×28."""
    return _grey(_open("MNIST", root, train=split == "train"), shape)


def mnist_dynamic(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """MNIST binarised by draws (Burda et al. 2015, §5): each pixel is Bernoulli(grey level), anew at each look."""
    return replace(mnist(root, split, shape), binarised=True)


def fashion_mnist(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """Fashion-MNIST (Xiao et al. 2017): 60,000 and 10,000 clothes, 1×28×28."""
    return _grey(_open("FashionMNIST", root, train=split == "train"), shape)


def cifar10(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """CIFAR-10 (Krizhevsky 2009): 50,000 and 10,000 photographs, 3×32×32."""
    data = _open("CIFAR10", root, train=split == "train")
    images = torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous()
    return Split(source=images, shape=shape, labels=torch.tensor(data.targets))


def _grey(data: Any, shape: tuple[int, ...]) -> Split:
    return Split(source=data.data[:, None].contiguous(), shape=shape, labels=data.targets)


def _open(name: str, root: Path, **options: Any) -> Any:
    """torchvision's data set `name` under `root`, downloaded if it is not there."""
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:  # RuntimeError: its operators are of another torch
        raise MissingDependency(
            f"{name} is read by torchvision, which does not work here ({error}); "
            "try: pip install --upgrade torch torchvision",
            suggestions=["pip install --upgrade torch torchvision"],
        ) from None
    dataset = getattr(datasets, name)
    if root.exists() and not root.is_dir():
        raise NotFound(f"{root} is not a folder; give the folder that holds {name}/ with --data-root DIR")
    try:
        return dataset(root, download=False, **options)
    except RuntimeError as error:
        if "not found" not in str(error):  # torchvision's way to say that it is not there
            raise _damaged(name, root, error) from None
    except Exception as error:  # its readers raise of many types at a damaged file
        raise _damaged(name, root, error) from None
    try:
        return dataset(root, download=True, **options)
    except OSError as error:  # URLError is one
        if isinstance(error, PermissionError):
            raise NotFound(f"{name} is not in {root}, and nothing can be written there; try --data-root DIR") from None
        raise _no_download(name, root, error) from None
    except RuntimeError as error:
        raise _no_download(name, root, error) from None


def _damaged(name: str, root: Path, error: Exception) -> InvalidInput:
    cause = " ".join(str(error).split()) or type(error).__name__
    return InvalidInput(f"the files of {name} in {root} cannot be read ({cause}); remove {root / name} to load it anew")


def _no_download(name: str, root: Path, error: Exception) -> NetworkError:
    cause = " ".join(str(error).split())
    return NetworkError(
        f"{name} is not in {root} and could not be downloaded ({cause}); "
        f"connect to the network, or give the folder that holds {name}/ with --data-root DIR or $GENZOO_DATA"
    )
