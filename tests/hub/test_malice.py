"""A hub that answers honestly at first and then with malice: for every header and body that genzoo uses."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

import genzoo
from genzoo.api.publish import Draft
from genzoo.errors import GenzooError, HubMisbehaved, HubRateLimited, HubUnavailable
from genzoo.hub import http, sources
from genzoo.hub.search import search
from tests.conftest import ROOT
from tests.hub.faults import (
    CHUNKED,
    Fault,
    after,
    answer,
    changed,
    drip,
    dripping_headers,
    early_hints,
    endless,
    instead,
    on,
)
from tests.hub.folders import untrained
from tests.hub.server import TOKEN, Handler, Hub, serve

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
BOMB = gzip.compress(bytes(200 << 20))
DEEP = b"[" * 100_000
HEX = "[0-9a-f]{40}"
IN_CACHE = re.compile(rf"hub/models--me--model/(blobs/({HEX}|[0-9a-f]{{64}})|snapshots/{HEX}/[a-z.]+|refs/main)")

OWNED = Path(tempfile.gettempdir()) / f"genzoo-owned-{os.getpid()}"
PATHS = {
    "absolute": str(OWNED),
    "upwards": "../../../owned",
    "parent": "..",
    "below": "a/b",
    "slash": "0" * 39 + "/",
    "capitals": "A" * 40,
    "accent": "é",
    "long": "0" * 41,
}
MALICE: dict[str, Fault] = {
    **{f"etag {kind}": changed({"ETag": f'"{path}"', "X-Linked-ETag": f'"{path}"'}) for kind, path in PATHS.items()},
    **{f"commit {kind}": changed({"X-Repo-Commit": path}) for kind, path in PATHS.items()},
    **{
        f"missing {kind}": answer(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": path, "ETag": path})
        for kind, path in PATHS.items()
    },
    "another etag": changed({"ETag": f'"{"1" * 40}"', "X-Linked-ETag": f'"{"1" * 64}"'}),
    "another commit": changed({"X-Repo-Commit": "1" * 40}),
    "a size": changed({"X-Linked-Size": "99999999999999999999"}),
    "no number": changed({"X-Linked-Size": "-1", "Content-Length": "²"}),
    "gzip": instead(0, {"Content-Encoding": "gzip", "Content-Length": str(len(BOMB))}, lambda it: _write(it, BOMB)),
    "to a file": answer(302, {"Location": "file:///etc/passwd", "X-Repo-Commit": "1" * 40}),
    "to nowhere": answer(302, {"Location": "http://[", "X-Repo-Commit": "1" * 40}),
    "in circles": answer(307, {"Location": "/me/model/resolve/main/x", "X-Repo-Commit": "1" * 40}),
    "not modified": answer(304),
    "a part": changed({"Content-Range": "bytes 5-9/10"}),
    "a code": answer(400, {"X-Error-Code": "\x1b[31m", "X-Error-Message": "\x1b]0;owned\x07"}),
    "wait": answer(429, {"RateLimit": '"api";r=0;t=3600', "Retry-After": "3600"}),
    "down": answer(503, {"Retry-After": "3600"}),
    "deep": instead(0, CHUNKED, lambda it: _write(it, b"%x\r\n%s\r\n0\r\n\r\n" % (len(DEEP), DEEP))),
    "null": answer(200, body=b"null"),
    "list": answer(200, body=b"[]"),
    "numbers": answer(200, body=json.dumps(dict.fromkeys(("sha", "tags", "siblings", "files", "objects"), 7)).encode()),
    "nothing": answer(200),
    "long headers": answer(200, {f"X-{i}": "x" * 1000 for i in range(500)}),
}


def _write(request: Handler, data: bytes) -> None:
    request.wfile.write(data)


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    return Draft.of(untrained(tmp_path / "published", 8), "me/model")


@pytest.fixture
def published(hub: Hub, draft: Draft, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub with the draft as me/model, and a user who may push there."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.add("me/model", dict(draft.files))
    return hub


def name_of(hub: Hub) -> str:
    return f"hf:me/model@{hub.repos['me/model'].refs['main']}"


def loads(hub: Hub, draft: Draft) -> None:
    sources._announced.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # which commit it is
        genzoo.load("hf:me/model", device="cpu")


def pushes(hub: Hub, draft: Draft) -> None:
    draft.publish()


def finds(hub: Hub, draft: Draft) -> None:
    search()


def attempt(act: Callable[[Hub, Draft], None], hub: Hub, draft: Draft) -> GenzooError | None:
    """The typed error of an act, None if it went well; any other error is one of the test."""
    try:
        act(hub, draft)
    except GenzooError as error:
        return error
    return None


def in_home() -> list[str]:
    home = Path(constants.HF_HUB_CACHE).parent
    return [path.relative_to(home).as_posix() for path in home.rglob("*") if not path.is_dir() or path.is_symlink()]


@pytest.mark.parametrize("kind", MALICE)
def test_malice_after_any_number_of_honest_answers_is_a_typed_error_or_harmless(
    published: Hub, draft: Draft, tmp_path: Path, kind: str
) -> None:
    honest = dict(published.repos["me/model"].files)
    outside = sorted(path for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "hf-home"))
    began = time.monotonic()
    for act, requests in ((loads, 3), (pushes, 15), (finds, 1)):
        for count in range(requests):
            published.repos.pop("me/model")
            published.add("me/model", honest)
            published.meddle = after(count, MALICE[kind])
            told = attempt(act, published, draft)
            assert told is None or (told.message.isprintable() and told.exit_code in (3, 4, 5))
            assert all(IN_CACHE.fullmatch(path) for path in in_home())
    assert sorted(path for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "hf-home")) == outside
    assert not OWNED.exists()
    assert time.monotonic() - began < 30
    published.meddle = lambda request: False
    loads(published, draft)


def test_a_second_answer_about_a_file_names_no_file(published: Hub, draft: Draft, tmp_path: Path) -> None:
    target = tmp_path / "site-packages" / "owned.pth"
    target.parent.mkdir()
    evil = changed({"ETag": f'"{target}"', "X-Linked-ETag": f'"{target}"'})
    published.meddle = on("HEAD", after(1, evil), of="genzoo.json")
    assert genzoo.load(name_of(published), device="cpu").source == "hub"
    assert not target.exists()
    newer = f"hf:me/model@{published.add('me/model', {**draft.files, 'x': b''})}"
    published.meddle = after(1, evil)
    with pytest.raises(HubMisbehaved, match="malformed commit or etag"):
        genzoo.load(newer)
    assert not target.exists()


TIMES: dict[str, tuple[Fault, Callable[[Hub, Draft], None]]] = {
    "headers of a name": (on("HEAD", dripping_headers), loads),
    "headers of a record": (on("GET", dripping_headers, of="genzoo.json"), loads),
    "a record": (on("GET", instead(0, {"Content-Length": "9999"}, drip(b" " * 9999)), of="genzoo.json"), loads),
    "weights": (on("GET", instead(0, CHUNKED, drip(b"1\r\n \r\n" * 999)), of="model.safetensors"), loads),
    "hints": (on("GET", early_hints, of="model.safetensors"), loads),
    "headers of a search": (on("GET", dripping_headers, of="/api/models"), finds),
    "a search": (on("GET", instead(0, CHUNKED, drip(b"1\r\n \r\n" * 999)), of="/api/models"), finds),
    "a repository": (on("GET", instead(0, CHUNKED, drip(b"1\r\n \r\n" * 999)), of="/models/me/model"), pushes),
    "tags": (on("GET", instead(0, CHUNKED, drip(b"1\r\n \r\n" * 999)), of="/refs"), pushes),
    "a card": (on("GET", instead(0, CHUNKED, drip(b"1\r\n \r\n" * 999)), of="README.md"), pushes),
    "a commit": (on("POST", dripping_headers, of="/commit/main"), pushes),
}


@pytest.mark.parametrize(("fault", "act"), TIMES.values(), ids=TIMES)
def test_an_answer_has_a_deadline_as_a_whole(
    published: Hub,
    draft: Draft,
    fault: Fault,
    act: Callable[[Hub, Draft], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "PATIENCE", 1)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1)
    published.add("me/model", {**draft.files, "README.md": b"", "x": b""})
    published.meddle = fault
    began = time.monotonic()
    with pytest.raises(HubUnavailable, match="does not answer in time"):
        act(published, draft)
    assert time.monotonic() - began < 8


@pytest.mark.parametrize("act", [loads, pushes, finds])
def test_a_hub_does_not_say_how_long_we_wait(published: Hub, draft: Draft, act: Callable[[Hub, Draft], None]) -> None:
    for fault, error in ((MALICE["wait"], HubRateLimited), (MALICE["down"], HubUnavailable)):
        published.meddle = fault
        began = time.monotonic()
        with pytest.raises(error):
            act(published, draft)
        assert time.monotonic() - began < 5


@pytest.fixture
def elsewhere() -> Iterator[Hub]:
    """A hub at another port, with the same repositories."""
    with serve() as other:
        yield other


def test_the_token_goes_to_the_hub_alone(published: Hub, draft: Draft, elsewhere: Hub) -> None:
    elsewhere.repos = published.repos
    link = f'<{elsewhere.endpoint}/api/models/me/model/xet-read-token/main>; rel="xet-auth"'
    xet = {"Link": link, "X-Xet-Hash": "1" * 64, "X-Xet-Refresh-Route": f"{elsewhere.endpoint}/xet"}

    def redirect(request: Handler) -> bool:
        commit = published.repos["me/model"].refs["main"]
        where = {"Location": f"{elsewhere.endpoint}{request.path}", "X-Repo-Commit": commit, "ETag": f'"{"1" * 40}"'}
        return answer(302, {**where, **xet})(request)

    for fault in (changed(xet), on("GET", redirect, of="genzoo.json"), redirect):
        published.meddle = fault
        for act in (loads, pushes, finds):
            sources._announced.cache_clear()
            attempt(act, published, draft)
    assert f"Bearer {TOKEN}" in published.tokens
    assert [request for request in elsewhere.requests if request.endswith("genzoo.json")]
    assert set(elsewhere.tokens) == {""}


def test_an_upload_takes_no_token_elsewhere(published: Hub, draft: Draft, elsewhere: Hub) -> None:
    def elsewhere_too(body: bytes) -> bytes:
        found = json.loads(body)
        for entry in found["objects"]:
            entry["actions"]["verify"] = {"href": f"{elsewhere.endpoint}/verify", "header": {"x": "y"}}
            entry["actions"]["upload"]["href"] = f"{elsewhere.endpoint}/lfs/{entry['oid']}"
        return json.dumps(found).encode()

    elsewhere.uploads = published.uploads
    elsewhere.meddle = on("POST", answer(200), of="/verify")
    published.repos.clear()

    def batch(request: Handler) -> bool:
        send = request.send

        def other(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
            del request.send
            send(body := elsewhere_too(body), status, {**(headers or {}), "Content-Length": str(len(body))})

        request.send = other  # type: ignore[assignment, method-assign]
        return False

    published.meddle = on("POST", batch, of="/objects/batch")
    pushes(published, draft)
    assert [request.split("/")[0] for request in elsewhere.requests] == ["PUT ", "POST "]
    assert set(elsewhere.tokens) == {""}


def test_at_most_a_hundred_rows_are_a_hundred(hub: Hub) -> None:
    rows = [{"id": f"me/model-{i}", "tags": ["a"] * 1000 if i == 0 else []} for i in range(20_000)]
    hub.meddle = answer(200, body=json.dumps(rows).encode())
    found = search()
    assert len(found) == 100
    assert len(found[0]["tags"]) == 100


SIZES: dict[str, tuple[Fault, str]] = {
    "search": (endless(data=b'["x"],'), "finds"),
    "search of brackets": (answer(200, body=b"[" + b"[]," * 600_000 + b"[]]"), "finds"),
    "a bomb": (MALICE["gzip"], "finds"),
    "an error": (endless(400), "finds"),
    "an error of a record": (on("GET", endless(500), of="genzoo.json"), "loads"),
    "record": (on("GET", endless(data=b" "), of="genzoo.json"), "loads"),
    "weights": (on("GET", endless(), of="model.safetensors"), "loads"),
    "redirect": (instead(302, {**CHUNKED, "Location": "/x"}, endless), "finds"),  # type: ignore[arg-type]
    "repository": (on("GET", endless(data=b"[],"), of="/models/me/model"), "pushes"),
    "tags": (on("GET", endless(data=b"[],"), of="/refs"), "pushes"),
    "card": (on("GET", endless(data=b"a: b\n"), of="README.md"), "pushes"),
    "upload": (on("PUT", endless(), of=""), "pushes"),
    "commit": (on("POST", endless(), of="/commit/main"), "pushes"),
}
MEMORY = """
import sys, warnings
from pathlib import Path
from huggingface_hub import constants
import genzoo
from genzoo.api.publish import Draft
from genzoo.errors import GenzooError
from genzoo.hub.search import search

def status(key):
    return int(next(line for line in open("/proc/self/status") if line.startswith(key)).split()[1]) >> 10

warnings.simplefilter("ignore")
draft = Draft.of(Path(sys.argv[1]), "me/model")
acts = {"loads": lambda: genzoo.load("hf:me/model", device="cpu"), "pushes": draft.publish, "finds": search}
for line in sys.stdin:
    before = status("VmHWM")
    try:
        acts[line.strip()]()
        outcome = "done"
    except GenzooError as error:
        outcome = type(error).__name__
    print(outcome, status("VmHWM") - before, flush=True)
"""


@on_linux
def test_no_answer_takes_more_memory_than_its_limit(published: Hub, draft: Draft, tmp_path: Path) -> None:
    command = [sys.executable, "-c", MEMORY, str(tmp_path / "published")]
    found: dict[str, tuple[str, int]] = {}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        assert process.stdin
        assert process.stdout
        for kind, (fault, act) in {"warm": (answer(200, body=b"[]"), "finds"), **SIZES}.items():
            published.repos.pop("me/model")
            files = {} if act == "pushes" else draft.files
            published.add("me/model", {**files, "README.md": b"", kind: b""})
            published.meddle = fault
            print(act, file=process.stdin, flush=True)
            outcome, grown = process.stdout.readline().split()
            found[kind] = (outcome, int(grown))
        process.stdin.close()
    done = {kind for kind, (outcome, _) in found.items() if outcome == "done"}
    assert done <= {"warm", "search of brackets", "upload"}
    assert all(grown < 150 for _, grown in found.values()), found
