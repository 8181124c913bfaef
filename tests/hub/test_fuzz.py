"""Answers of a hub that are nearly right, or anything: 5,000 each of searches, of pushes and of cards.

Each is a value or a typed error, in bounded time and memory. The hub sends bytes as they are, from a socket.
"""

from __future__ import annotations

import gc
import json
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import close_session, constants

import genzoo
from genzoo.errors import GenzooError
from genzoo.hub import push
from genzoo.hub.card import card
from genzoo.hub.remote import Remote
from genzoo.hub.search import search
from genzoo.spec import REPO
from tests.conftest import point_at
from tests.hub.folders import untrained
from tests.hub.server import TOKEN

CASES = 5_000
COMMIT = "ab" * 20
OID = "cd" * 32


class Canned:
    """A server that gives each request the bytes that `answer` makes."""

    def __init__(self) -> None:
        self.answer: Callable[[bytes], bytes] = lambda request: b""
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.endpoint = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answer = b""
            while b"Connection: close" not in answer and (request := _request(connection)):
                connection.sendall(answer := self.answer(request))


def _request(connection: socket.socket) -> bytes:
    """A request with its body, b"" at the end."""
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            if not (part := connection.recv(1 << 16)):
                return b""
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connection.recv(1 << 16)
    except OSError:
        return b""
    return data


@pytest.fixture
def canned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canned]:
    server = Canned()
    point_at(server.endpoint, monkeypatch)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 1)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)  # client and server take turns in one process
    yield server
    sys.setswitchinterval(before)
    server.socket.close()
    close_session()


class Mutator:
    """Nearly right answers, the same ones for a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  # no secret
        self.odd: list[Any] = [
            None, True, -1, 1e308, 10**400, "", "x" * 3000, "../../x", "\x1b[2J", "\ud800", [], {}, [[]], {"a": {}},
            "genzoo\n---\n# x", "hf:me/model", COMMIT.upper(), COMMIT[:-1], COMMIT + "\n", OID, ["a"] * 300,
            float("nan"),
        ]  # fmt: skip

    def value(self, value: Any) -> Any:
        """`value` with something in it replaced, left out, or given twice."""
        pick = self.random.random()
        if pick < 0.15 or not value or not isinstance(value, dict | list):
            return self.random.choice(self.odd)
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = self.random.choice(keys)
        changed: Any = dict(value) if isinstance(value, dict) else list(value)
        if pick < 0.3:
            del changed[key]
        elif pick < 0.4 and isinstance(changed, list):
            changed *= self.random.choice([2, 3, 60])
        else:
            changed[key] = self.value(changed[key])
        return changed

    def text(self, data: bytes) -> bytes:
        """`data` with some bytes changed, cut, or repeated."""
        changed = bytearray(data)
        for _ in range(self.random.randrange(4)):
            at = self.random.randrange(len(changed) + 1)
            part = self.random.choice(
                [b"", b"\0", b"\xff", b"[" * 500, b"---\n", b'"', b"{", b"*a &a ", b"\r\n", b"%", b": "]
            )
            changed[at : at + self.random.randrange(9)] = part
        return bytes(changed)

    def json(self, value: Any) -> bytes:
        if self.random.random() < 0.2:
            return self.text(json.dumps(value).encode())
        for _ in range(self.random.randrange(1, 4)):
            value = self.value(value)
        return json.dumps(value).encode()

    def http(self, body: bytes, headers: dict[str, str]) -> bytes:
        """An answer with `body`, now and then with another status, or with headers that are not right."""
        status, length = 200, str(len(body))
        changed = {"Content-Length": length, **headers}
        if self.random.random() < 0.1:
            status = self.random.choice(
                [201, 204, 206, 302, 304, 400, 401, 403, 404, 409, 412, 416, 429, 500, 503, 999]
            )
        if self.random.random() < 0.2:
            odd = [
                "",
                "-1",
                "0",
                length * 3,
                "../x",
                '""',
                "W/",
                "gzip",
                "br, gzip",
                "\x1b[2J",
                "x" * 5000,
                "chunked",
                '"\xff"',
            ]
            names = [
                *changed,
                "Content-Encoding",
                "Location",
                "X-Error-Code",
                "X-Linked-Size",
                "Retry-After",
                "Content-Range",
            ]
            changed[self.random.choice(names)] = self.random.choice(odd)
        lines = "".join(
            f"{key}: {value}\r\n" for key, value in {**changed, "Connection": self._connection(changed, length)}.items()
        )
        return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode("latin-1") + body

    def _connection(self, headers: dict[str, str], length: str) -> str:
        """A connection whose answer may not end where it should is not used again, and does not wait."""
        return "keep-alive" if headers["Content-Length"] == length and "Content-Encoding" not in headers else "close"


@contextmanager
def bounded(seconds: float, *, mebibytes: int = 100) -> Iterator[None]:
    """AssertionError where the block takes longer, or makes this process grow by more.

    The seconds are those of the processor, for other tests run beside this one; and what tests before it have left is
    no business of the garbage collector, which would walk all of it at each large answer.
    """
    resource = pytest.importorskip("resource")
    gc.collect()
    gc.freeze()
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        yield
    finally:
        gc.unfreeze()
    assert time.process_time() - began < seconds
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < mebibytes << 10


def outcomes(attempt: Callable[[], Any]) -> tuple[int, int]:
    """How many of the cases gave a value, and how many a typed error; none takes a second of the processor."""
    messages = []
    for _ in range(CASES):
        began = time.process_time()
        try:
            attempt()
        except GenzooError as error:
            messages.append(error.message)
        assert time.process_time() - began < 1
    assert max(map(len, messages)) < 1000
    return CASES - len(messages), len(messages)


def test_no_answer_to_a_search_does_more_than_fail(canned: Canned) -> None:
    mutate = Mutator(0)
    row = {"id": "me/model", "tags": ["genzoo", "vae", "license:mit"], "downloads": 7, "pipeline_tag": "x"}
    canned.answer = lambda request: mutate.http(mutate.json([row, row]), {})

    def attempt() -> None:
        rows = search("x")
        assert len(rows) <= 100
        for found in rows:
            assert REPO.fullmatch(found["name"].removeprefix("hf:"))
            assert all(
                text.isascii() and text.isprintable() for text in (found["task"], found["license"], *found["tags"])
            )
            assert 0 <= found["downloads"] < 1 << 53
            json.dumps(found, allow_nan=False)

    with bounded(20):
        values, errors = outcomes(attempt)
    assert min(values, errors) > CASES // 10


def test_no_answer_to_a_push_does_more_than_fail(canned: Canned) -> None:
    mutate = Mutator(1)
    files = {"model.safetensors": b"weights", "genzoo.json": b"{}"}
    modes = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in files]
    upload = {"oid": "ff" * 32, "size": 7, "actions": {"upload": {"href": f"{canned.endpoint}/put"}}}
    honest: dict[str, Any] = {
        "/refs": {"tags": [{"name": "v1", "ref": "v1", "targetCommit": COMMIT}], "branches": []},
        "/preupload/": {"files": modes},
        "/commit/": {"success": True, "commitOid": COMMIT, "commitUrl": "x"},
        "/objects/batch": {"objects": [upload]},
        "": {"id": "me/model", "sha": COMMIT, "private": False, "siblings": [{"rfilename": "README.md"}]},
    }

    def answer(request: bytes) -> bytes:
        path = request.split(b" ", 2)[1].decode()
        return mutate.http(mutate.json(next(value for key, value in honest.items() if key in path)), {})

    canned.answer = answer
    remote, turns = Remote("me/model"), iter(range(CASES))
    asks: list[Callable[[], Any]] = [
        lambda: remote.info(private=False).commit,
        lambda: [*remote.tags().values()],
        lambda: remote.commit(files, "x", parent=COMMIT),
        lambda: remote._upload(b"weights"),
        lambda: remote.tag("v1", COMMIT),
    ]

    def attempt() -> None:
        found = asks[next(turns) % len(asks)]()
        assert found is None or all(len(commit) == 40 for commit in ([found] if isinstance(found, str) else found))

    with bounded(20):
        values, errors = outcomes(attempt)
    assert min(values, errors) > CASES // 20


def test_no_card_does_more_than_fail(canned: Canned, tmp_path: Path) -> None:
    mutate = Mutator(2)
    record = replace(genzoo.show(untrained(tmp_path / "folder", 8)), metrics={})
    honest = card(record, ("sample",), reference="hf:me/model", preview=False).encode()
    told = {"X-Repo-Commit": COMMIT, "ETag": f'"{COMMIT}"'}
    canned.answer = lambda request: mutate.http(mutate.text(honest), told)

    def attempt() -> None:
        before = push._card_there("me/model", COMMIT)
        assert card(record, ("sample",), reference="hf:me/model", preview=False, before=before)

    with bounded(20):
        values, errors = outcomes(attempt)
    assert min(values, errors) > CASES // 20
