from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genzoo
from genzoo.api.data import open_data
from genzoo.datasets import Split, vision
from genzoo.datasets.files import NAMED, Files
from genzoo.datasets.images import read_image
from genzoo.errors import GenzooWarning, InvalidInput, MissingDependency, NetworkError, NotFound
from genzoo.metrics.setting import Examples


def test_mnist_is_all_of_mnist(data_root: Path) -> None:
    train, test = (open_data("mnist", split, root=data_root) for split in ("train", "test"))
    assert (len(train), len(test)) == (60_000, 10_000)
    assert isinstance(train.source, torch.Tensor)
    assert train.source.shape == (60_000, 1, 28, 28)
    assert train.source.float().mean().item() / 255 == pytest.approx(0.1307, abs=1e-4)  # the known mean of MNIST
    assert train.labels is not None
    assert train.labels.bincount().tolist()[:3] == [5923, 6742, 5958]


def test_fashion_mnist_is_another_set(data_root: Path) -> None:
    if not (data_root / "FashionMNIST" / "raw").is_dir():
        pytest.skip(f"FashionMNIST is not in {data_root}")
    fashion = open_data("fashion-mnist", "train", root=data_root)
    assert fashion.labels is not None
    assert fashion.labels.bincount().tolist() == [6000] * 10


def test_dynamic_binarisation_draws_anew_with_the_grey_level_as_mean() -> None:
    source = torch.full((2, 1, 100, 100), 51, dtype=torch.uint8)
    split = Split(source=source, shape=(1, 100, 100), binarised=True)
    first, second = (next(split.batches(torch.arange(2), 2)).x for _ in range(2))
    assert ((first == 0) | (first == 1)).all()
    assert not torch.equal(first, second)
    assert first.mean().item() == pytest.approx(51 / 255, abs=5 * 0.4 / 20_000**0.5)
    assert torch.equal(split.first(2), split.first(2))


def test_batches_keep_the_order_given() -> None:
    source = torch.arange(10, dtype=torch.uint8)[:, None, None, None]
    split = Split(source=source, shape=(1, 1, 1))
    batches = list(split.batches(torch.tensor([3, 1, 4, 1, 5]), 2))
    assert [(batch.x * 255).round().flatten().tolist() for batch in batches] == [[3, 1], [4, 1], [5]]


def test_a_missing_set_without_a_network_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision.datasets

    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(NetworkError, match=r"MNIST is not in .*--data-root DIR or \$GENZOO_DATA") as caught:
        vision.mnist(tmp_path, "train", (1, 28, 28))
    assert caught.value.exit_code == 4
    assert (tmp_path / "MNIST" / "raw").is_dir()  # torchvision's
    with pytest.raises(NetworkError, match="MNIST is not in "):  # and not: is not whole
        vision.mnist(tmp_path, "train", (1, 28, 28))


def test_a_folder_of_data_that_is_mistyped_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no folder .*/a b/mnits for MNIST; make it with mkdir -p '") as caught:
        open_data("mnist", "train", root=tmp_path / "a b" / "mnits")
    assert caught.value.suggestions == (f"mkdir -p '{tmp_path}/a b/mnits'",)
    assert not list(tmp_path.iterdir())


def test_the_folder_in_the_cache_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision.datasets

    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("GENZOO_DATA", raising=False)
    with pytest.raises(NetworkError, match=r"MNIST is not in .*genzoo/data and could not be downloaded"):
        open_data("mnist", "train")
    assert (tmp_path / "genzoo" / "data").is_dir()
    monkeypatch.setenv("GENZOO_DATA", str(tmp_path / "mnits"))
    with pytest.raises(NotFound, match=r"there is no folder .*mnits for MNIST"):
        open_data("mnist", "train")


def test_without_torchvision_the_pip_line_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(MissingDependency, match="pip install --upgrade torch torchvision") as caught:
        vision.mnist(tmp_path, "train", (1, 28, 28))
    assert caught.value.exit_code == 6


def test_a_split_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="mnist has no split 'validation': it has train, test"):
        open_data("mnist", "validation", root=tmp_path)


@pytest.mark.parametrize("damage", [b"", b"garbage" * 100])
def test_damaged_files_of_a_set_are_named(tmp_path: Path, data_root: Path, damage: bytes) -> None:
    shutil.copytree(data_root / "MNIST", tmp_path / "MNIST")
    (tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte").write_bytes(damage)
    with pytest.raises(InvalidInput, match=r"the files of MNIST in .* cannot be read .*; remove"):
        open_data("mnist", "test", root=tmp_path)


def test_a_file_as_data_root(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotFound, match="is not a folder"):
        open_data("mnist", "test", root=tmp_path / "file")


def test_16_bit_grey_is_scaled_and_transparency_is_white(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    deep = read_image(tmp_path / "deep.png", (1, 8, 8))
    assert (deep[0].int() - torch.from_numpy((ramp >> 8).astype(np.int32))).abs().max() <= 1
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (read_image(tmp_path / "clear.png", (3, 8, 8)) == 255).all()


def test_what_is_no_image_is_left_out_counted_and_named(pictures: Path) -> None:
    for index in range(7):
        (pictures / f"bad{index}.png").write_bytes(b"no picture")
    (pictures / "deeper" / "a.png").mkdir()  # a folder is no broken image
    told = r"7 of 13 files in .* cannot be read as images: bad0\.png, .*bad4\.png and 2 more; they are left out"
    with pytest.warns(GenzooWarning, match=told):
        split = open_data("folder", "train", root=pictures, shape=(3, 8, 8))
    assert len(split) == 6
    assert split.first(6).shape == (6, 3, 8, 8)


def test_a_folder_of_nothing_but_broken_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(InvalidInput, match=r"1 of 1 files in .* cannot be read as images: bad\.png"):
        open_data("folder", "train", root=tmp_path, shape=(3, 8, 8))


def test_a_picture_that_turns_out_cut_is_replaced_and_named_once(pictures: Path) -> None:
    cut(pictures / "2.png")
    split = open_data("folder", "train", root=pictures, shape=(3, 8, 8))
    names = [path.name for path in sorted(pictures.rglob("*.png"))]
    order = torch.arange(6)
    with pytest.warns(GenzooWarning, match=r"2\.png cannot be read as an image: .*another picture") as caught:
        first = torch.cat([batch.x for batch in split.batches(order, 4)])
    assert len(caught) == 1
    bad = names.index("2.png")
    assert torch.equal(first[bad], first[(bad + 1) % 6])
    assert isinstance(split.source, Files)
    assert split.source.replaced == 1
    again = open_data("folder", "train", root=pictures, shape=(3, 8, 8))
    assert torch.equal(
        torch.cat([batch.x for batch in again.batches(order, 4)]), first
    )  # the same picture again, and no warning
    measured = Examples(data=again, split="train", order=order)
    measured.all()
    assert measured.protocol == {"split": "train", "n": 6, "replaced": 1}


def test_the_fingerprint_of_a_folder_is_that_of_its_names_wherever_it_lies(pictures: Path) -> None:
    def fingerprint(root: Path) -> str:
        return open_data("folder", "train", root=root, shape=(3, 8, 8)).fingerprint()

    before = fingerprint(pictures)
    moved = pictures.rename(pictures.parent / "moved")
    assert fingerprint(moved) == before
    (moved / "0.png").rename(moved / "other.png")
    assert fingerprint(moved) != before


def test_a_picture_that_is_removed_during_a_run_is_replaced(pictures: Path) -> None:
    split = open_data("folder", "train", root=pictures, shape=(3, 8, 8))
    (pictures / "4.png").unlink()
    with pytest.warns(GenzooWarning, match=r"4\.png does not exist; another picture takes its place"):
        assert split.first(6).shape == (6, 3, 8, 8)


def test_of_many_pictures_that_cannot_be_read_a_few_are_named(tmp_path: Path) -> None:
    for index in range(9):
        Image.effect_noise((16, 16), 90).save(tmp_path / f"{index}.png")
        if index:
            cut(tmp_path / f"{index}.png")
    split = open_data("folder", "train", root=tmp_path, shape=(1, 8, 8))
    with pytest.warns(GenzooWarning) as caught:
        split.first(9)
    assert isinstance(split.source, Files)
    assert (len(caught), split.source.replaced) == (NAMED, 8)


def test_a_folder_whose_pictures_are_all_cut_ends_in_one_line(pictures: Path) -> None:
    for path in pictures.rglob("*.png"):
        cut(path)
    split = open_data("folder", "train", root=pictures, shape=(3, 8, 8))
    with pytest.raises(InvalidInput, match="no picture can be read any more") as caught:
        split.first(2)
    assert "Traceback" not in str(caught.value)


def cut(path: Path) -> None:
    """Leave the header of an image, and half of its pixels."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "deeper").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for index in range(6):
        pixels = generator.integers(0, 256, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / ("deeper" if index % 2 else "") / f"{index}.png")
    (folder / "notes.txt").write_text("not an image")
    return folder


def test_a_folder_of_images_of_any_size(pictures: Path) -> None:
    split = open_data("folder", "train", root=pictures, shape=(3, 16, 16))
    (found,) = split.batches(torch.arange(6), 6)
    batch = found.x
    assert batch.shape == (6, 3, 16, 16)
    assert 0 <= batch.min() < 0.2
    assert 0.8 < batch.max() <= 1
    grey = open_data("folder", "train", root=pictures, shape=(1, 8, 8))
    assert [batch.x.shape for batch in grey.batches(torch.arange(2), 2)] == [(2, 1, 8, 8)]


def test_a_folder_trains_with_the_recipe_of_any_set(pictures: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        'name = "vae-conv-mine"\n[model]\nfamily = "vae"\narchitecture = "conv"\ninput_shape = [3, 16, 16]\n'
        'latent_dim = 2\nwidth = 4\nhidden = 8\nlikelihood = "gaussian"\n[objective]\nname = "elbo"\n'
        '[data]\nname = "folder"\n[training]\nepochs = 2\nbatch_size = 3\n'
    )
    notes: list[str] = []
    model = genzoo.train(recipe, data_root=pictures, output=tmp_path / "run", note=notes.append)
    told = f"the 6 pictures in {pictures} (30×20 pixels) are resized and cropped about the centre to 16×16"
    assert told in notes[:2]  # before the first step
    assert model.sample(2, seed=0).shape == (2, 3, 16, 16)
    assert (tmp_path / "run" / "samples" / "epoch-0002.png").exists()


IMPORTED = """
import sys, torch
from genzoo.datasets import Split

class Modules(torch.utils.data.Dataset):
    def __len__(self):
        return 16

    def __getitem__(self, index):
        return torch.tensor([float(len(sys.modules))])

batches = Split(source=Modules(), shape=(1,)).batches(torch.arange(16), 1)
assert len(torch.cat([batch.x for batch in batches]).unique()) == 1
"""


def test_the_workers_that_read_pictures_import_nothing() -> None:
    """An import in the thread of a worker that sends a batch can fail; then the batch is waited for for ever."""
    subprocess.run([sys.executable, "-c", IMPORTED], check=True, timeout=60)


@pytest.mark.parametrize(
    ("root", "shape", "error", "message"),
    [
        ("nowhere", (3, 8, 8), NotFound, "is not a folder"),
        ("pictures/notes.txt", (3, 8, 8), NotFound, "is not a folder"),
        ("empty", (3, 8, 8), NotFound, "holds no images"),
        ("pictures", None, InvalidInput, "give model.input_shape"),
        ("pictures", (2, 8, 8), InvalidInput, "pictures have shape"),
    ],
)
def test_a_folder_that_cannot_be_used(
    pictures: Path, root: str, shape: tuple[int, ...] | None, error: type[Exception], message: str
) -> None:
    (pictures.parent / "empty").mkdir()
    with pytest.raises(error, match=message):
        open_data("folder", "train", root=pictures.parent / root, shape=shape)
