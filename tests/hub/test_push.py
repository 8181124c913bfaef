"""push and search, by the unmodified client against a hub on the loopback."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from huggingface_hub import constants

import genzoo
from genzoo.cli import run
from genzoo.errors import (
    DamagedFile,
    GenzooError,
    HubDenied,
    HubMisbehaved,
    HubOvertaken,
    HubUnavailable,
    InvalidInput,
    NonFiniteWeights,
    Offline,
)
from genzoo.hub.card import BEGIN, END
from genzoo.hub.files import encode_weights
from genzoo.hub.search import search
from tests.hub.faults import Fault, answer, changed, flip, hang_up, on, silent
from tests.hub.folders import change, untrained, write_checkpoint
from tests.hub.server import TOKEN, Handler, Hub, front_matter

Capture = pytest.CaptureFixture[str]

FILES = {"model.safetensors", "genzoo.json", "config.json", "preview.png", "README.md"}
METRIC = {"value": 1.25, "unit": "nats", "tolerance": 0.1, "protocol": {"split": "test", "n": 10}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint folder of an untrained model, with a number."""
    return change(untrained(tmp_path / "run", 8), metrics={"negative_elbo": METRIC})


@pytest.fixture
def logged_in(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return hub


def wrote(hub: Hub) -> list[str]:
    return [request for request in hub.requests if not request.startswith(("GET", "HEAD"))]


def test_what_is_pushed_is_loaded_by_its_pin(logged_in: Hub, folder: Path) -> None:
    pin = genzoo.push(folder, "me/model")
    repo = logged_in.repos["me/model"]
    commit = pin.removeprefix("hf:me/model@")
    assert repo.refs["v1"] == commit
    assert repo.commits[commit].keys() >= FILES
    loaded, local = genzoo.load(pin, device="cpu"), genzoo.load(folder, device="cpu")
    assert loaded.source == "hub"
    assert loaded.sample(4, seed=0).equal(local.sample(4, seed=0))
    assert genzoo.load(pin, device="cpu").source == "cache"


def test_the_card_names_the_pin_and_carries_metadata(logged_in: Hub, folder: Path) -> None:
    pin = genzoo.push(folder, "me/model")
    text = logged_in.repos["me/model"].files["README.md"].decode()
    assert f'genzoo.load("{pin}")' in text
    assert "![What vae-dense-test makes](preview.png)" in text
    assert "| negative elbo | 1.25 |  | nats | split test, n 10 |" in text
    card = front_matter(text)
    assert card["library_name"] == "genzoo"
    assert (card["license"], card["pipeline_tag"]) == ("mit", "unconditional-image-generation")
    assert card["tags"] == ["vae", "dense", "none"]
    [result] = card["model-index"][0]["results"]
    assert (result["metrics"][0]["type"], result["metrics"][0]["value"]) == ("negative_elbo", 1.25)
    assert result["dataset"]["split"] == "test"


def test_the_same_checkpoint_is_not_committed_again(logged_in: Hub, folder: Path) -> None:
    first = genzoo.push(folder, "me/model")
    before = dict(logged_in.repos["me/model"].refs)
    assert genzoo.push(folder, "me/model") == first
    assert logged_in.repos["me/model"].refs == before


def test_another_checkpoint_has_the_next_tag(logged_in: Hub, folder: Path) -> None:
    first = genzoo.push(folder, "me/model")
    second = genzoo.push(change(folder, metrics={}), "me/model")
    refs = logged_in.repos["me/model"].refs
    assert second.endswith(refs["v2"])
    assert first.endswith(refs["v1"])
    assert "model-index" not in front_matter(logged_in.repos["me/model"].files["README.md"].decode())
    assert genzoo.load(first, device="cpu").checkpoint != genzoo.load(second, device="cpu").checkpoint


def test_what_a_person_wrote_survives(logged_in: Hub, folder: Path) -> None:
    genzoo.push(folder, "me/model")
    repo = logged_in.repos["me/model"]
    card = repo.files["README.md"].decode()
    mine = "## Thanks\n\nTo all who\ndrew digits.\n"
    card = card.replace(f"{BEGIN}\n", f"{BEGIN}\n{mine}").replace("tags:", "language: en\ntags:\n- mine")
    repo.commit(repo.files | {"README.md": card.encode()})
    pin = genzoo.push(change(folder, metrics={}), "me/model")
    after = repo.files["README.md"].decode()
    assert f"{BEGIN}\n{mine}{END}\n" in after
    assert pin in after
    assert front_matter(after)["language"] == "en"
    assert front_matter(after)["tags"] == ["vae", "dense", "none", "mine"]


def test_a_card_that_is_not_genzoos_is_kept_whole(logged_in: Hub, folder: Path) -> None:
    logged_in.add("me/model", {"README.md": b"# My model\n\nSoon here.\n"})
    genzoo.push(folder, "me/model")
    assert f"{BEGIN}\n# My model\n\nSoon here.\n{END}\n" in logged_in.repos["me/model"].files["README.md"].decode()


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"license": ""}, InvalidInput, r"states no licence.* genzoo push \S+ \S+ --license Apache-2\.0 \("),
        ({"license": "unstated"}, InvalidInput, "states no licence"),
        ({"sha256": "0" * 64}, DamagedFile, "its sha256 is"),
    ],
)
def test_a_checkpoint_that_should_not_be_published_is_refused(
    logged_in: Hub, folder: Path, values: dict[str, str], error: type[GenzooError], message: str
) -> None:
    with pytest.raises(error, match=message):
        genzoo.push(change(folder, **values), "me/model")
    assert not logged_in.requests


def test_weights_that_are_not_finite_are_refused(logged_in: Hub, folder: Path) -> None:
    model = genzoo.load(folder, device="cpu")
    state = {key: value.fill_(float("nan")) for key, value in model.state_dict().items()}
    write_checkpoint(folder, encode_weights(state), model)
    with pytest.raises(NonFiniteWeights):
        genzoo.push(folder, "me/model")
    assert not logged_in.requests


@pytest.mark.parametrize(
    "repo", ["me", "me/", "/model", "a/b/c", "../model", "me/mo del", "me/model@v1", "hf:me/model", ""]
)
def test_what_is_no_repository_is_refused(logged_in: Hub, folder: Path, repo: str) -> None:
    with pytest.raises(InvalidInput, match="is no repository's name: give org/name"):
        genzoo.push(folder, repo)
    assert not logged_in.requests


def test_a_repository_of_something_else_stays_as_it_is(logged_in: Hub, folder: Path) -> None:
    logged_in.add("me/model", {"model.safetensors": b"another library's"})
    with pytest.raises(InvalidInput, match="holds a model that is not genzoo's; give another name"):
        genzoo.push(folder, "me/model")
    assert logged_in.repos["me/model"].files == {"model.safetensors": b"another library's"}


def test_private_is_private_or_refused(logged_in: Hub, folder: Path) -> None:
    genzoo.push(folder, "me/secret", private=True)
    assert logged_in.repos["me/secret"].private
    logged_in.add("me/open", {})
    with pytest.raises(InvalidInput, match="me/open is public"):
        genzoo.push(folder, "me/open", private=True)
    assert not logged_in.repos["me/open"].files


@pytest.mark.parametrize(("token", "repo"), [("", "me/model"), ("hf_wrong", "me/model"), (TOKEN, "you/model")])
def test_who_may_not_write_is_told_to_log_in(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch, token: str, repo: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubDenied, match="hf auth login"):
        genzoo.push(folder, repo)
    assert not hub.repos


@pytest.mark.parametrize("when", ["preupload/main", "commit/main"])
def test_who_pushed_in_between_is_not_overwritten(logged_in: Hub, folder: Path, when: str) -> None:
    def push_too(_: Handler) -> bool:
        repo = logged_in.repos["me/model"]
        repo.commit(repo.files | {"theirs.txt": b"theirs"})
        return False

    logged_in.meddle = on("POST", push_too, of=when, times=1)
    with pytest.raises(HubOvertaken, match="then push again"):
        genzoo.push(folder, "me/model")
    repo = logged_in.repos["me/model"]
    assert set(repo.files) == {".gitattributes", "theirs.txt"}
    assert set(repo.refs) == {"main"}
    assert genzoo.push(folder, "me/model").endswith(repo.refs["v1"])
    assert repo.files["theirs.txt"] == b"theirs"


def test_a_hub_that_gives_other_bytes_back_gets_no_tag(logged_in: Hub, folder: Path) -> None:
    logged_in.meddle = on("GET", changed(data=flip), of="/model.safetensors")
    with pytest.raises(DamagedFile, match="comes back from the hub other than it was sent"):
        genzoo.push(folder, "me/model")
    assert set(logged_in.repos["me/model"].refs) == {"main"}


def sending(text: str, fault: Fault) -> Fault:
    """`fault` for requests with `text` in their path or body."""
    return lambda request: (text in request.path or text.encode() in request.body) and fault(request)


FAULTS: dict[str, tuple[Fault, type[GenzooError], str]] = {
    "black hole": (silent, HubUnavailable, "does not answer"),
    "login page": (answer(200, body=b"<html>Log in to the network"), HubMisbehaved, "check HF_ENDPOINT"),
    "repository": (on("POST", answer(500), of="repos/create"), HubUnavailable, r"fault of its own \(500\)"),
    "upload": (on("PUT", answer(400)), HubMisbehaved, "status 400"),
    "checkpoint": (sending("Checkpoint v1", answer(500)), HubUnavailable, r"\(500\)"),
    "teapot": (sending("Checkpoint v1", answer(418)), HubMisbehaved, "status 418"),
    "tag": (sending("/tag/", hang_up), HubUnavailable, "failed"),
    "tag of another": (sending("/tag/", answer(409)), HubOvertaken, "then push again"),
    "card": (sending("Card of v1", answer(503)), HubUnavailable, r"\(503\)"),
}


@pytest.mark.parametrize(("fault", "error", "message"), FAULTS.values(), ids=FAULTS)
def test_a_failing_hub_is_a_typed_error_and_the_next_push_goes_on(
    logged_in: Hub, folder: Path, fault: Fault, error: type[GenzooError], message: str
) -> None:
    logged_in.meddle = fault
    began = time.monotonic()
    with pytest.raises(error, match=f"push to me/model: .*{message}"):
        genzoo.push(folder, "me/model")
    assert time.monotonic() - began < 15
    logged_in.meddle = lambda request: False
    pin, repo = genzoo.push(folder, "me/model"), logged_in.repos["me/model"]
    assert pin == f"hf:me/model@{repo.refs['v1']}"
    assert set(repo.refs) == {"main", "v1"}
    assert pin in repo.files["README.md"].decode()


def test_search_too_tells_of_a_hub_that_is_none(hub: Hub) -> None:
    for kind in ("black hole", "login page"):
        hub.meddle, error, message = FAULTS[kind]
        with pytest.raises(error, match=message):
            search()


def test_a_card_that_cannot_be_read_is_not_written_over(logged_in: Hub, folder: Path) -> None:
    logged_in.add("me/model", {"README.md": "f\xfcr".encode("latin-1")})
    with pytest.raises(InvalidInput, match="the card of me/model is not UTF-8; mend it on the hub"):
        genzoo.push(folder, "me/model")
    assert set(logged_in.repos["me/model"].files) == {"README.md"}


def test_no_hub_and_no_network_are_told_apart(logged_in: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    for ask in (lambda: genzoo.push(folder, "me/model"), search):
        with pytest.raises(HubUnavailable, match="the connection to http://127"):
            ask()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for ask in (lambda: genzoo.push(folder, "me/model"), search):
        with pytest.raises(Offline, match="leave out --offline, or unset HF_HUB_OFFLINE"):
            ask()


def test_push_prints_the_pin_alone(logged_in: Hub, folder: Path, capsys: Capture) -> None:
    assert run(["push", str(folder), "me/model", "--yes"]) == 0
    out, err = capsys.readouterr()
    assert out == f"hf:me/model@{logged_in.repos['me/model'].refs['v1']}\n"
    assert all(file in err for file in FILES - {"README.md"})
    assert run(["push", str(folder), "me/model", "--yes"]) == 0
    assert "is this checkpoint already" in capsys.readouterr().err


def test_a_dry_run_sends_nothing(logged_in: Hub, folder: Path, capsys: Capture) -> None:
    assert run(["push", str(folder), "me/model", "--dry-run"]) == 0
    assert front_matter(capsys.readouterr().out)["library_name"] == "genzoo"
    assert not logged_in.requests


def test_push_asks_and_takes_no_for_an_answer(
    logged_in: Hub, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["push", str(folder), "me/model"]) == 2
    assert "--yes goes ahead" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for said, code in (("n", 130), ("y", 0)):
        monkeypatch.setattr("click.termui.visible_prompt_func", lambda text, said=said: said)
        assert not wrote(logged_in)
        assert run(["push", str(folder), "me/model"]) == code
    assert wrote(logged_in)


def test_search_finds_what_was_pushed(logged_in: Hub, folder: Path, capsys: Capture) -> None:
    genzoo.push(folder, "me/model")
    genzoo.push(folder, "lab/other")
    logged_in.add("lab/foreign", {"README.md": b"---\nlibrary_name: timm\n---\n"})
    assert {row["name"] for row in search()} == {"hf:me/model", "hf:lab/other"}
    assert run(["search", "MODEL"]) == 0
    assert capsys.readouterr().out == "hf:me/model\n"
    assert run(["search", "--author", "lab", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert row == {
        "name": "hf:lab/other",
        "task": "unconditional-image-generation",
        "license": "mit",
        "downloads": 0,
        "tags": ["vae", "dense", "none"],
    }
    assert run(["search", "nothing"]) == 0
    assert "no such checkpoint" in capsys.readouterr().err


def test_what_a_hub_says_of_others_is_input(hub: Hub) -> None:
    rows = [{"id": "me/\x1b[2J"}, 7, {"id": "me/model", "tags": ["\x1b[31mred", "vae"], "downloads": "7"}]
    hub.meddle = answer(200, body=json.dumps(rows).encode())
    assert [(row["name"], row["tags"], row["downloads"]) for row in search()] == [("hf:me/model", ["vae"], 0)]
