"""Checkpoints of the hub: exactly the recorded bytes, or an error of its own within the timeout."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # documented
from hypothesis import given
from hypothesis import strategies as st

import genzoo
from genzoo.errors import (
    CacheUnwritable,
    DamagedFile,
    GenzooError,
    GenzooWarning,
    HubDenied,
    HubMisbehaved,
    HubNotFound,
    HubRateLimited,
    HubUnavailable,
    InvalidInput,
    MalformedWeights,
    NonFiniteWeights,
    NotFound,
    Offline,
    StateMismatch,
)
from genzoo.hub import fetch
from genzoo.hub.cache import cached, remove
from genzoo.hub.files import encode_weights
from genzoo.hub.reference import Reference, is_reference
from genzoo.spec import REPO
from tests.conftest import point_at
from tests.hub.faults import Fault, answer, changed, endless, flip, hang_up, on, part, silent
from tests.hub.folders import change, untrained, write_checkpoint
from tests.hub.server import TOKEN, Hub

WEIGHTS = "model.safetensors"
RECORD = "genzoo.json"


@dataclass
class Published:
    """A checkpoint on the loopback hub: what was published, and its names."""

    hub: Hub
    folder: Path
    commit: str
    cache: Path

    @property
    def name(self) -> str:
        return f"hf:me/model@{self.commit}"

    def cached(self, file: str) -> Path:
        return self.cache / "models--me--model" / "snapshots" / self.commit / file

    def asked(self) -> list[str]:
        """The requests for it since the last time; the client has others of its own."""
        found = [request for request in self.hub.requests if "/me/model/" in request]
        self.hub.requests.clear()
        return found


@pytest.fixture
def published(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Published:
    """A small model as me/model."""
    folder = untrained(tmp_path / "published", 64)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the client waits between its tries
    return Published(hub, folder, publish(hub, folder), Path(constants.HF_HUB_CACHE))


def publish(hub: Hub, folder: Path) -> str:
    return hub.add("me/model", {path.name: path.read_bytes() for path in folder.iterdir()})


def same(model: genzoo.Model, folder: Path) -> bool:
    state, there = model.state_dict(), genzoo.load(folder, device="cpu").state_dict()
    return all(torch.equal(state[key], there[key]) for key in there)


def test_a_pin_is_loaded_from_the_hub_and_then_needs_no_request(published: Published) -> None:
    model = genzoo.load(published.name, device="cpu")
    assert (model.source, model.commit) == ("hub", published.commit)
    assert model.sha256 == genzoo.show(published.folder).sha256
    assert same(model, published.folder)
    gets = [request for request in published.asked() if request.startswith("GET")]
    assert len(gets) == 2  # the record and the weights, once each
    published.hub.meddle = answer(500)
    again = genzoo.load(published.name, device="cpu")
    assert (again.source, published.asked()) == ("cache", [])
    assert same(again, published.folder)
    assert again.checkpoint is not None
    assert again.checkpoint.folder == published.cached(WEIGHTS).parent


def test_a_name_without_a_pin_is_asked_for_once_and_its_pin_told(published: Published) -> None:
    with pytest.warns(GenzooWarning, match=f"to stay with it: {published.name}"):
        model = genzoo.load("hf:me/model", device="cpu")
    assert model.commit == published.commit
    assert published.asked()[0].startswith("HEAD /me/model/resolve/main/")
    assert genzoo.load("hf:me/model", device="cpu").source == "cache"  # and no second warning, which would be an error
    assert published.asked() == []


def test_a_moved_tag_does_not_move_a_pin(published: Published) -> None:
    published.hub.repos["me/model"].refs["v1"] = published.commit
    with pytest.warns(GenzooWarning, match=published.commit):
        assert genzoo.load("hf:me/model@v1", device="cpu").commit == published.commit
    untrained(published.folder, 64, seed=1)
    published.hub.repos["me/model"].refs["v1"] = moved = publish(published.hub, published.folder)
    assert genzoo.load(published.name, device="cpu").commit == published.commit != moved


HTML = {"Content-Type": "text/html"}
FAULTS: dict[str, tuple[Fault, type[GenzooError], str]] = {
    "401": (answer(401), HubDenied, "hf auth login"),
    "403": (answer(403), HubDenied, r"refuses \(403\)"),
    "gated": (answer(403, {"X-Error-Code": "GatedRepo"}), HubDenied, "ask for access"),
    "no repository": (answer(404, {"X-Error-Code": "RepoNotFound"}), HubNotFound, "no such repository, or a private"),
    "no revision": (answer(404, {"X-Error-Code": "RevisionNotFound"}), HubNotFound, "no such revision"),
    "no file": (answer(404, {"X-Error-Code": "EntryNotFound"}), HubNotFound, "no checkpoint of genzoo"),
    "404": (answer(404), HubNotFound, "nothing there"),
    "429": (answer(429, {"Retry-After": "17"}), HubRateLimited, "in 17 seconds"),
    "500": (answer(500), HubUnavailable, r"fault of its own \(500\)"),
    "503": (answer(503), HubUnavailable, "try again later"),
    "418": (answer(418), HubMisbehaved, "status 418"),
    "black hole": (silent, HubUnavailable, "does not answer"),
    "hangs up": (hang_up, HubUnavailable, "the connection to .* failed"),
    "login page": (answer(200, HTML, b"<html>Log in"), HubMisbehaved, "log in to the network"),
    "to a login page": (answer(302, {"Location": "http://login.invalid/"}), HubMisbehaved, "log in to the network"),
    "hostile etag": (changed({"ETag": '"../../../../owned"'}), HubMisbehaved, "malformed commit or etag"),
    "hostile commit": (changed({"X-Repo-Commit": "../../owned"}), HubMisbehaved, "malformed commit or etag"),
    "another commit": (changed({"X-Repo-Commit": "0" * 40}), HubMisbehaved, "answers with commit 0000"),
    "another size": (
        on("GET", changed({"Content-Length": "7", "Connection": "close"}), of=RECORD),
        MalformedWeights,
        "not a genzoo record",
    ),
    "a record of 2 MB": (
        on("GET", changed({"Content-Length": str(2 << 20)}), of=RECORD),
        MalformedWeights,
        "more than the 1,048,576 allowed",
    ),
    "another size of the weights": (
        on("GET", changed({"X-Linked-Size": "7"}), of=WEIGHTS),
        DamagedFile,
        "is not what its record says: the hub has 7 bytes",
    ),
    "other weights": (
        on("GET", changed({"X-Linked-ETag": '"' + "0" * 64 + '"'}), of=WEIGHTS),
        DamagedFile,
        "of sha256 or etag 0000000000000000…",
    ),
    "a flipped bit": (on("GET", changed(data=flip), of=WEIGHTS), DamagedFile, "It came so twice"),
    "no record": (
        on("GET", changed(data=lambda data: b"x" * len(data)), of=RECORD),
        MalformedWeights,
        "not a genzoo record",
    ),
    "cut": (on("GET", part(hang_up), of=WEIGHTS), HubUnavailable, "the connection to .* failed"),
    "stalled": (on("GET", part(silent), of=WEIGHTS), HubUnavailable, "does not answer"),
    "endless": (on("GET", endless(), of=WEIGHTS), HubMisbehaved, "sends more than the"),
    "endless record": (on("GET", endless(), of=RECORD), HubMisbehaved, "sends more than the 1,048,576 bytes"),
    "gone between two requests": (on("GET", answer(404), of=WEIGHTS), HubNotFound, "nothing there"),
}


@pytest.mark.parametrize(("fault", "error", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_has_its_own_error_and_leaves_nothing_behind(
    published: Published, tmp_path: Path, fault: Fault, error: type[GenzooError], message: str
) -> None:
    published.hub.meddle = fault
    outside = everything_but(published.cache, tmp_path)
    began = time.monotonic()
    with pytest.raises(error, match=message) as caught:
        genzoo.load(published.name, device="cpu")
    assert time.monotonic() - began < 15  # the client alone takes up to 390
    assert type(caught.value) is error
    assert not list(published.cache.glob("*/snapshots/*/model.safetensors"))
    assert not list(published.cache.glob("*/blobs/*.incomplete"))
    assert everything_but(published.cache, tmp_path) == outside
    published.hub.meddle = lambda request: False  # and when it is over, all is well
    assert same(genzoo.load(published.name, device="cpu"), published.folder)


def everything_but(cache: Path, folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.is_relative_to(cache.parent)}


def test_nobody_at_the_endpoint(published: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at("http://127.0.0.1:9", monkeypatch)
    with pytest.raises(HubUnavailable, match=r"connection to http://127\.0\.0\.1:9 failed .* HF_ENDPOINT"):
        genzoo.load(published.name)


@pytest.mark.parametrize("endpoint", ["hub.example", "ftp://hub.example", "http://[", "http://a b"])
def test_an_endpoint_that_is_none(published: Published, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(endpoint, monkeypatch)
    with pytest.raises(InvalidInput, match=r"HF_ENDPOINT=.* is not the address of a hub; write https://HOST"):
        genzoo.load(published.name)


def test_a_bit_flipped_on_the_way_costs_one_more_download(published: Published) -> None:
    published.hub.meddle = on("GET", changed(data=flip), of=WEIGHTS, times=1)
    assert same(genzoo.load(published.name, device="cpu"), published.folder)
    assert sum(request.startswith("GET") and request.endswith(WEIGHTS) for request in published.asked()) == 2


@pytest.mark.parametrize("file", [WEIGHTS, RECORD])
@pytest.mark.parametrize("damage", [flip, lambda data: b""], ids=["rot", "power loss"])
def test_a_damaged_cache_is_healed_online_and_told_offline(
    published: Published, file: str, damage: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    if file == RECORD and damage is flip:
        damage = lambda data: data[:-9]  # noqa: E731  # a record has no hash to see one bit by
    genzoo.load(published.name, device="cpu")
    path = published.cached(file)
    path.write_bytes(rotten := damage(path.read_bytes()))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DamagedFile, match=f"genzoo is offline; with the network: genzoo pull {published.name}"):
        genzoo.load(published.name)
    assert path.read_bytes() == rotten
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with pytest.warns(GenzooWarning, match="downloaded again"):
        assert same(genzoo.load(published.name, device="cpu"), published.folder)
    assert path.read_bytes() == (published.folder / file).read_bytes()


def test_a_link_to_nothing_in_the_cache_is_healed(published: Published) -> None:
    genzoo.load(published.name, device="cpu")
    published.cached(WEIGHTS).resolve().unlink()
    assert genzoo.load(published.name, device="cpu").source == "hub"


def test_what_commits_share_is_removed_with_the_last(published: Published) -> None:
    (published.folder / "README.md").write_text("# A model")
    other = publish(published.hub, published.folder)
    for commit in (published.commit, other):
        genzoo.load(f"hf:me/model@{commit}", device="cpu")
    both = cached("me/model")
    assert {entry.commit for entry in both} == {published.commit, other}
    remove(both[:1])
    assert genzoo.load(both[1].pin, device="cpu").source == "cache"
    genzoo.load(both[0].pin)
    remove(cached())
    assert not list(published.cache.glob("models--*"))


def test_offline_what_is_not_there_is_named_with_the_command(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Offline, match=f"with the network: genzoo pull {published.name}") as caught:
        genzoo.load(published.name)
    assert caught.value.suggestions == (f"genzoo pull {published.name}",)
    with pytest.raises(Offline, match="names no commit"):
        genzoo.load("hf:me/model")
    assert published.asked() == []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    genzoo.load(published.name)
    published.hub.meddle = answer(500)
    with pytest.raises(HubUnavailable, match=f"in the cache: {published.name}"):
        genzoo.load("hf:me/model")


def test_a_deleted_repository_stays_in_the_cache(published: Published) -> None:
    genzoo.load(published.name, device="cpu")
    published.hub.repos.clear()
    assert genzoo.load(published.name, device="cpu").source == "cache"
    with pytest.raises(HubNotFound, match=f"hf:me/model@{'0' * 40}"):
        genzoo.load(f"hf:me/model@{'0' * 40}")


def test_a_private_repository_wants_the_users_token(published: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    published.hub.repos["me/model"].private = True
    with pytest.raises(HubNotFound, match="or a private one: check the name, or hf auth login"):
        genzoo.load(published.name)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert genzoo.load(published.name, device="cpu").source == "hub"


@pytest.mark.parametrize(
    ("endpoint", "warns"),
    [("http://hub.example", True), ("https://hub.example", False), ("http://localhost:1", False)],
)
def test_a_token_in_clear_text_is_warned_of(
    endpoint: str, warns: bool, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    fetch.warn_of_token.cache_clear()
    fetch.warn_of_token(endpoint)
    assert [str(warning.message)[:49] for warning in recwarn] == [
        "your token goes to http://hub.example in clear te"
    ] * warns


def test_a_cache_that_cannot_be_written_is_named(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file" / "hub"))  # holds for root too
    with pytest.raises(CacheUnwritable, match="file/hub: Not a directory; make room, or set HF_HOME"):
        genzoo.load(published.name)


def republish(published: Published, edit: Callable[[dict[str, torch.Tensor]], object]) -> str:
    """The name of the published model with another state, and a record that fits its bytes."""
    model = genzoo.load(untrained(published.folder, 64), device="cpu")
    state = dict(model.state_dict())
    edit(state)
    write_checkpoint(published.folder, encode_weights(state), model)
    return f"hf:me/model@{publish(published.hub, published.folder)}"


def test_weights_published_bad_are_refused_as_elsewhere(published: Published) -> None:
    name = republish(published, lambda state: state.pop(next(iter(state))))
    with pytest.raises(StateMismatch, match="was published so: tell its author"):
        genzoo.load(name)
    name = republish(published, lambda state: next(iter(state.values())).fill_(float("nan")))
    with pytest.raises(NonFiniteWeights, match="was published so"):
        genzoo.load(name)


def test_more_bytes_than_the_architecture_needs_are_not_downloaded(published: Published) -> None:
    name = f"hf:me/model@{publish(published.hub, change(published.folder, size_bytes=4 << 30))}"
    with pytest.raises(StateMismatch, match="recorded with 4,294,967,296 bytes, and its architecture needs"):
        genzoo.load(name)
    assert not [request for request in published.asked() if request.endswith(WEIGHTS)]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"architecture": "os"}, "no architecture is called 'os'"),
        (
            {"architecture": "flow", "distribution": "zoo-of-a-lab"},
            "trained with 'zoo-of-a-lab', which is not installed",
        ),
        ({"family": "../../x"}, "no family is called"),
        ({"repo": "evil/twin"}, "repo must be org/name, and commit its 40 hex digits"),
        ({"format": 2}, "a newer genzoo may read it"),
        ({"config": {"input_shape": [1, 4, 4], "latent_dim": 2, "hidden": [2**40]}}, "from 1 to 16384"),
    ],
)
def test_a_record_of_the_hub_is_input(published: Published, values: dict[str, object], error: str) -> None:
    with pytest.raises(GenzooError, match=error):
        genzoo.load(f"hf:me/model@{publish(published.hub, change(published.folder, **values))}")


def test_a_record_cannot_send_elsewhere(published: Published) -> None:
    name = f"hf:me/model@{publish(published.hub, change(published.folder, repo='evil/twin', commit='0' * 40))}"
    assert genzoo.show(name).pin == name
    genzoo.load(name)
    assert not [request for request in published.asked() if "evil" in request]


@pytest.mark.parametrize(
    "name",
    [
        "hf:me/", "hf:/model", "hf:me/a/b", "hf:me/../x", "hf:me/..", "hf:me/mo--del", "hf:me/model@", "hf:me/model@..",
        "hf:me/model@a b", "hf:me/model@-x", "hf:me/mödel", "hf:me/model\n", "hf:me/model.git", "hf:me/" + "a" * 200,
        "hf:me/con\0", "hf:me/a\u202eb", "hf:https://x/y",
    ],
)  # fmt: skip
def test_what_is_no_name_on_the_hub_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="is no name on the hub: write hf:org/name"):
        genzoo.load(name)


@pytest.mark.parametrize("name", ["hf:model", "hf:", "me/model", "https://huggingface.co/me/model"])
def test_what_is_nearly_a_name_on_the_hub_is_told_how_to_write_one(name: str) -> None:
    with pytest.raises(NotFound, match="hf:org/name"):
        genzoo.show(name)


@given(st.from_regex(REPO, fullmatch=True))
def test_a_repository_that_genzoo_takes_the_client_takes_too(repo: str) -> None:
    validate_repo_id(repo)
    assert Reference.parse(f"hf:{repo}@v1") == Reference(repo=repo, revision="v1")
    assert is_reference(str(Reference.parse(f"hf:{repo}")))
