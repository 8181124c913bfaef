"""The cache is that of huggingface_hub: what genzoo puts there its client finds, and the other way round."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants, hf_hub_download, scan_cache_dir, try_to_load_from_cache
from huggingface_hub.errors import LocalEntryNotFoundError

import genzoo
from genzoo.errors import CacheUnwritable, DamagedFile, GenzooWarning, HubUnavailable, NetworkError
from tests.hub.faults import Fault, answer, changed, flip, hang_up, on, part
from tests.hub.folders import untrained
from tests.hub.server import Handler, Hub

WEIGHTS, RECORD = "model.safetensors", "genzoo.json"


@pytest.fixture
def commit(hub: Hub, tmp_path: Path) -> str:
    """A small model as me/model."""
    folder = untrained(tmp_path / "published", 256, 256)
    return hub.add("me/model", {path.name: path.read_bytes() for path in folder.iterdir()})


@pytest.fixture
def name(commit: str) -> str:
    return f"hf:me/model@{commit}"


def test_the_client_finds_what_genzoo_downloaded(hub: Hub, commit: str, tmp_path: Path) -> None:
    with pytest.warns(GenzooWarning):
        genzoo.load("hf:me/model", device="cpu")
    hub.meddle = answer(500)
    for file, data in hub.repos["me/model"].files.items():
        for revision in (commit, "main"):
            found = hf_hub_download("me/model", file, revision=revision, local_files_only=True)
            assert Path(found).read_bytes() == data
            assert (
                try_to_load_from_cache("me/model", file, revision=revision, cache_dir=constants.HF_HUB_CACHE) == found
            )
    scan = scan_cache_dir(constants.HF_HUB_CACHE)
    assert not scan.warnings
    [repo] = scan.repos
    assert {revision.commit_hash: revision.refs for revision in repo.revisions} == {commit: frozenset({"main"})}
    assert repo.size_on_disk == sum(map(len, hub.repos["me/model"].files.values()))
    scan.delete_revisions(commit).execute()
    with pytest.raises(LocalEntryNotFoundError):
        hf_hub_download("me/model", RECORD, revision=commit, local_files_only=True)
    assert not list(Path(constants.HF_HUB_CACHE).glob("models--*"))


def test_genzoo_finds_what_the_client_downloaded(hub: Hub, commit: str, name: str) -> None:
    for file in hub.repos["me/model"].files:
        hf_hub_download("me/model", file, revision=commit, endpoint=hub.endpoint, cache_dir=constants.HF_HUB_CACHE)
    hub.requests.clear()
    assert genzoo.load(name, device="cpu").source == "cache"
    assert not hub.requests


def test_the_client_goes_on_in_the_same_cache(hub: Hub, commit: str, name: str) -> None:
    genzoo.load(name, device="cpu")
    newer = hub.add("me/model", {**hub.repos["me/model"].files, "x": b"new"})
    where: Any = {"endpoint": hub.endpoint, "cache_dir": constants.HF_HUB_CACHE, "revision": newer}
    assert Path(hf_hub_download("me/model", "x", **where)).read_bytes() == b"new"
    hub.requests.clear()
    hf_hub_download("me/model", WEIGHTS, **where)
    assert not [request for request in hub.requests if request.startswith("GET") and request.endswith(WEIGHTS)]
    assert not scan_cache_dir(constants.HF_HUB_CACHE).warnings
    assert genzoo.load(f"hf:me/model@{newer}", device="cpu").commit == newer


def test_a_blob_of_another_commit_is_not_downloaded_again(hub: Hub, commit: str, name: str) -> None:
    genzoo.load(name, device="cpu")
    newer = hub.add("me/model", {**hub.repos["me/model"].files, "x": b"new"})
    blobs = {path: path.stat().st_mtime_ns for path in Path(constants.HF_HUB_CACHE).glob("*/blobs/*")}
    assert genzoo.load(f"hf:me/model@{newer}", device="cpu").source == "hub"
    assert {path: path.stat().st_mtime_ns for path in Path(constants.HF_HUB_CACHE).glob("*/blobs/*")} == blobs
    next(path for path in blobs if len(path.name) == 64).write_bytes(b"x" * len(hub.repos["me/model"].files[WEIGHTS]))
    last = hub.add("me/model", {**hub.repos["me/model"].files, "x": b"newer"})
    assert genzoo.load(f"hf:me/model@{last}", device="cpu").source == "hub"  # a damaged one is replaced
    assert genzoo.load(name, device="cpu").source == "cache"


def test_without_links_the_files_are_in_the_snapshot(
    hub: Hub, name: str, commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_SYMLINKS", True)
    assert genzoo.load(name, device="cpu").source == "hub"
    files = [path for path in Path(constants.HF_HUB_CACHE).rglob("*") if not path.is_dir()]
    assert {path.parent.name for path in files} == {commit}
    assert not any(path.is_symlink() for path in files)
    assert hf_hub_download("me/model", WEIGHTS, revision=commit, local_files_only=True)


def test_a_cut_connection_is_continued_where_it_broke(hub: Hub, name: str) -> None:
    ranges: list[str | None] = []

    def cut(request: Handler) -> bool:
        ranges.append(request.headers.get("Range"))
        return len(ranges) < 4 and part(hang_up)(request)

    hub.meddle = on("GET", cut, of=WEIGHTS)
    assert genzoo.load(name, device="cpu").source == "hub"
    size = len(hub.repos["me/model"].files[WEIGHTS])
    assert ranges[0] is None
    assert [int(asked.removeprefix("bytes=")[:-1]) for asked in ranges[1:] if asked] == [
        size // 2, size // 2 + -(-size // 2) // 2, size - (size - size // 2 - -(-size // 2) // 2 + 1) // 2
    ]  # fmt: skip


def test_a_hub_that_tells_of_a_file_at_a_head_alone_is_asked_for_that(hub: Hub, name: str) -> None:
    def silently(request: Handler) -> bool:
        send = request.send

        def without(data: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
            del request.send
            send(data, status)

        request.send = without  # type: ignore[method-assign]
        return False

    hub.meddle = on("GET", silently)
    assert genzoo.load(name, device="cpu").source == "hub"
    assert [request.split()[0] for request in hub.requests] == ["GET", "HEAD"] * 2
    assert not scan_cache_dir(constants.HF_HUB_CACHE).warnings


OTHER: dict[str, Fault] = {
    "another etag": changed({"ETag": f'"{"1" * 40}"', "X-Linked-ETag": f'"{"1" * 40}"'}),
    "another size": changed({"X-Linked-Size": "7"}),
    "another part": changed({"Content-Range": "bytes 0-9/10"}),
    "other bytes": changed(data=flip),
}


@pytest.mark.parametrize("fault", OTHER.values(), ids=OTHER)
def test_what_is_continued_is_the_same_file(hub: Hub, name: str, fault: Fault) -> None:
    def second(request: Handler) -> bool:
        return fault(request) if "Range" in request.headers else part(hang_up)(request)

    hub.meddle = on("GET", second, of=WEIGHTS)
    with pytest.raises((NetworkError, DamagedFile)) as caught:
        genzoo.load(name)
    assert not isinstance(caught.value, HubUnavailable)
    assert not [path for path in Path(constants.HF_HUB_CACHE).glob("*/blobs/*") if len(path.name) != 40]


@pytest.mark.parametrize("kind", ["relative", "dotted", "linked"])
def test_a_cache_may_be_named_in_any_way(
    hub: Hub, name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    cache = {"relative": "real/hub", "dotted": f"{tmp_path}/x/../real/hub", "linked": f"{tmp_path}/link/hub"}[kind]
    monkeypatch.setattr(constants, "HF_HUB_CACHE", cache)
    assert genzoo.load(name, device="cpu").source == "hub"
    assert genzoo.load(name, device="cpu").source == "cache"
    assert (tmp_path / "real" / "hub").is_dir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert genzoo.load(name, device="cpu").source == "cache"


def test_threads_that_load_at_once_all_get_it(hub: Hub, name: str) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(genzoo.load(name, device="cpu").sha256)) for _ in range(4)]
    with warnings.catch_warnings():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [genzoo.show(name).sha256] * 4
    assert not list(Path(constants.HF_HUB_CACHE).rglob("*.incomplete"))
    assert not list(Path(constants.HF_HUB_CACHE).rglob("*.tmp"))


def test_a_full_disk_leaves_nothing(hub: Hub, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(CacheUnwritable, match=r"cannot write to .*: File too large; make room, or set HF_HOME"):
            genzoo.load(name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(Path(constants.HF_HUB_CACHE).rglob("*.incomplete"))
    assert genzoo.load(name, device="cpu").source == "hub"
