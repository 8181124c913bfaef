"""What a model is told: values as people write them, and what is wrong with others."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import genzoo
from genzoo.models.conditioning import BesideData, FiLM, JoinedToCode
from genzoo.models.given import not_told
from genzoo.spec import Column, Space
from genzoo.spec.columns import check_columns

COLUMNS = {
    "label": Column.of(["cat", "dog", "ankle boot"]),
    "words": Column(space=Space(shape=(3,), values="index", size=4), names=("a", "red", "cat", "face"), optional=True),
    "size": Column(space=Space(shape=(2,)), optional=True),
    "age": Column(space=Space(shape=(), values="unit"), optional=True),
    "hat": Column.of(["no", "yes"]),
}


@pytest.fixture(scope="module")
def vae() -> genzoo.Model:
    return genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=3, hidden=[8], seed=0, given=COLUMNS).eval()


def told(vae: genzoo.Model, n: int = 2, **given: Any) -> dict[str, Tensor]:
    return vae.told({"label": 0, "hat": "no", **given}, n, "sample")


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("label", 2, [2, 2]),
        ("label", "ankle boot", [2, 2]),
        ("label", "1", [1, 1]),
        ("label", ["dog", 0], [1, 0]),
        ("label", torch.tensor([1, 2]), [1, 2]),
        ("label", torch.tensor(1, dtype=torch.uint8), [1, 1]),
        ("label", torch.tensor([1, 2], dtype=torch.uint16), [1, 2]),
        ("label", np.array(["dog", "1"]), [1, 1]),
        ("label", np.int64(2), [2, 2]),
        ("words", np.array(["cat", "a red face"]), [[2, 4, 4], [0, 1, 3]]),
        ("words", np.array([[1, 2, 4], [0, 1, 3]], dtype=np.uint32), [[1, 2, 4], [0, 1, 3]]),
        ("size", np.array([1.0, 2.0]), [[1.0, 2.0]] * 2),
        ("hat", True, [1, 1]),
        ("hat", [False, True], [0, 1]),
        ("words", "Red cat", [[1, 2, 4]] * 2),
        ("words", ["cat", "a red face"], [[2, 4, 4], [0, 1, 3]]),
        ("words", None, [[4, 4, 4]] * 2),
        ("age", 0.5, [0.5, 0.5]),
        ("size", [1, 2], [[1.0, 2.0]] * 2),
        ("size", [[1, 2], [3, 4]], [[1.0, 2.0], [3.0, 4.0]]),
    ],
)
def test_values_are_written_as_people_write_them(vae: genzoo.Model, name: str, value: Any, wanted: Any) -> None:
    found = told(vae, **{name: value})
    assert found[name].tolist() == wanted
    assert vae.sample(2, seed=0, **found).shape == (2, 1, 4, 4)
    assert all(rows.dtype == torch.int64 or rows.is_floating_point() for rows in found.values())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"label": "dgo"},
            "label takes an integer below 3, or a name: cat, dog, ankle boot; got 'dgo'; did you mean dog",
        ),
        ({"label": 3}, "label takes an integer below 3.*; got 3"),
        ({"label": -1}, "label takes an integer below 3.*; got -1"),
        ({"label": "9" * 5000}, "label takes an integer below 3.*; got '9999"),
        ({"label": np.array([0.5] * 8)}, "label takes an integer below 3.*; got 0.5"),
        ({"label": np.array([None] * 8)}, "label takes an integer below 3.*; got None"),
        ({"size": [1, 10**400]}, r"size wants numbers of shape \(2,\), values of any size; got \[1, 1000"),
        ({"size": np.array(["a", "b"])}, r"size wants numbers of shape \(2,\), values of any size"),
        ({"label": True}, "label takes an integer below 3.*; got True"),
        ({"label": torch.arange(9) % 3}, "label: 9 values for 8 examples; give one for all, or 8"),
        ({"label": torch.tensor([0.5] * 8)}, "label wants a tensor of whole numbers; got torch.float32"),
        ({"label": None}, "wants label: an integer below 3"),
        ({"lable": 1}, "is told age, hat, label, size, words, and no 'lable'; did you mean label"),
        ({"words": "a red cat face"}, "words takes at most 3 of 4 words; this text has 4"),
        ({"words": "a rad cat"}, "the word 'rad' is not among those it has learned; did you mean red"),
        ({"words": 3}, "words wants a text, or a list of texts; got 3"),
        ({"size": "big"}, r"size wants numbers of shape \(2,\), values of any size; got 'big'"),
        ({"age": 2.0}, r"age: values must lie in \[0, 1\]; these lie in \[2, 2\]; it takes a number in \[0, 1\]"),
        ({"hat": "maybe"}, "hat takes an integer below 2, or a name: no, yes; got 'maybe'"),
    ],
)
def test_other_values_are_refused_with_what_the_column_wants(
    vae: genzoo.Model, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(genzoo.InvalidInput, match=f"vae-dense.sample.*{message}"):
        told(vae, 8, **given)


def test_latents_are_told_of_examples_alone(vae: genzoo.Model) -> None:
    with pytest.raises(genzoo.InvalidInput, match="latents is told label of no examples; give x too"):
        vae.latents(label=1)


def test_a_model_that_is_told_nothing_says_so() -> None:
    with pytest.raises(
        genzoo.InvalidInput,
        match=r"gan-dense-toy1d\.sample is told nothing beside its input, and no 'label'; leave it out",
    ):
        genzoo.load("gan-dense-toy1d").sample(2, label=3)


def test_what_is_told_changes_what_is_drawn_and_what_is_not_told_is_a_value_of_its_own(vae: genzoo.Model) -> None:
    same = {"label": 0, "hat": "no"}
    plain = vae.sample(4, seed=0, **same)
    assert not torch.equal(plain, vae.sample(4, seed=0, label=1, hat="no"))
    for name, value in {"words": "cat", "size": [0, 0], "age": 0.0}.items():
        assert not torch.equal(plain, vae.sample(4, seed=0, **same, **{name: value})), name
    untold = not_told(COLUMNS["size"], 4, plain)
    assert torch.equal(plain, vae.sample(4, seed=0, **same, size=untold))


def test_a_picture_is_laid_beside_a_picture_of_its_size_and_joined_to_no_code() -> None:
    source = {"source": Column(space=Space(shape=(3, 4, 4), values="unit"))}
    beside = BesideData(lambda shape: torch.nn.Conv2d(shape[0], 1, 1), (1, 4, 4), source)
    x, given = torch.rand(2, 1, 4, 4), {"source": torch.rand(2, 3, 4, 4)}
    assert beside(x, given).shape == (2, 1, 4, 4)
    assert not torch.equal(beside(x, given), beside(x, {"source": 1 - given["source"]}))
    with pytest.raises(genzoo.InvalidInput, match="source has pictures of 4×4 beside examples of 8×8"):
        BesideData(lambda shape: torch.nn.Identity(), (1, 8, 8), source)
    with pytest.raises(genzoo.InvalidInput, match=r"a picture \(source\) cannot be joined to a code"):
        JoinedToCode(lambda shape: torch.nn.Identity(), 3, source)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"seed": COLUMNS["label"]}, "a column cannot be called 'seed'"),
        ({"extent": COLUMNS["label"]}, "a column cannot be called 'extent'"),
        ({"la bel": COLUMNS["label"]}, "a column cannot be called 'la bel'"),
        ({"_label": COLUMNS["label"]}, "a column cannot be called '_label'.* of a-z, 0-9 and '_'"),
        ({"class": COLUMNS["label"]}, "a column cannot be called 'class'"),
        ({"type": COLUMNS["label"]}, "a column cannot be called 'type', as torch's modules have that name"),
    ],
)
def test_a_column_has_a_name_that_a_keyword_can_have(columns: dict[str, Column], message: str) -> None:
    with pytest.raises(genzoo.InvalidInput, match=message):
        genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=3, given=columns)


def test_no_parameter_of_a_verb_or_a_view_can_be_the_name_of_a_column(vae: genzoo.Model) -> None:
    views = ("traverse", "interpolate", "manifold", "latents", "attribute_vector")
    kinds = (type(vae), type(genzoo.create("gan-dense", input_shape=(1, 4, 4), latent_dim=3)))
    methods = [getattr(kind, name) for kind in kinds for name in (*vae.verbs, *views) if name in dir(kind)]
    parameters = {name for method in methods for name in signature(method).parameters}
    assert {"a", "extent", "x", "z"} < parameters
    for name in parameters:
        with pytest.raises(genzoo.InvalidInput, match="a column cannot be called"):
            check_columns({name: COLUMNS["label"]}, "the model")


@pytest.mark.parametrize(
    "space",
    [
        {"shape": (), "values": "index", "size": 2**60},
        {"shape": (), "values": "index", "size": 2**1000},
        {"shape": (10**12,), "values": "index", "size": 3},
        {"shape": (10**18,)},
        {"shape": (10**30,)},
        {"shape": (3, 10**9, 10**9)},
        {"shape": (-5,)},
        {"shape": (0,)},
    ],
)
def test_a_column_is_not_larger_than_any_machine(space: dict[str, Any]) -> None:
    with pytest.raises(genzoo.InvalidInput, match=r"a column has at most 16,777,216 values|lengths of at least 1"):
        Column(space=Space(**space))


def test_names_are_as_many_as_values() -> None:
    with pytest.raises(genzoo.InvalidInput, match="a name for each of its 3 values, or none; got 2"):
        Column(space=Space(shape=(), values="index", size=3), names=("a", "b"))
    with pytest.raises(genzoo.InvalidInput, match="numbers, vectors, words or pictures"):
        Column(space=Space(shape=(2, 2)))


def test_networks_that_are_told_nothing_say_what_they_want(vae: genzoo.Model) -> None:
    with pytest.raises(
        genzoo.InvalidInput, match=r"the networks of this model are told age, hat, .*, and no age is given"
    ):
        vae.posterior(torch.rand(2, 1, 4, 4))


def test_film_begins_as_the_identity_and_scales_and_shifts_each_channel() -> None:
    film, x, vector = FiLM(2, 3), torch.randn(4, 3, 5, 6), torch.randn(4, 2)
    assert torch.equal(film(x, vector), x)
    with torch.no_grad():
        film.linear.weight.normal_()
        film.linear.bias.normal_()
    scale, shift = film.linear(vector).chunk(2, dim=1)
    assert torch.allclose(film(x, vector), x * (1 + scale[..., None, None]) + shift[..., None, None])
    assert torch.allclose(film(x[..., 0, 0], vector), x[..., 0, 0] * (1 + scale) + shift)


def test_conv_networks_are_not_told_a_picture() -> None:
    picture = {"source": Column(space=Space(shape=(1, 8, 8), values="unit"))}
    with pytest.raises(genzoo.InvalidInput, match=r"conv cannot be told a picture \(source\)"):
        genzoo.create("vae-conv", input_shape=(1, 8, 8), latent_dim=2, given=picture)
