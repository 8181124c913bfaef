"""Pictures of the pages for README and the documentation, taken by a real browser: the page of explore, light and dark,
and the GAN on a line in four moments of its training.

    python docs/screenshots.py [FOLDER]

Needs Debian's chromium and the data set MNIST, which the page begins with.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

import genzoo
from genzoo.explore.page import WEB
from genzoo.explore.server import PageServer
from genzoo.explore.studio import Studio

Server = TypeVar("Server", bound=HTTPServer)
MOMENTS = (0, 40, 200, 1600)
"""Steps of each player at which the GAN is looked at; seed 0, one bump."""


def main(folder: Path) -> None:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
        for theme in ("light", "dark"):
            explore(browser, theme).save(folder / f"explore-{theme}.png")
        gan(browser).save(folder / "gan-on-a-line.png")
        browser.close()


def explore(browser: Browser, theme: str) -> Image.Image:
    """The page of vae-conv-mnist."""
    with _served(PageServer(Studio(genzoo.load("vae-conv-mnist")), 0)) as server:
        page = browser.new_page(viewport={"width": 1200, "height": 1000}, color_scheme=theme)  # type: ignore[arg-type]
        page.goto(server.url)
        page.wait_for_selector("html[data-busy='0']")
        return _picture(page, "body")


def gan(browser: Browser) -> Image.Image:
    """The plot of the page on which a GAN learns a line, at each of MOMENTS, below each other."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(WEB))
    with _served(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        page = browser.new_page(viewport={"width": 900, "height": 900}, color_scheme="light")
        page.goto(f"http://127.0.0.1:{server.server_port}/gan1d.html")
        frames, done = [], 0
        for moment in MOMENTS:
            for _ in range(moment - done):
                page.evaluate("['step-d', 'step-g'].forEach(id => document.getElementById(id).click())")
            done = moment
            frames.append(_picture(page, "#plot"))
    width, height = frames[0].size
    sheet = Image.new("RGB", (2 * width, (len(frames) + 1) // 2 * height), "white")
    for i, frame in enumerate(frames):
        sheet.paste(frame, (i % 2 * width, i // 2 * height))
    return sheet


def _picture(page: Page, selector: str) -> Image.Image:
    shot = page.locator(selector).screenshot()
    return Image.open(BytesIO(shot)).convert("RGB")


@contextmanager
def _served(server: Server) -> Iterator[Server]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/pictures"))
