"""torchvision's sets, from small archives in their formats on disk; md5 sums, which those lack, are set aside."""

from __future__ import annotations

import hashlib
import pickle
import shutil
import struct
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from genzoo.api.data import find_dataset, open_data
from genzoo.datasets import Split, vision
from genzoo.datasets.vision import binarised_once
from genzoo.errors import InvalidInput, MissingDependency, NetworkError
from genzoo.registry import registry
from genzoo.spec import DatasetSpec

GREY = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
COLOUR = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 0], dtype=np.uint8)


def write_idx(folder: Path, stem: str) -> None:
    """The images and labels files of a split, in the format of MNIST."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 2051, *GREY.shape) + GREY.tobytes())
    (folder / f"{stem}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, len(LABELS)) + LABELS.tobytes())


def pixels_of(split: Split) -> NDArray[np.uint8]:
    """The first pictures as bytes, (n, c, h, w)."""
    return (split.first(5) * 255).round().to(torch.uint8).numpy()


def test_kmnist_is_read_as_it_lies(tmp_path: Path) -> None:
    for stem in ("train", "t10k"):
        write_idx(tmp_path / "KMNIST" / "raw", stem)
    split = open_data("kmnist", "test", root=tmp_path)
    assert (pixels_of(split)[:, 0] == GREY).all()
    assert split.labels is not None
    assert split.labels.tolist() == LABELS.tolist()


def test_emnists_letters_stand_upright(tmp_path: Path) -> None:
    write_idx(tmp_path / "EMNIST" / "raw", "emnist-balanced-train")
    split = open_data("emnist", "train", root=tmp_path)
    assert (pixels_of(split)[:, 0] == GREY.transpose(0, 2, 1)).all()
    assert isinstance(split.source, torch.Tensor)
    assert split.source.is_contiguous()


def write_cifar10(root: Path) -> None:
    """CIFAR-10's binary version, five pictures in each file: a byte for the label, then red, green, blue."""
    records = np.concatenate([LABELS[:, None], COLOUR.transpose(0, 3, 1, 2).reshape(5, -1)], 1).tobytes()
    (root / "cifar-10-batches-bin").mkdir()
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        (root / "cifar-10-batches-bin" / f"{name}.bin").write_bytes(records)


def test_cifar10_is_read_as_it_lies(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    split = open_data("cifar10", "test", root=tmp_path)
    assert (pixels_of(split) == COLOUR.transpose(0, 3, 1, 2)).all()
    assert split.labels is not None
    assert split.labels.tolist() == LABELS.tolist()
    assert len(open_data("cifar10", "train", root=tmp_path)) == 25


def test_cifar10_is_downloaded_by_its_md5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar10(tmp_path)
    archive = tmp_path / "root" / "cifar-10-binary.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "cifar-10-batches-bin", "cifar-10-batches-bin")
    monkeypatch.setattr(vision, "CIFAR10_URL", f"http://127.0.0.1:9/{archive.name}")
    monkeypatch.setattr(vision, "CIFAR10_MD5", hashlib.md5(archive.read_bytes(), usedforsecurity=False).hexdigest())
    assert len(open_data("cifar10", "test", root=archive.parent)) == 5  # what was downloaded before is taken
    shutil.rmtree(archive.parent / "cifar-10-batches-bin")
    archive.write_bytes(b"another")
    with pytest.raises(NetworkError, match=r"CIFAR10 is not in .* holds cifar-10-batches-bin with --data-root"):
        open_data("cifar10", "test", root=archive.parent)


def test_a_cut_file_of_cifar10_is_named(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    (tmp_path / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(b"cut")
    with pytest.raises(InvalidInput, match=r"CIFAR10 .* cannot be read \(test_batch\.bin has 3 bytes.*; remove"):
        open_data("cifar10", "test", root=tmp_path)


@pytest.fixture
def house_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with SVHN's test file, which has label 10 for the digit 0."""
    scipy_io = pytest.importorskip("scipy.io")
    from torchvision.datasets import SVHN

    url, name, _ = SVHN.split_list["test"]
    monkeypatch.setitem(SVHN.split_list, "test", [url, name, None])
    labels = np.where(LABELS == 0, 10, LABELS)[:, None]
    scipy_io.savemat(tmp_path / name, {"X": COLOUR.transpose(1, 2, 3, 0), "y": labels})
    return tmp_path


def test_svhn_is_read_as_it_lies_and_its_zero_is_zero(house_numbers: Path) -> None:
    split = open_data("svhn", "test", root=house_numbers)
    assert (pixels_of(split) == COLOUR.transpose(0, 3, 1, 2)).all()
    assert split.labels is not None
    assert split.labels.tolist() == LABELS.tolist()


def test_without_scipy_svhn_says_what_to_install(house_numbers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(MissingDependency, match=r"SVHN needs scipy; try: pip install scipy$"):
        open_data("svhn", "test", root=house_numbers)


def test_a_file_of_another_md5_is_not_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import SVHN

    _, name, md5 = SVHN.split_list["test"]
    monkeypatch.setitem(SVHN.split_list, "test", ["http://127.0.0.1:9/x", name, md5])
    (tmp_path / name).write_bytes(b"half of it")
    with pytest.raises(NetworkError, match=r"SVHN is not whole in .* holds test_32x32\.mat with --data-root"):
        open_data("svhn", "test", root=tmp_path)


@pytest.fixture
def faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with CelebA's files: two faces for each split."""
    from torchvision.datasets import CelebA

    monkeypatch.setattr(CelebA, "file_list", [(key, None, name) for key, _, name in CelebA.file_list])
    base = tmp_path / "celeba"
    (base / "img_align_celeba").mkdir(parents=True)
    names = [f"00000{index}.jpg" for index in range(6)]
    for index, name in enumerate(names):
        face = Image.new("RGB", (178, 218), (0, 0, 255))
        face.paste((40 * index, 0, 0), (15, 35, 163, 183))
        face.save(base / "img_align_celeba" / name, quality=100, subsampling=0)
    (base / "list_eval_partition.txt").write_text(
        "".join(f"{n} {s}\n" for n, s in zip(names, (0, 0, 1, 1, 2, 2), strict=True))
    )
    (base / "identity_CelebA.txt").write_text("".join(f"{name} 1\n" for name in names))
    for table, columns in (("bbox", "x y"), ("landmarks_align", "x y"), ("attr", "Bald Young")):
        rows = "".join(f"{name} 1 -1\n" for name in names)
        (base / f"list_{table}_celeba.txt").write_text(f"4\n{'image_id ' * (table == 'bbox')}{columns}\n{rows}")
    return tmp_path


def test_celeba_is_the_middle_of_each_face(faces: Path) -> None:
    assert [len(open_data("celeba", split, root=faces)) for split in ("train", "valid", "test")] == [2, 2, 2]
    images = open_data("celeba", "test", root=faces).first(2) * 255
    assert images.shape == (2, 3, 64, 64)
    for image, red in zip(images, (160, 200), strict=True):
        assert (image[0] - red).abs().max() <= 8  # JPEG's rounding, and the border that bilinear sampling blends
        assert image[2].max() <= 16


def test_a_face_that_is_cut_is_replaced(faces: Path) -> None:
    path = faces / "celeba" / "img_align_celeba" / "000004.jpg"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.warns(UserWarning, match=r"000004\.jpg cannot be read"):
        images = open_data("celeba", "test", root=faces).first(2)
    assert torch.equal(images[0], images[1])


def test_without_gdown_celeba_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gdown", None)
    with pytest.raises(
        MissingDependency, match=r"CelebA is not in .*; its download needs gdown; try: pip install gdown"
    ):
        open_data("celeba", "train", root=tmp_path)


@pytest.fixture
def no_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever unpickles raises what no reader takes for a damaged file."""

    def refuse(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt("a pickle is read")

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(module, name, refuse)


@pytest.mark.usefixtures("no_pickle")
@pytest.mark.parametrize("name", registry().names(DatasetSpec))
def test_no_data_set_is_read_from_a_pickle(name: str, house_numbers: Path, faces: Path) -> None:
    root = faces  # the same folder as house_numbers
    for folder in ("MNIST", "FashionMNIST", "KMNIST"):
        write_idx(root / folder / "raw", "train")
        write_idx(root / folder / "raw", "t10k")
    write_idx(root / "EMNIST" / "raw", "emnist-balanced-test")
    write_cifar10(root)
    record = find_dataset(name, root)
    assert len(open_data(record, record.held_out, root=root, shape=record.shape or (3, 8, 8))) > 0


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist", "emnist"])
def test_what_old_torchvisions_left_as_pickles_is_refused(name: str, tmp_path: Path) -> None:
    place = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST", "emnist": "EMNIST"}[name]
    write_idx(tmp_path / place / "raw", "train")
    (tmp_path / place / "processed").mkdir()
    (tmp_path / place / "processed" / "training.pt").write_bytes(b"")
    with pytest.raises(InvalidInput, match=f"{place}/processed holds {place} as pickles.*remove that folder"):
        open_data(name, "train", root=tmp_path)


def test_binarised_once_is_bernoulli_of_the_grey_level_and_the_same_bits_everywhere() -> None:
    grey = torch.arange(256, dtype=torch.uint8).repeat(4000, 1)[:, None, None]
    bits = binarised_once(grey, "x", "train")
    assert set(torch.unique(bits).tolist()) == {0, 255}
    level = torch.arange(256) / 255
    share = (bits[:, 0, 0] == 255).double().mean(0)
    assert (share - level).abs().max() <= (5 * (level * (1 - level) / 4000).sqrt()).max()
    assert share[0] == 0
    assert share[255] == 1
    assert not torch.equal(bits, binarised_once(grey, "x", "test"))
    digest = hashlib.sha256(bits.numpy().tobytes()).hexdigest()
    assert digest.startswith("52b42e003076a1b8")


def test_mnist_static_is_the_same_at_each_look(data_root: Path) -> None:
    grey, static = (open_data(name, "test", root=data_root) for name in ("mnist", "mnist-static"))
    assert torch.equal(static.first(50), open_data("mnist-static", "test", root=data_root).first(50))
    assert isinstance(grey.source, torch.Tensor)
    assert isinstance(static.source, torch.Tensor)
    assert ((static.source == 0) | (static.source == 255)).all()
    means = [split.source.float().mean().item() / 255 for split in (grey, static)]  # type: ignore[union-attr]
    assert means[0] == pytest.approx(means[1], abs=5 * 0.5 / static.source.numel() ** 0.5)
    assert (static.source[grey.source == 0] == 0).all()


def test_fashion_is_binarised_anew_at_each_look(data_root: Path) -> None:
    if not (data_root / "FashionMNIST" / "raw").is_dir():
        pytest.skip(f"FashionMNIST is not in {data_root}")
    split = open_data("fashion-mnist-dynamic", "test", root=data_root)
    first, second = (next(split.batches(torch.arange(4), 4)).x for _ in range(2))
    assert ((first == 0) | (first == 1)).all()
    assert not torch.equal(first, second)
