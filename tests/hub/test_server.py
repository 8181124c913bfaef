"""The loopback hub is one to the unmodified client of huggingface_hub."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.hub.server import TOKEN, Hub

CARD = b"---\nlibrary_name: genzoo\nlicense: mit\ntags: [vae]\n---\n# A model\n"
FILES = {"README.md": CARD, "model.safetensors": bytes(range(256)) * 40, "config.json": b"{}"}


@pytest.fixture
def api(hub: Hub) -> HfApi:
    return HfApi(endpoint=hub.endpoint, token=TOKEN)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    for name, data in FILES.items():
        (path / name).write_bytes(data)
    return path


@pytest.fixture
def pushed(api: HfApi, folder: Path) -> str:
    """The commit of FILES in me/model, tagged v1."""
    api.create_repo("me/model")
    info = api.upload_folder(repo_id="me/model", folder_path=folder, commit_message="First")
    api.create_tag("me/model", tag="v1", revision=info.oid)
    return str(info.oid)


def test_a_pushed_folder_comes_back_by_branch_tag_and_commit(hub: Hub, api: HfApi, pushed: str, tmp_path: Path) -> None:
    for revision in ("main", "v1", pushed):
        assert api.resolve_revision("me/model", revision=revision, cache_dir=tmp_path).resolved == pushed
        for name, data in FILES.items():
            found = hf_hub_download(
                "me/model", name, revision=revision, endpoint=hub.endpoint, cache_dir=tmp_path / revision
            )
            assert Path(found).read_bytes() == data
    whole = snapshot_download("me/model", revision=pushed, endpoint=hub.endpoint, cache_dir=tmp_path / "whole")
    assert FILES.keys() <= {path.name for path in Path(whole).iterdir()}
    assert {ref.name: ref.target_commit for ref in api.list_repo_refs("me/model").tags} == {"v1": pushed}


def test_a_pinned_file_in_the_cache_needs_no_request(hub: Hub, pushed: str, tmp_path: Path) -> None:
    for _ in range(2):
        hf_hub_download("me/model", "config.json", revision=pushed, endpoint=hub.endpoint, cache_dir=tmp_path)
        asked, hub.requests[:] = list(hub.requests), []
    assert not asked


def test_a_range_is_answered_with_that_part(hub: Hub, pushed: str) -> None:
    request = urllib.request.Request(f"{hub.endpoint}/me/model/resolve/{pushed}/model.safetensors")  # noqa: S310
    request.add_header("Range", "bytes=100-")
    with urllib.request.urlopen(request) as answer:  # noqa: S310  # our own loopback
        assert answer.status == 206
        assert answer.read() == FILES["model.safetensors"][100:]


def test_models_are_listed_by_tag_author_and_text(hub: Hub, api: HfApi, pushed: str) -> None:
    hub.add("lab/other", {"README.md": b"---\nlibrary_name: timm\n---\n"})
    hub.add("lab/hidden", {"README.md": CARD}, private=True)
    anonymous = HfApi(endpoint=hub.endpoint, token=False)
    assert {model.id for model in anonymous.list_models(filter="genzoo")} == {"me/model"}
    assert {model.id for model in api.list_models(filter=["genzoo", "vae"])} == {"me/model", "lab/hidden"}
    assert {model.id for model in anonymous.list_models(author="lab")} == {"lab/other"}
    assert {model.id for model in api.list_models(search="MOD", limit=1)} == {"me/model"}
    info = api.model_info("me/model", files_metadata=True)
    assert (info.sha, info.library_name, info.card_data and info.card_data.license) == (pushed, "genzoo", "mit")


def test_who_was_overtaken_is_told_so(hub: Hub, api: HfApi, pushed: str) -> None:
    add = CommitOperationAdd("new.txt", b"new")
    api.create_commit("me/model", [add], commit_message="Second", parent_commit=pushed)
    add = CommitOperationAdd("newer.txt", b"newer")
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_commit("me/model", [add], commit_message="Late", parent_commit=pushed)
    assert caught.value.response.status_code == 412
    assert "newer.txt" not in hub.repos["me/model"].files


def test_what_is_not_there_has_the_hubs_error(hub: Hub, api: HfApi, pushed: str, tmp_path: Path) -> None:
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("me/nothing")
    with pytest.raises(RevisionNotFoundError):
        api.model_info("me/model", revision="0" * 40)
    with pytest.raises(RemoteEntryNotFoundError):
        hf_hub_download("me/model", "nothing.json", revision=pushed, endpoint=hub.endpoint, cache_dir=tmp_path)


def test_tokens_decide_who_may_write(hub: Hub, api: HfApi) -> None:
    assert api.whoami()["name"] == "me"
    with pytest.raises(HfHubHTTPError, match="403"):
        api.create_repo("someone/model")
    for token in (False, "hf_wrong"):
        with pytest.raises(HfHubHTTPError) as caught:
            HfApi(endpoint=hub.endpoint, token=token).create_repo("me/model")
        assert caught.value.response.status_code == 401
    assert not hub.repos
