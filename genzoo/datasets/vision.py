"""Well-known data sets by name, read by torchvision and never from a pickle.

torchvision is imported here and nowhere else: it costs more than a second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any

import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from genzoo.datasets.files import Files
from genzoo.datasets.images import open_image, to_tensor
from genzoo.datasets.split import Split, cache_root
from genzoo.errors import GenzooError, InvalidInput, MissingDependency, NetworkError, NotFound
from genzoo.randomness import stream

__all__ = [
    "celeba",
    "cifar10",
    "emnist",
    "fashion_mnist",
    "fashion_mnist_dynamic",
    "kmnist",
    "mnist",
    "mnist_dynamic",
    "mnist_static",
    "svhn",
]

MAX_CAUSE = 200
CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR10_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"  # told where the archive is: www.cs.toronto.edu/~kriz/cifar.html
CIFAR10_FOLDER = "cifar-10-batches-bin"
FACE_SIDE = 148  # of the square about the face that is kept of CelebA's 178×218


def mnist(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """MNIST (LeCun et al. 1998): 60,000 and 10,000 digits, 1×28×28."""
    data = _open("MNIST", root, "MNIST", train=split == "train")
    return _labelled("MNIST", root / "MNIST", data.data[:, None], data.targets, shape)


def mnist_dynamic(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """MNIST binarised by draws (Burda et al. 2015, §5): each pixel is Bernoulli(grey level), anew at each look."""
    return replace(mnist(root, split, shape), binarised=True)


def mnist_static(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """MNIST binarised once: each pixel is drawn as Bernoulli(grey level) by a fixed stream, with the same bits on every
    machine.

    The set of Larochelle & Murray (2011), which was drawn likewise (Salakhutdinov & Murray 2008), is a download of
    other bits: numbers on the two are alike, not equal.
    """
    grey = mnist(root, split, shape)
    assert isinstance(grey.source, Tensor)
    return replace(grey, source=binarised_once(grey.source, "mnist", split))


def binarised_once(grey: UInt8[Tensor, "n c h w"], name: str, split: str) -> UInt8[Tensor, "n c h w"]:
    """0 or 255 for each value, the latter with probability value / 255; the draws depend on `name` and `split` alone.

    Whole numbers alone are compared, so that no machine rounds otherwise.
    """
    draws = torch.randint(
        255, grey.shape, dtype=torch.uint8, device="cpu", generator=stream("binarised once", name, split)
    )
    return (draws < grey).to(torch.uint8) * 255


def fashion_mnist(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """Fashion-MNIST (Xiao et al. 2017): 60,000 and 10,000 clothes, 1×28×28."""
    data = _open("FashionMNIST", root, "FashionMNIST", train=split == "train")
    return _labelled("FashionMNIST", root / "FashionMNIST", data.data[:, None], data.targets, shape)


def fashion_mnist_dynamic(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """Fashion-MNIST binarised by draws, as MNIST is in `mnist_dynamic`."""
    return replace(fashion_mnist(root, split, shape), binarised=True)


def kmnist(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """Kuzushiji-MNIST (Clanuwat et al. 2018): 60,000 and 10,000 cursive hiragana of ten classes, 1×28×28."""
    data = _open("KMNIST", root, "KMNIST", train=split == "train")
    return _labelled("KMNIST", root / "KMNIST", data.data[:, None], data.targets, shape)


def emnist(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """EMNIST Balanced (Cohen et al. 2017): 112,800 and 18,800 digits and letters of 47 classes, 1×28×28.

    Its files hold every picture transposed; here letters stand upright.
    """
    data = _open("EMNIST", root, "EMNIST", split="balanced", train=split == "train")
    return _labelled("EMNIST", root / "EMNIST", data.data.mT[:, None], data.targets, shape)


def cifar10(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """CIFAR-10 (Krizhevsky 2009): 50,000 and 10,000 photographs, 3×32×32."""
    records = _open("CIFAR10", root, CIFAR10_FOLDER, _cifar10_records, train=split == "train")
    return Split(source=records[:, 1:].reshape(-1, 3, 32, 32), shape=shape, columns={"label": records[:, 0].long()})


def _cifar10_records(root: Path, *, train: bool, download: bool) -> UInt8[Tensor, "n 3073"]:
    """A label and a picture in each row: CIFAR-10's binary version. The one that torchvision reads is pickles."""
    from torchvision.datasets.utils import download_and_extract_archive

    if download:
        download_and_extract_archive(CIFAR10_URL, str(root), md5=CIFAR10_MD5)
    names = [f"data_batch_{number}.bin" for number in range(1, 6)] if train else ["test_batch.bin"]
    files = [root / CIFAR10_FOLDER / name for name in names]
    if not all(path.is_file() for path in files):
        raise RuntimeError("not found")
    return torch.cat([_rows(path, 1 + 3 * 32 * 32) for path in files])


def _rows(path: Path, size: int) -> UInt8[Tensor, "n size"]:
    data = path.read_bytes()
    if not data or len(data) % size:
        raise ValueError(f"{path.name} has {len(data)} bytes, no multiple of {size}")
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(-1, size)


def svhn(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """Street View House Numbers, cropped (Netzer et al. 2011): 73,257 and 26,032 digits in colour, 3×32×32."""
    data = _open("SVHN", root, f"{split}_32x32.mat", split=split)
    pictures, labels = torch.from_numpy(data.data), torch.from_numpy(data.labels)
    return _labelled("SVHN", root / f"{split}_32x32.mat", pictures, labels, shape)


def celeba(root: Path, split: str, shape: tuple[int, ...]) -> Split:
    """CelebA, aligned (Liu et al. 2015): 162,770, 19,867 and 19,962 faces, 3×64×64.

    The middle 148×148 of each picture, resized; read as it is needed.
    """
    data = _open("CelebA", root, "celeba", split=split)
    folder = root / "celeba" / "img_align_celeba"
    return Split(
        source=Files([folder / name for name in data.filename], partial(read_face, side=shape[1])), shape=shape
    )


def read_face(path: Path, side: int) -> UInt8[Tensor, "3 side side"]:
    """The middle 148×148 of a picture, as side×side in RGB."""
    image = open_image(path, "RGB")
    left, top = round((image.width - FACE_SIDE) / 2), round((image.height - FACE_SIDE) / 2)
    face = image.crop((left, top, left + FACE_SIDE, top + FACE_SIDE))
    return to_tensor(face.resize((side, side), Image.Resampling.BILINEAR))


def _labelled(name: str, path: Path, pictures: Tensor, labels: Tensor, shape: tuple[int, ...]) -> Split:
    """Pictures and labels read from `path`; InvalidInput if they do not belong together."""
    try:
        return Split(source=pictures.contiguous(), shape=shape, columns={"label": labels})
    except InvalidInput as error:
        raise _damaged(name, path, error) from None


def _open(name: str, root: Path, place: str, read: Callable[..., Any] | None = None, **options: Any) -> Any:
    """The data set `name` under `root`, downloaded if it is not there; `place` is where it lies below.

    `read` is called as torchvision's class of that name is, which stands for it without one.
    """
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:  # RuntimeError: its operators are of another torch
        raise MissingDependency(
            f"{name} is read by torchvision, which does not work here ({_cause(error)}); "
            "try: pip install --upgrade torch torchvision",
            suggestions=["pip install --upgrade torch torchvision"],
        ) from None
    dataset = read or getattr(datasets, name)
    if root.exists() and not root.is_dir():
        raise NotFound(f"{root} is not a folder; give the folder that holds {place} with --data-root DIR")
    if not (root.exists() or root == cache_root()):  # perhaps mistyped
        command = f"mkdir -p {quote(str(root))}"
        raise NotFound(
            f"there is no folder {root} for {name}; make it with {command}, "
            f"or give the folder that holds {place} with --data-root DIR or $GENZOO_DATA",
            suggestions=[command],
        )
    _refuse_pickles(name, root / place / "processed")
    try:
        return dataset(root, download=False, **options)
    except ImportError as error:
        raise _missing(name, error) from None
    except RuntimeError as error:
        if "not found" not in str(error):  # torchvision's way to say that it is not there, or not whole
            raise _damaged(name, root / place, error) from None
    except Exception as error:  # its readers raise of many types at a damaged file
        raise _damaged(name, root / place, error) from None
    state = "is not whole in" if _holds_a_file(root / place) else "is not in"
    try:
        return dataset(root, download=True, **options)
    except ImportError as error:
        raise _missing(name, error) from None
    except (OSError, RuntimeError) as error:  # URLError is an OSError
        raise _no_download(f"{name} {state} {root}", place, error) from None


def _holds_a_file(place: Path) -> bool:
    """Whether something of a data set is there: a download that failed at once leaves empty folders."""
    return place.is_file() or any(path.is_file() for path in place.rglob("*"))


def _refuse_pickles(name: str, folder: Path) -> None:
    """torchvision reads what its old versions left there before the files as published, and it is pickles."""
    if any(folder.glob("*.pt")):
        raise InvalidInput(f"{folder} holds {name} as pickles, which genzoo does not read; remove that folder")


def _missing(what: str, error: ImportError) -> MissingDependency:
    package = (error.name or "scipy").partition(".")[0]
    command = f"pip install {package}"
    return MissingDependency(f"{what} needs {package}; try: {command}", suggestions=[command])


def _damaged(name: str, path: Path, error: Exception) -> InvalidInput:
    return InvalidInput(
        f"the files of {name} in {path.parent} cannot be read ({_cause(error)}); remove {path} to load it anew"
    )


def _no_download(state: str, place: str, error: Exception) -> GenzooError:
    """`state` says what is not where."""
    if "gdown" in str(error):  # without it torchvision loads nothing from Google Drive, and says so
        return _missing(f"{state}; its download", ImportError(name="gdown"))
    if isinstance(error, PermissionError):
        return NotFound(f"{state}, and nothing can be written there; try --data-root DIR")
    return NetworkError(
        f"{state} and could not be downloaded ({_cause(error)}); "
        f"connect to the network, or give the folder that holds {place} with --data-root DIR or $GENZOO_DATA"
    )


def _cause(error: Exception) -> str:
    """The first line of an error that says something, cut short."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = " ".join(lines[-1:] if lines and lines[0].endswith(":") else lines[:1]) or type(error).__name__
    return told if len(told) <= MAX_CAUSE else f"{told[:MAX_CAUSE]}…"
