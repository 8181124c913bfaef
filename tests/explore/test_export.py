"""What the page's engine draws is what torch draws: every checkpoint, every combination, and each operation."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import genzoo
from genzoo.api.build import combinations
from genzoo.errors import InvalidInput, UnsupportedVerb
from genzoo.explore.columns import as_rows
from genzoo.explore.export import export_decoder
from genzoo.models import Model
from genzoo.models.autoencoder import Autoencoder
from genzoo.models.conditioning import JoinedToCode
from genzoo.registry import registry
from genzoo.spec import ModelSpec
from tests.conftest import ROOT

DECODE = ROOT / "tests" / "web" / "decode.mjs"
TOLERANCE = {torch.float32: 1e-5, torch.float16: 1 / 255}

DECODING = {
    family.name
    for _, _, family in registry().entries(genzoo.Family)
    if "latent_dim" in family.config and family.name != "features"
}
CHECKPOINTS = [name for name in genzoo.list_models() if genzoo.show(name).family in DECODING]
MAY_BE_LEFT_OUT = genzoo.Column(space=genzoo.Space(shape=(), values="index", size=3), optional=True)
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *(
        (name, {"input_shape": (3, 28, 24)})
        for name, (family, _) in sorted(combinations().items())
        if family in DECODING
    ),
    ("vae-conv", {"input_shape": (1, 25, 30), "depth": 3, "width": 5, "blocks": 1, "norm": "none"}),
    ("vae-conv", {"input_shape": (2, 9, 8), "depth": 1, "width": 7, "blocks": 2, "likelihood": "logistic"}),
    ("vae-dense", {"input_shape": (1, 7, 9), "hidden": (11,), "activation": "tanh", "likelihood": "gaussian"}),
    ("vae-dense", {"input_shape": (2,), "values": "real", "activation": "leaky_relu", "likelihood": "gaussian"}),
    ("gan-dense", {"input_shape": (2,), "values": "real", "hidden": (9, 5)}),
    ("gan-dcgan", {"input_shape": (1, 40, 48), "width": 6}),
    ("vae-dense", {"input_shape": (1, 7, 9), "hidden": (11,), "given": {"label": MAY_BE_LEFT_OUT}}),
]


def assert_same_pictures(model: Model, node: str, folder: Path, **given: Any) -> None:
    """The engine's pictures of an exported model are torch's, in both precisions, told something or nothing."""
    _perturb(model)
    z = torch.randn(3, model.latent_dim, generator=torch.Generator().manual_seed(0))
    wanted = model.decode(z, **given).cpu()
    rows = as_rows(model, given, 3) if given else [None] * 3
    (folder / "z.json").write_text(json.dumps(list(zip(z.tolist(), rows, strict=True))))
    files = [folder / f"{dtype}.safetensors" for dtype in TOLERANCE]
    for file, dtype in zip(files, TOLERANCE, strict=True):
        file.write_bytes(export_decoder(model, dtype=dtype).data)
    command = [node, str(DECODE), str(folder / "z.json"), *map(str, files)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    for (dtype, tolerance), drawn in zip(TOLERANCE.items(), json.loads(result.stdout), strict=True):
        error = float(
            (torch.tensor(drawn).reshape(wanted.shape) - wanted).abs().max() / wanted.abs().max().clamp(min=1)
        )
        assert error <= tolerance, f"{model.name}, {dtype}: {error}"


def _perturb(model: Model) -> None:
    """Untrained biases and statistics are 0 or 1, which would hide an operation that forgets them."""
    if model.checkpoint is None:
        generator = torch.Generator().manual_seed(0)
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand(tensor.shape, generator=generator), alpha=0.1)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_the_engine_draws_every_checkpoint(name: str, node: str, tmp_path: Path) -> None:
    assert_same_pictures(genzoo.load(name, device="cpu"), node, tmp_path)


@pytest.mark.parametrize(("name", "config"), VARIANTS, ids=str)
def test_the_engine_draws_every_combination(name: str, config: dict[str, Any], node: str, tmp_path: Path) -> None:
    assert_same_pictures(genzoo.create(name, latent_dim=5, seed=0, **config).eval(), node, tmp_path)


COLUMNS = {
    "age": genzoo.Column(space=genzoo.Space(shape=())),
    "caption": genzoo.Column(space=genzoo.Space(shape=(4,), values="index", size=3), names=("thin", "thick", "bar")),
    "kind": genzoo.Column.of(["a", "b", "c"]),
    "position": genzoo.Column(space=genzoo.Space(shape=(2,), values="unit"), optional=True),
}
TOLD: dict[str, Any] = {
    "age": [0.5, -3, 0],
    "caption": ["thin bar", "", "bar bar thick thin"],
    "kind": ["a", "b", "c"],
    "position": torch.tensor([[0.25, 1], [torch.nan, torch.nan], [0, 0.5]]),
}


def test_the_engine_is_told_columns_of_every_kind(node: str, tmp_path: Path) -> None:
    model = genzoo.create("vae-dense", input_shape=(1, 5, 6), latent_dim=4, hidden=(9,), seed=0, given=COLUMNS).eval()
    assert_same_pictures(model, node, tmp_path, **TOLD)
    label = genzoo.load("gan-dcgan-mnist-label", device="cpu")
    assert_same_pictures(label, node, tmp_path, label=["7", 0, None])
    faces = genzoo.load("vae-conv-faces-attributes", device="cpu")
    assert_same_pictures(faces, node, tmp_path, hat=["yes", "no", None], hair=["pink", 0, None])


class OnMaps(nn.Module):
    """A decoder that is told a column at every place of a map."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 60)
        told = {"kind": COLUMNS["kind"]}
        self.joined = JoinedToCode(lambda shape: nn.Conv2d(shape[0], 2, 3, padding=1), (4, 3, 5), told)

    def forward(self, z: Tensor, given: Mapping[str, Tensor]) -> Tensor:
        x: Tensor = self.joined(self.first(z).view(-1, 4, 3, 5), given)
        return x


def test_a_column_is_spread_over_a_map(node: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = {"input_shape": (2, 3, 5), "latent_dim": 6, "values": "unit"}
    spec = ModelSpec(family="ae", architecture="strange", config=config, given={"kind": COLUMNS["kind"]})
    model = Autoencoder(spec, nn.Linear(1, 1), OnMaps()).eval()
    assert_same_pictures(model, node, tmp_path, kind=TOLD["kind"])


class Through(nn.Module):
    """A decoder of a plugin's own: a linear layer to feature maps, and something after it."""

    def __init__(self, after: nn.Module, shape: tuple[int, ...] = (4, 3, 5)) -> None:
        super().__init__()
        self.first = nn.Linear(6, int(torch.Size(shape).numel()))
        self.shape = shape
        self.after = after

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.after(self.first(z).view(-1, *self.shape))
        return x


class Of(nn.Module):
    """A function as a module."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.function(x)
        return y


class Skip(nn.Module):
    """A path and what joins it to its own input."""

    def __init__(self, path: nn.Module, join: Any) -> None:
        super().__init__()
        self.path = path
        self.join = join

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.join(x, self.path(x))
        return y


class Gate(nn.Module):
    """One number for each channel (Hu et al. 2018)."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.first = nn.Linear(int(torch.Size(shape).numel()), shape[0])

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.first(x.flatten(1)).sigmoid()[:, :, None, None]
        return gate


class UNet(nn.Module):
    """Down, up, and the same scale joined (Ronneberger et al. 2015), with the residual blocks of Ho et al. 2020."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = Skip(
            nn.Sequential(nn.GroupNorm(2, channels), nn.SiLU(), nn.Conv2d(channels, channels, 3, padding=1)), torch.add
        )
        self.down = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
        self.up = nn.Sequential(nn.GELU(), nn.Upsample(size=(3, 5), mode="bilinear"))
        self.last = nn.Conv2d(3 * channels, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.block(x)
        y: Tensor = self.last(torch.cat([fine, self.up(self.down(fine))], dim=1))
        return y


CHANNELS = torch.tensor([1.0, 0.5, -2.0, 3.0])[:, None, None]


def with_decoder(decoder: nn.Module) -> Autoencoder:
    torch.manual_seed(0)
    shape = tuple(decoder(torch.zeros(1, 6)).shape[1:])
    spec = ModelSpec(
        family="ae", architecture="strange", config={"input_shape": shape, "latent_dim": 6, "values": "unit"}
    )
    return Autoencoder(spec, nn.Linear(1, 1), decoder).eval()


PARTS = {
    "convolution": nn.Conv2d(4, 5, (3, 2), stride=(2, 1), padding=(2, 1)),
    "pointwise": nn.Conv2d(4, 3, 1, bias=False),
    "transposed": nn.ConvTranspose2d(4, 3, (3, 5), stride=(3, 2), padding=(1, 2), output_padding=(2, 1)),
    "upsample": nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(4, 2, 3, padding=1)),
    "pixel shuffle": nn.Sequential(nn.Conv2d(4, 18, 1), nn.PixelShuffle(3)),
    "batch norm without parameters": nn.BatchNorm2d(4, affine=False),
    "batch norm of features": nn.Sequential(nn.Flatten(), nn.BatchNorm1d(60), nn.Dropout(), nn.LeakyReLU(0.3)),
    "softplus": nn.Softplus(),
    "spectral norm": nn.utils.parametrizations.spectral_norm(nn.Conv2d(4, 2, 3)),
    "arithmetic": Of(lambda x: 2 + (x / 4 - x.tanh() * 3 - x.sigmoid()).clamp(max=1)),
    "constants of channels": Of(lambda x: CHANNELS - x * CHANNELS[None] / (CHANNELS + 1) + CHANNELS),
    "skip connection": Skip(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.SiLU()), torch.add),
    "gate": Skip(nn.Sequential(nn.Conv2d(4, 4, 1), nn.Sigmoid()), torch.mul),
    "gate of channels": Skip(Gate(4, 3, 5), torch.mul),
    "difference from a gate of channels": Skip(Gate(4, 3, 5), lambda x, y: y - x),
    "concatenation": Skip(nn.Conv2d(4, 3, 1), lambda x, y: torch.cat([x, y, x], dim=1)),
    "concatenation with a constant": Of(lambda x: torch.cat([torch.full((x.shape[0], 2, 3, 5), 0.3), x], dim=1)),
    "concatenation of features": Skip(nn.Tanh(), lambda x, y: torch.cat([x.flatten(1), y.flatten(1)], dim=-1)),
    "parts of channels": Of(
        lambda x: x.chunk(2, dim=1)[1] * x.chunk(2, dim=1)[0].flatten(1).chunk(15, dim=1)[3][..., None, None]
    ),
    "group norm": nn.Sequential(nn.Conv2d(4, 6, 3), nn.GroupNorm(3, 6)),
    "group norm without parameters": nn.GroupNorm(2, 4, affine=False),
    "layer norm of features": nn.Sequential(nn.Flatten(), nn.LayerNorm(60)),
    "layer norm of all places": nn.LayerNorm((4, 3, 5), elementwise_affine=False),
    "instance norm": nn.InstanceNorm2d(4),
    "instance norm with parameters": nn.InstanceNorm2d(4, affine=True),
    "instance norm of what was learned": nn.InstanceNorm2d(4, affine=True, track_running_stats=True),
    "bilinear": nn.Upsample(scale_factor=2, mode="bilinear"),
    "bilinear of corners": nn.Upsample(size=(7, 4), mode="bilinear", align_corners=True),
    "bilinear to a smaller size": nn.Upsample(size=(2, 9), mode="bilinear"),
    "SiLU": nn.SiLU(),
    "GELU": nn.GELU(),
    "GELU by tanh": nn.GELU(approximate="tanh"),
    "ELU": nn.ELU(0.7),
    "ReLU6": nn.ReLU6(),
    "the same twice": Of(nn.Conv2d(4, 4, 3, padding=1)),
    "reshape": Of(lambda x: x.reshape(x.shape[0], 5, 12).flatten(1)),
    "what does not depend on z": Of(lambda x: x + torch.full((x.shape[0], 4, 1, 1), 2.0).sqrt()),
    "U-Net": UNet(4),
}


@pytest.mark.parametrize("part", PARTS)
def test_the_engine_has_the_parts_of_other_decoders(part: str, node: str, tmp_path: Path) -> None:
    assert_same_pictures(with_decoder(Through(PARTS[part]).eval()), node, tmp_path)


UNKNOWN = {
    "aten.mish.default()": nn.Mish(),
    "aten.conv2d.default([1, 1], [0, 0], [1, 1], 2)": nn.Conv2d(4, 4, 3, groups=2),
    "aten.conv_transpose2d.input([1, 1], [0, 0], [0, 0], 1, [2, 2])": nn.ConvTranspose2d(4, 4, 3, dilation=2),
    "aten.linear.default()": nn.Linear(5, 5),
    "aten.batch_norm.default(None, None, None, None, True, 0.1, 1e-05, False)": nn.BatchNorm2d(
        4, affine=False, track_running_stats=False
    ),
    "aten.softplus.default(2, 20.0)": nn.Softplus(beta=2),
    "aten.mul.Tensor()": Of(lambda x: x * torch.arange(5)),
    "aten.cat.default([view, tanh], -1)": Skip(nn.Tanh(), lambda x, y: torch.cat([x, y], dim=-1)),
    "aten.cat.default([view, expand], 1)": Of(
        lambda x: torch.cat([x, torch.linspace(0, 1, 15).view(1, 1, 3, 5).expand(x.shape[0], -1, -1, -1)], dim=1)
    ),
    "aten.layer_norm.default([5], 1e-05, False)": nn.LayerNorm(5),
    "aten.layer_norm.default([4, 3, 5], 1e-05, False)": nn.LayerNorm((4, 3, 5)),
    "aten.selu.default()": nn.SELU(),
    "aten.slice.Tensor(1, 0, 2)": Of(lambda x: x[:, :2]),
    "aten.upsample_bilinear2d.vec(None, False, [1.5, 1.5])": nn.Upsample(scale_factor=1.5, mode="bilinear"),
    "aten.div.Tensor()": Of(lambda x: x.view(-1, 60, 1) / x.view(-1, 1, 60)),
    "aten.sub.Tensor()": Of(lambda x: x.view(-1, 60, 1) - x.view(-1, 1, 60)),
    "aten.add.Tensor()": Of(lambda x: x + torch.arange(5)),
    "aten.bmm.default()": Of(lambda x: x.view(-1, 60, 1).bmm(x.view(-1, 1, 60))),
    "aten.upsample_nearest2d.vec([4, 5], None)": nn.Upsample(size=(4, 5)),
    "aten.flatten.using_ints(0, 1)": Of(lambda x: x.flatten(0, 1)),
}


@pytest.mark.parametrize("operation", UNKNOWN)
def test_what_the_engine_does_not_have_is_named(operation: str) -> None:
    model = with_decoder(Through(UNKNOWN[operation]).eval())
    with pytest.raises(InvalidInput) as caught:
        export_decoder(model)
    assert f"uses {operation}" in caught.value.message
    assert "decoder.after" in caught.value.message
    assert "genzoo.explore(model) in Python" in caught.value.message


def test_what_cannot_be_exported_at_all_is_refused_with_the_cause() -> None:
    model = with_decoder(Through(Of(lambda x: x if x.sum() > 0 else -x)))
    with pytest.raises(InvalidInput, match=r"follow it: .* data-dependent .* genzoo\.explore\(model\)"):
        export_decoder(model)
    model = with_decoder(Through(Of(lambda x: x.reshape(len(x), 60))))
    with pytest.raises(InvalidInput, match=r"ae-strange\.decode cannot be exported: .* x\.shape\[0\]"):
        export_decoder(model)


def test_a_model_that_does_not_decode_is_refused() -> None:
    with pytest.raises(UnsupportedVerb, match="cannot decode"):
        export_decoder(genzoo.load("features-lenet-mnist"))


def test_a_file_is_the_same_twice_and_half_as_large_in_half_precision() -> None:
    model = genzoo.load("ae-dense-mnist-2d")
    half, whole = export_decoder(model).data, export_decoder(model, dtype=torch.float32).data
    assert half == export_decoder(model).data
    assert len(half) < 0.51 * len(whole)


def test_the_way_out_is_one_that_explore_finds(tmp_path: Path) -> None:
    folder = tmp_path / "a run"
    shutil.copytree(genzoo.show("gan-dense-toy1d").folder, folder)
    record = json.loads((folder / "genzoo.json").read_text())
    (folder / "genzoo.json").write_text(json.dumps(record | {"name": "mine"}))
    model = genzoo.load(folder, device="cpu")
    model.generator = nn.LogSigmoid()
    with pytest.raises(InvalidInput) as caught:
        export_decoder(model)
    way = shlex.split(caught.value.message.partition("genzoo explore ")[2])
    assert genzoo.show(*way).sha256 == genzoo.show(folder).sha256
