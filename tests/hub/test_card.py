"""The card: metadata the Hub accepts, and a text that keeps a person's words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import genzoo
from genzoo.errors import InvalidInput
from genzoo.hub.card import BEGIN, END, card, pipeline_tag
from genzoo.spec import Checkpoint, Number
from tests.hub.server import front_matter

PIN = f"hf:me/model@{'0' * 40}"


def record(**values: Any) -> Checkpoint:
    given: dict[str, Any] = {
        "name": "vae-dense-test",
        "family": "vae",
        "architecture": "dense",
        "config": {"input_shape": [1, 4, 4], "latent_dim": 2},
        "dataset": "none",
        "license": "MIT",
        "parameters": 1234,
        "sha256": "0" * 64,
        "size_bytes": 1,
    }
    return Checkpoint(**given | values)


def text(before: str = "", **values: Any) -> str:
    return card(record(**values), ("sample", "encode"), reference=PIN, preview=True, before=before)


@pytest.mark.parametrize("name", genzoo.list_models())
def test_every_checkpoint_has_a_card_with_all_its_numbers(name: str) -> None:
    checkpoint = genzoo.show(name)
    found = card(checkpoint, tuple(genzoo.load(name, device="cpu").verbs), reference=name, preview=False)
    data = front_matter(found)
    results = data.get("model-index", [{"results": []}])[0]["results"]
    numbers = {metric["type"]: metric["value"] for result in results for metric in result["metrics"]}
    assert numbers == {metric: entry.value for metric, entry in checkpoint.metrics.items()}
    assert all(f"{each.floor:.6g}" in found for each in checkpoint.metrics.values() if each.floor is not None)
    assert "preview.png" not in found
    code = found.partition("```python\n")[2].partition("```")[0]
    made: dict[str, Any] = {}
    exec(code, made)  # noqa: S102  # as a reader pastes it
    assert made["x"].shape == (16, *checkpoint.input_shape)
    assert hasattr(made["model"], "encode") == ("z" in made)


@given(words=st.text(st.characters(exclude_categories=["Cs", "Cc"])), trained=st.booleans())
def test_a_persons_words_survive_any_number_of_pushes(words: str, trained: bool) -> None:
    first = text().replace(f"{BEGIN}\n", f"{BEGIN}\n{words}\n")
    again = text(before=first, trained={"seconds": 7} if trained else {})
    assert f"{BEGIN}\n{words}\n{END}\n" in again
    assert text(before=again, trained={"seconds": 7} if trained else {}) == again


@pytest.mark.parametrize(
    ("stated", "found"),
    [("Apache-2.0", ("apache-2.0", None)), ("CC-BY-4.0", ("cc-by-4.0", None)), ("my own", ("other", "my own"))],
)
def test_a_licence_is_one_the_hub_knows_or_other(stated: str, found: tuple[str, str | None]) -> None:
    data = front_matter(text(license=stated))
    assert (data["license"], data.get("license_name")) == found


@pytest.mark.parametrize(
    ("verbs", "shape", "tag"),
    [
        (("encode", "sample"), [1, 4, 4], "unconditional-image-generation"),
        (("encode",), [3, 4, 4], "image-feature-extraction"),
        (("sample",), [2], ""),
    ],
)
def test_the_task_is_one_of_the_hubs_and_of_pictures_alone(verbs: tuple[str, ...], shape: list[int], tag: str) -> None:
    assert pipeline_tag(record(config={"input_shape": shape, "latent_dim": 2}), verbs) == tag


def test_a_number_of_the_past_does_not_stay() -> None:
    entry = Number(value=1.0, unit="a|b", tolerance=0.0, protocol={"split": "test"})
    before = text(metrics={"fid": entry})
    assert "| fid | 1 |  | a&#124;b | split test |" in before
    assert "model-index" not in front_matter(text(before=before))


def test_a_tag_of_the_past_does_not_stay() -> None:
    before = text(dataset="toy1d").replace("tags:\n", "tags:\n- mine\n")
    data = front_matter(text(before=before, architecture="conv", dataset="mnist"))
    assert data["tags"] == ["vae", "conv", "mnist", "mine"]


def test_metadata_that_cannot_be_read_is_not_thrown_away() -> None:
    with pytest.raises(InvalidInput, match="mend it on the hub"):
        text(before="---\n{ [\n---\nmine\n")
