"""The page served, and the page as files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import genzoo
from genzoo.explore.gallery import write_gallery
from genzoo.explore.page import WEB
from genzoo.explore.server import PageServer
from genzoo.explore.studio import Studio

MODELS = (
    "vae-conv-mnist",
    "ae-dense-mnist-2d",
    "ae-conv-mnist",
    "gan-dcgan-mnist",
    "gan-dcgan-mnist-label",
    "gan-dense-toy1d",
)


def serve(server: ThreadingHTTPServer) -> None:
    threading.Thread(target=server.serve_forever, daemon=True).start()


@pytest.fixture(scope="session")
def served(data_root: Path) -> Iterator[Callable[[str], PageServer]]:
    """The server of a model, started when it is first asked for."""
    servers: dict[str, PageServer] = {}

    def of(name: str) -> PageServer:
        if name not in servers:
            servers[name] = PageServer(Studio(genzoo.load(name, device="cpu"), data_root=data_root))
            serve(servers[name])
        return servers[name]

    yield of
    for server in servers.values():
        server.shutdown()
        server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def files_of(folder: Path) -> Iterator[str]:
    """The address of a file server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        serve(server)
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the web files alone."""
    with files_of(WEB) as address:
        yield address


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory, data_root: Path) -> Iterator[str]:
    """The address of a gallery on a file server."""
    index = write_gallery(MODELS, tmp_path_factory.mktemp("site"), data_root=data_root)
    with files_of(index.parent) as address:
        yield f"{address}/"
