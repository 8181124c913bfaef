"""One browser for all tests of pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)

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
