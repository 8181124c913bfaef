"""Third-party models that stand on others: a prior fitted to the codes of an autoencoder, trained as a family of its
own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

import genzoo
from genzoo.api.build import MAX_PARTS_DEEP, _part
from genzoo.api.publish import Draft
from genzoo.catalog import find_checkpoint
from genzoo.cli import run
from genzoo.errors import DamagedFile, InvalidInput, MalformedWeights, NotFound
from genzoo.hub.files import encode_weights
from genzoo.registry import registry
from genzoo.testing import check
from tests.conftest import make_distribution
from tests.house.conftest import a_house
from tests.hub.server import TOKEN, Hub

PLUGIN = """
from genzoo import Architecture, Family, LATENT_DIM, Objective, hookimpl, Model, sample_in_blocks, verb

GENZOO_API = 2
FAMILY = Family(
    name="latent",
    target="house_prior:Latent",
    roles=("generator",),
    summary="a Gaussian over the codes of a first stage",
    parts=("first_stage",),
)
NET = Architecture(name="spread", roles={"generator": "house_prior:spread"}, summary="mean and scale")
OBJECTIVE = Objective(name="fit", family="latent", players={"model": "house_prior:loss"}, summary="-log N(z; m, s)")


@hookimpl
def genzoo_records():
    return FAMILY, NET, OBJECTIVE


def spread(dim, shape):
    import torch

    net = torch.nn.Module()
    net.mean, net.log_std = (torch.nn.Parameter(torch.zeros(dim)) for _ in range(2))
    return net


class Latent(Model):
    def __init__(self, spec, net, parts):
        super().__init__(spec)
        self.net = net

    @classmethod
    def build(cls, network, spec, parts):
        return cls(spec, network("generator", parts["first_stage"].latent_dim, spec.input_shape), parts)

    @property
    def spaces(self):
        code = self.parts["first_stage"].spaces["code"]
        return {**super().spaces, "code": code, "noise": code}

    @property
    def players(self):
        return {"model": self}

    @verb(takes="data", gives="code")
    def encode(self, x):
        return (self.parts["first_stage"].encode(x) - self.net.mean) / self.net.log_std.exp()

    @verb(takes="code", gives="data")
    def decode(self, z):
        return self.parts["first_stage"].decode(self.net.mean + self.net.log_std.exp() * z)

    @verb(takes="noise", gives="data")
    def sample(self, n, *, seed=None, sampler=""):
        return sample_in_blocks(self, n, seed=seed, sampler=sampler)


def loss(model, batch):
    z = (model.parts["first_stage"].encode(batch.x) - model.net.mean) / model.net.log_std.exp()
    return {"loss": (z.square() / 2 + model.net.log_std).sum(1)}
"""
RECIPE = """
name = "latent-spread-mnist"
license = "Apache-2.0"
[model]
family = "latent"
architecture = "spread"
parts = { first_stage = "ae-dense-mnist-2d" }
sampler = "prior"
[objective]
name = "fit"
[data]
name = "mnist"
[optimizer]
learning_rate = 0.3
[training]
epochs = 30
batch_size = 128
"""


@pytest.fixture(scope="module")
def trained(few_digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder, trained once; tests work on copies."""
    with a_house(tmp_path_factory.mktemp("house")) as house:
        make_distribution(house.folder, "house-prior", PLUGIN)
        registry.cache_clear()
        (house.folder / "my.toml").write_text(RECIPE)
        genzoo.train(house.folder / "my.toml", output=house.folder / "run", data_root=few_digits, progress=False)
        return house.folder / "run"


@pytest.fixture
def run_folder(trained: Path, beside: Path, few_digits: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_distribution(beside, "house-prior", PLUGIN)
    monkeypatch.setenv("GENZOO_DATA", str(few_digits))
    return Path(shutil.copytree(trained, beside / "run"))


def test_a_model_stands_on_a_part(
    run_folder: Path, tmp_path: Path, hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = genzoo.load(run_folder), genzoo.load(run_folder)
    part = first.parts["first_stage"]
    assert part is second.parts["first_stage"]
    assert part.name == "ae-dense-mnist-2d"
    assert not any(parameter.requires_grad for parameter in part.parameters())
    assert set(first.state_dict()) == {"net.mean", "net.log_std"}
    check(first)
    digits = genzoo.open_data("mnist", "train").first(500)
    z = first.encode(digits)
    assert z.mean(0).abs().max() < 0.3  # the codes themselves are spread over ten and more
    assert (z.std(0) - 1).abs().max() < 0.3
    assert first.double().parts["first_stage"].reference.dtype == torch.float64
    assert second.parts["first_stage"].reference.dtype == torch.float32

    saved = second.save(tmp_path / "saved")
    assert genzoo.load(saved / "parts" / "first_stage").sha256 == part.sha256
    with torch.no_grad():
        weights = next(second.parts["first_stage"].parameters())
        before = weights.clone()
        weights.add_(1)
        with pytest.raises(InvalidInput, match="its part first_stage, ae-dense-mnist-2d, is not as it was loaded"):
            second.save(tmp_path / "changed")
        weights.copy_(before)

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    files = Draft.of(run_folder, "me/latent").files
    assert {"parts/first_stage/model.safetensors", "parts/first_stage/genzoo.json"} <= set(files)
    pin = genzoo.push(run_folder, "me/latent", license="Apache-2.0")
    wanted = second.sample(3, seed=0)
    assert torch.equal(genzoo.load(pin).sample(3, seed=0), wanted)
    assert run(["pull", pin, "--to", str(tmp_path / "there")]) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert (folder / "parts" / "first_stage" / "model.safetensors").is_file()
    assert torch.equal(genzoo.load(folder).sample(3, seed=0), wanted)


def rewrite(folder: Path, **told: object) -> None:
    record = json.loads((folder / "genzoo.json").read_text())
    (folder / "genzoo.json").write_text(json.dumps({**record, **told}))


def test_what_is_wrong_with_a_part_is_said(run_folder: Path, tmp_path: Path) -> None:
    record = genzoo.show(run_folder)
    rewrite(run_folder, parts={"first_stage": {"name": "ae-dense-mnist-2d", "sha256": "1" * 64}})
    with pytest.raises(
        DamagedFile, match="stands on ae-dense-mnist-2d with the sha256 111111111111…, and the one here has"
    ):
        genzoo.load(run_folder)
    rewrite(run_folder, parts={"first_stage": {"name": "gone", "sha256": "1" * 64}})
    with pytest.raises(NotFound, match=r"stands on gone \(first_stage\), which is not here"):
        genzoo.load(run_folder)
    rewrite(run_folder, parts={})
    with pytest.raises(genzoo.InvalidInput, match="the parts of latent are first_stage; got none"):
        genzoo.load(run_folder)
    twin = tmp_path / "run" / "parts" / "first_stage"
    rewrite(run_folder, parts={"first_stage": {"name": "latent-spread-mnist", "sha256": record.sha256}})
    shutil.copytree(run_folder, twin.parent.parent / "copy")
    twin.parent.mkdir()
    shutil.move(twin.parent.parent / "copy", twin)
    with pytest.raises(MalformedWeights, match="its part first_stage stands on it in turn"):
        genzoo.load(run_folder)


def test_a_part_brought_along_is_found_where_its_name_is_not(run_folder: Path) -> None:
    """What is beside the record has the pinned bytes, or is refused."""
    part = genzoo.load("ae-dense-mnist-2d")
    weights = encode_weights(part.state_dict())
    folder = run_folder / "parts" / "first_stage"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "genzoo.json").write_bytes((genzoo.show("ae-dense-mnist-2d").folder / "genzoo.json").read_bytes())
    first = genzoo.load(run_folder)
    rewrite(run_folder, parts={"first_stage": {"name": "of-another-plugin", "sha256": part.sha256}})
    rewrite(folder, labels={"0": "slant"})
    second = genzoo.load(run_folder)
    assert torch.equal(second.sample(2, seed=0), first.sample(2, seed=0))
    assert second.parts["first_stage"].latents()[0].label != first.parts["first_stage"].latents()[0].label


def test_parts_that_stand_on_too_many_others_are_said_to_be_too_deep(run_folder: Path) -> None:
    found, above = find_checkpoint(run_folder), tuple(f"{depth:064}" for depth in range(MAX_PARTS_DEEP + 1))
    with pytest.raises(MalformedWeights, match=f"its part first_stage stands below {MAX_PARTS_DEEP} others"):
        _part(found, "first_stage", torch.device("cpu"), above)


def test_a_recipe_names_its_parts_and_sampler(beside: Path, few_digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_distribution(beside, "house-prior", PLUGIN)
    for change, message in (
        ({"model.parts": {}}, "the parts of latent are first_stage; got none"),
        ({"model.parts": {"first_stage": "./run"}}, "must be the name of a checkpoint"),
        ({"model.parts": ["ae-dense-mnist-2d"]}, "model.parts must be a table of checkpoints by role"),
        ({"model.parts": 3}, "model.parts must be a table of checkpoints by role; got 3"),
        ({"model.sampler": "heun:4"}, "the sampler heun needs velocity"),
        ({"model.sampler": 3}, "model.sampler must be a sampler's name"),
    ):
        (beside / "my.toml").write_text(RECIPE)
        with pytest.raises(genzoo.InvalidInput, match=message):
            genzoo.train(
                beside / "my.toml", output=beside / "run", overrides=change, data_root=few_digits, progress=False
            )
