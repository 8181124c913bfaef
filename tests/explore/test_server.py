"""The server of the page: what it answers, and what it refuses."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import genzoo
from genzoo.errors import GenzooWarning, InvalidInput, UnsupportedVerb
from genzoo.explore.description import describe
from genzoo.explore.server import PageServer
from genzoo.explore.studio import MAX_BODY, Studio
from genzoo.randomness import Noise
from tests.explore.conftest import serve

NAME = "gan-dense-toy1d"  # the quickest, and without data


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with PageServer(Studio(genzoo.load(NAME, device="cpu"))) as server:
        serve(server)
        yield server
        server.shutdown()


def ask(server: PageServer, path: str, body: bytes | None = None, token: str = "", **headers: str) -> tuple[int, bytes]:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    with closing(HTTPConnection("127.0.0.1", server.server_port, timeout=10)) as connection:
        connection.request("GET" if body is None else "POST", f"/{token or server.token}/{path}", body, named)
        response = connection.getresponse()
        return response.status, response.read()


def lives(server: PageServer) -> bool:
    return ask(server, "")[0] == 200


def test_decodes_as_the_model_does(server: PageServer) -> None:
    z = torch.randn(7, 1)
    status, body = ask(server, f"models/{NAME}/decode", z.numpy().tobytes())
    assert status == 200
    np.testing.assert_array_equal(np.frombuffer(body, "<f4"), server.studio.model.decode(z).flatten().numpy())


def test_noise_is_that_of_sample(server: PageServer) -> None:
    status, body = ask(server, f"models/{NAME}/noise?seed=5&n=70")
    assert status == 200
    np.testing.assert_array_equal(np.frombuffer(body, "<f4"), Noise(seed=5, n=70).normal(1).flatten().numpy())


def test_samples_are_those_of_sample(server: PageServer) -> None:
    status, body = ask(server, f"models/{NAME}/sample?seed=5&n=3", b"")
    assert status == 200
    np.testing.assert_array_equal(np.frombuffer(body, "<f4"), server.studio.model.sample(3, seed=5).flatten().numpy())
    assert ask(server, f"models/{NAME}/sample?seed=5&n=65", b"")[0] == 400


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", ""])
def test_refuses_a_foreign_host(server: PageServer, host: str) -> None:
    assert ask(server, "", Host=host)[0] == 403
    assert lives(server)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1"])
def test_refuses_a_foreign_origin(server: PageServer, origin: str) -> None:
    status, body = ask(server, f"models/{NAME}/decode", bytes(4), Origin=origin)
    assert status == 403
    assert "origin" in json.loads(body)["error"]
    assert ask(server, f"models/{NAME}/decode", bytes(4), Origin=server.url.rsplit("/", 2)[0])[0] == 200


@pytest.mark.parametrize("token", ["x", "é", "web", "%00"])
def test_refuses_without_the_token(server: PageServer, token: str) -> None:
    for path in ("", "web/page.js", f"models/{NAME}.json"):
        status, body = ask(server, path, token=token if token.isascii() else "%C3%A9")
        assert status == 403
        assert server.token.encode() not in body


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (bytes(3), 400),
        (bytes(4 * 1025), 400),
        (np.float32("nan").tobytes(), 400),
        (np.float32("inf").tobytes(), 400),
    ],
)
def test_refuses_a_malformed_body(server: PageServer, body: bytes, status: int) -> None:
    found, told = ask(server, f"models/{NAME}/decode", body)
    assert found == status
    assert json.loads(told)["error"]
    assert lives(server)


def test_a_fault_is_told_and_outlived(server: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.studio.model.generator, "forward", lambda z: 1 / 0)
    status, body = ask(server, f"models/{NAME}/decode", bytes(4))
    assert status == 500
    assert "ZeroDivisionError" in json.loads(body)["error"]
    monkeypatch.undo()
    assert ask(server, f"models/{NAME}/decode", bytes(4))[0] == 200


def test_only_pictures_make_a_gif(server: PageServer) -> None:
    assert ask(server, f"models/{NAME}/gif", bytes(4))[0] == 400


@pytest.mark.parametrize("length", [str(MAX_BODY + 1), "9" * 30])
def test_refuses_an_oversized_body_before_it_comes(server: PageServer, length: str) -> None:
    assert ask(server, f"models/{NAME}/decode", b"", Content_Length=length)[0] == 413
    assert lives(server)


@pytest.mark.parametrize(
    "headers", [{"Content_Length": "-1"}, {"Content_Length": "x"}, {"Transfer_Encoding": "chunked"}]
)
def test_refuses_a_body_of_no_length(server: PageServer, headers: dict[str, str]) -> None:
    assert ask(server, f"models/{NAME}/decode", b"", **headers)[0] == 411
    assert lives(server)


@pytest.mark.parametrize(
    "path",
    [
        "nothing", "web/", "web/page.html", "web/../server.py", "web/%2e%2e/server.py", "models/nothing.json",
        "models/vae-conv-mnist.json", f"models/{NAME}/train", f"models/{NAME}", "//[",
    ],
)  # fmt: skip
def test_there_is_nothing_else(server: PageServer, path: str) -> None:
    assert ask(server, path)[0] == 404
    assert lives(server)


@pytest.mark.parametrize("query", ["", "seed=-1&n=1", "seed=1.5&n=1", "seed=1&n=1025", "seed=x&n=1", "seed=9&n=٣"])
def test_refuses_noise_that_cannot_be(server: PageServer, query: str) -> None:
    assert ask(server, f"models/{NAME}/noise?{query.encode().hex() if not query.isascii() else query}")[0] == 400


@given(st.binary(max_size=200))
def test_outlives_whatever_is_sent(server: PageServer, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
        connection.sendall(sent + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert b"HTTP/1.1 200" not in answer


def test_outlives_whoever_goes_away(server: PageServer) -> None:
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
            start = f"POST /{server.token}/models/{NAME}/decode HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n"
            connection.sendall(f"{start}Content-Length: 4000\r\n\r\nabc".encode())
    assert lives(server)


WITHOUT_DESCRIPTORS = """
import resource, socket, sys, threading, time, urllib.request
import genzoo
from genzoo.explore.server import PageServer
from genzoo.explore.studio import Studio
server = PageServer(Studio(genzoo.load(sys.argv[1], device="cpu")))
threading.Thread(target=server.serve_forever, daemon=True).start()
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
clients = []
try:
    while True:
        clients.append(socket.socket())
except OSError:  # there is no descriptor left
    pass
clients[0].connect(("127.0.0.1", server.server_port))
before = time.process_time()
time.sleep(1)
print(time.process_time() - before)
for client in clients:
    client.close()
print(b"<h1" in urllib.request.urlopen(server.url, timeout=30).read())
"""


def test_waits_for_descriptors_without_spinning() -> None:
    command = [sys.executable, "-c", WITHOUT_DESCRIPTORS, NAME]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert float(told[0]) < 0.1
    assert told[1] == "True"


def test_every_answer_forbids_what_the_page_does_not_need(server: PageServer) -> None:
    for token in (server.token, "wrong"):
        with closing(HTTPConnection("127.0.0.1", server.server_port, timeout=10)) as connection:
            connection.request("GET", f"/{token}/")
            headers = connection.getresponse().headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "http" not in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert not [key for key in headers if key.lower().startswith("access-control")]


def test_a_taken_port_is_told(server: PageServer) -> None:
    with pytest.raises(InvalidInput, match="leave --port out"):
        PageServer(server.studio, server.server_port)


def test_a_model_without_data_begins_with_samples_or_the_mean() -> None:
    vae = genzoo.create("vae-dense", seed=0, input_shape=(1, 4, 4), latent_dim=3)
    told = describe(vae, None)
    np.testing.assert_allclose([base["code"] for base in told["bases"]], Noise(seed=0, n=10).normal(3), atol=6e-5)
    assert not any("pixels" in base for base in told["bases"])
    assert {len(b64decode(base["decoded"])) for base in told["bases"]} == {16}
    autoencoder = genzoo.create("ae-dense", seed=0, input_shape=(1, 4, 4), latent_dim=3)
    told = describe(autoencoder, None)
    assert [base["code"] for base in told["bases"]] == [[0, 0, 0]]
    assert (told["latents"][0]["low"], told["latents"][0]["high"]) == (-3, 3)


def test_what_is_told_comes_behind_each_row() -> None:
    columns = {"label": genzoo.Column.of(["a", "b"]), "size": genzoo.Column(space=genzoo.Space(shape=()))}
    model = genzoo.create("vae-dense", seed=0, input_shape=(1, 4, 4), latent_dim=3, given=columns)
    studio = Studio(model)
    z, told = torch.randn(2, 3), {"label": [0, 1], "size": [0.5, -2.0]}
    rows = torch.cat([z, torch.tensor([[0, 0.5], [1, -2]])], dim=1)
    levels = (model.decode(z, **told) * 255).round().flatten().tolist()
    assert list(studio.decode(model.name, rows.numpy().tobytes())) == levels
    x = torch.randint(256, (1, 16), dtype=torch.uint8)
    body = x.numpy().tobytes() + np.asarray([1, -2], np.float32).tobytes()
    code = model.encode(x.view(1, 1, 4, 4) / 255, label=1, size=-2.0)
    np.testing.assert_allclose(np.frombuffer(studio.encode(model.name, body), "<f4"), code[0], atol=1e-6)
    for wrong in ([0, 0, 0, 2, 0], [0, 0, 0, np.nan, 0], [0, 0, 0, 1, np.nan], [0, 0, 0]):
        with pytest.raises(InvalidInput):
            studio.decode(model.name, np.asarray(wrong, np.float32).tobytes())


def test_sliders_of_a_gan_are_its_components() -> None:
    model = genzoo.create("gan-dense", seed=0, input_shape=(1, 4, 4), latent_dim=5, hidden=(64,))
    told = describe(model, None)
    assert [row["title"] for row in told["latents"]] == ["c0", "c1", "c2", "c3", "c4"]
    directions, shares = genzoo.latent.components(model, {}) or pytest.fail("it has a first layer")
    np.testing.assert_allclose([row["direction"] for row in told["latents"]], directions, atol=6e-5)
    np.testing.assert_allclose([row["measure"] for row in told["latents"]], shares)
    assert len(told["mean"]) == 5


def test_data_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = genzoo.load("ae-dense-mnist-2d", device="cpu")
    monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", [])
    with pytest.warns(GenzooWarning, match="without data"):
        studio = Studio(model, data_root=tmp_path)
    (base,) = json.loads(studio.description(model.name))["bases"]
    assert "pixels" not in base


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: genzoo.load("features-lenet-mnist", device="cpu"), UnsupportedVerb),
        (lambda: genzoo.create("ae-dense", input_shape=(5,), latent_dim=2), InvalidInput),
    ],
)
def test_refuses_what_it_cannot_show(make: Callable[[], Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Studio(make())


def test_a_notebook_shows_the_page_of_a_model_in_memory() -> None:
    exploration = genzoo.explore(genzoo.create("vae-dense", seed=0, input_shape=(1, 4, 4), latent_dim=3))
    try:
        assert f'<iframe src="{exploration.url}"' in exploration._repr_mimebundle_()["text/html"]
        status, body = ask(exploration._server, "models/vae-dense.json")
        assert status == 200
        assert "untrained" in json.loads(body)["facts"]
    finally:
        exploration.close()
