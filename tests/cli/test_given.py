"""--given: what a model is told, through `run`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import genzoo
from genzoo.cli import run
from genzoo.cli.given import Given, parse_given, told
from genzoo.hub.files import encode_weights
from genzoo.pictures import draw, png
from genzoo.spec import Column, Space
from tests.hub.folders import write_checkpoint

Capture = pytest.CaptureFixture[str]

NAME = "./told"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> genzoo.Model:
    """A model that must be told a label, as a checkpoint in the folder `NAME`."""
    monkeypatch.chdir(tmp_path)
    made = genzoo.create(
        "vae-dense",
        input_shape=(1, 8, 8),
        latent_dim=2,
        hidden=[8],
        likelihood="gaussian",
        seed=0,
        given={"label": Column.of(["cat", "dog", "owl"])},
    )
    (tmp_path / "told").mkdir()
    write_checkpoint(tmp_path / "told", encode_weights(made.state_dict()), made)
    return genzoo.load(NAME, device="cpu")


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (["label=3"], {"label": ["3"]}),
        (["label=0..2, 7"], {"label": ["0", "1", "2", "7"]}),
        (["label=cat,dog,glasses=yes"], {"label": ["cat", "dog"], "glasses": ["yes"]}),
        (["text=cat face,label=3d"], {"text": ["cat face"], "label": ["3d"]}),
        (["label=1", "source=a=b.png"], {"label": ["1"], "source": ["a=b.png"]}),
    ],
)
def test_values_stand_behind_their_columns(texts: list[str], wanted: dict[str, list[str]]) -> None:
    assert parse_given(texts) == wanted


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["label"], "--given 'label' must be COLUMN=VALUE"),
        (["=3"], "--given '=3' must be COLUMN=VALUE"),
        ([""], "--given '' must be COLUMN=VALUE"),
        (["label=9..0"], "9..0 is no range; write the smaller number first"),
        (["label=0..99999999"], "0..99999999 has more than the 100,000 values allowed"),
        (["label=3,label=4"], "--given has label twice; write all its values at once: label=3,5"),
        (["label=3", "label=4"], "--given has label twice"),
    ],
)
def test_what_is_malformed_is_refused(texts: list[str], message: str) -> None:
    with pytest.raises(genzoo.InvalidInput, match=message):
        parse_given(texts)


def test_samples_are_told_one_value_each_in_turn(model: genzoo.Model) -> None:
    assert run(["sample", NAME, "-n", "4", "--given", "label=0..1", "-o", "s.png", "--device", "cpu"]) == 0
    wanted = model.sample(4, seed=0, label=["cat", "dog", "cat", "dog"])
    assert Path("s.png").read_bytes() == png(draw(wanted))


def test_a_map_is_told_one_value(model: genzoo.Model) -> None:
    assert run(["map", NAME, "-n", "3", "--given", "label=dog", "-o", "m.png", "--device", "cpu"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", NAME], "wants label: an integer below 3, or a name: cat, dog, owl"),
        (["sample", NAME, "-n", "2", "--given", "label=0..2"], "--given label: 3 values for 2 examples"),
        (["sample", NAME, "--given", "label=owel"], "got 'owel'; did you mean owl?"),
        (["sample", NAME, "--given", "lable=1"], "is told label, and no 'lable'; did you mean label?"),
        (["sample", NAME, "--given", f"label={'9' * 5000}"], "label takes an integer below 3"),
        (["sample", NAME, "--given", f"label=0..{'9' * 5000}"], "label takes an integer below 3"),
        (["sample", "vae-dense-mnist", "--given", "label=3"], "is told nothing beside its input"),
        (["map", NAME, "--given", "label=0,1"], "--given label: 2 values for 1 example"),
        (["traverse", NAME, "--given", "label=0..2"], "--given label: 3 values for 1 example"),
        (["decode", NAME, "z.npz", "--given", "label=0..2"], "--given label: 3 values for 2 examples"),
    ],
)
def test_what_cannot_be_told_is_refused_without_a_traceback(
    model: genzoo.Model, arguments: list[str], message: str, capsys: Capture
) -> None:
    np.savez("z.npz", z=np.zeros((2, model.latent_dim), dtype=np.float32))
    assert run([*arguments, "-o", "out.png"]) == 2
    assert message in capsys.readouterr().err
    assert not Path("out.png").exists()


def test_a_picture_of_another_size_is_resized_when_asked_alone(tmp_path: Path) -> None:
    png_file = tmp_path / "a.png"
    Image.new("L", (4, 6)).save(png_file)
    columns = {"source": Column(space=Space(shape=(1, 6, 4), values="unit"))}
    here: Any = SimpleNamespace(spec=SimpleNamespace(given=columns), name="m")
    assert told(here, Given(texts=(f"source={png_file}",)), 2, {})["source"].shape == (1, 6, 4)
    other: Any = SimpleNamespace(
        spec=SimpleNamespace(given={"source": Column(space=Space(shape=(3, 8, 8), values="unit"))}), name="m"
    )
    with pytest.raises(genzoo.InvalidInput, match=r"a\.png has 4×6 pixels, and source takes 8×8; --resize crops and"):
        told(other, Given(texts=(f"source={png_file}",)), 2, {})
    resized = told(other, Given(texts=(f"source={png_file}",), resize=True), 2, {})
    assert resized["source"].shape == (3, 8, 8)


def test_a_vector_is_numbers_with_spaces_between_them() -> None:
    here: Any = SimpleNamespace(spec=SimpleNamespace(given={"size": Column(space=Space(shape=(2,)))}), name="m")
    assert told(here, Given(texts=("size=1 -2.5",)), 3, {}) == {"size": [1.0, -2.5]}
    assert told(here, Given(texts=("size=1 2,3 4",)), 3, {}) == {"size": [[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]}
    with pytest.raises(genzoo.InvalidInput, match="size takes 2 numbers with spaces between them"):
        told(here, Given(texts=("size=1",)), 3, {})
