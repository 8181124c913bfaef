"""One browser for all tests of the page, the page served, and the page as files."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import genzoo
from genzoo.explore.gallery import write_gallery
from genzoo.explore.page import WEB
from genzoo.explore.server import PageServer
from genzoo.explore.studio import Studio

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
MODELS = ("vae-conv-mnist", "ae-dense-mnist-2d", "ae-conv-mnist", "gan-dcgan-mnist", "gan-dense-toy1d")

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; the test is skipped without it, and fails with GENZOO_REQUIRE_BROWSER=1."""
    path = shutil.which("chromium")
    if path is None:
        message = "there is no chromium: apt-get install chromium"
        pytest.fail(message) if os.environ.get("GENZOO_REQUIRE_BROWSER") else pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens an address in a window of its own and waits for the page. Afterwards no page may have asked anything of
    another origin, or have written to the console."""
    contexts: list[Any] = []
    amiss: list[str] = []

    def open_page(url: str, *, width: int = 1200, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        origin = "/".join(url.split("/")[:3])
        page.on("console", lambda message: amiss.append(message.text))
        page.on("pageerror", lambda error: amiss.append(str(error)))
        page.on("request", lambda one: amiss.extend([one.url] * (not one.url.startswith((origin, "data:", "blob:")))))
        page.goto(url)
        if page.query_selector("#picture"):
            page.wait_for_selector("html[data-busy='0']")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not amiss


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
