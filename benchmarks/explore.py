"""From a slider's event to the painted picture, in headless Chromium: what a server decodes, and what the browser does.

Goal: at most 20 ms with a server, 5 ms in the browser for half a million parameters; 120 events give 120 pictures; the
first picture of a gallery's page within 1 s.
"""

from __future__ import annotations

import functools
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from measure import machine
from playwright.sync_api import Browser, sync_playwright

import genzoo
from genzoo.explore.gallery import write_gallery
from genzoo.explore.server import PageServer
from genzoo.explore.studio import Studio

MODELS = ("ae-dense-mnist-2d", "ae-conv-mnist", "vae-conv-mnist", "gan-dcgan-mnist")
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
WATCH = """
  window.painted = [];
  const put = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (...given) {
    put.apply(this, given);
    if (this.canvas?.id === "picture") window.painted.push(performance.now());
  };
"""
DRAG = """async () => {
  const slider = document.querySelector("#sliders input"), began = [], first = window.painted.length;
  for (let k = 0; k < 120; k++) {
    slider.value = +slider.min + (k / 120) * (slider.max - slider.min);
    began.push(performance.now());
    slider.dispatchEvent(new Event("input"));
    await new Promise((done) => setTimeout(done, 16));
  }
  await new Promise((done) => setTimeout(done, 1000));
  const ended = window.painted.slice(first);
  return { count: ended.length, times: ended.map((end, k) => end - began[k]), start: window.painted[0] };
}"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *given: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[str]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def row(browser: Browser, name: str, where: str, url: str) -> None:
    page = browser.new_page()
    page.add_init_script(WATCH)
    page.goto(url)
    page.wait_for_selector("html[data-busy='0']")
    found = page.evaluate(DRAG)
    page.close()
    median, p95 = statistics.median(found["times"]), statistics.quantiles(found["times"], n=20)[-1]
    print(f"| {name} | {where} | {median:.1f} | {p95:.1f} | {found['count']} of 120 | {found['start']:.0f} |")


def main() -> None:
    print(machine())
    print("\n| | decoded | event to picture, median ms | p95 | pictures | first picture, ms |\n|" + " --- |" * 6)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS.split())
        write_gallery(MODELS, folder)
        for name in MODELS:
            server = PageServer(Studio(genzoo.load(name, device="cpu")))
            with serving(server):
                row(browser, name, "by PyTorch, on a server", server.url)
        files = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder))
        with serving(files) as address:
            for name in MODELS:
                row(browser, name, "in the browser", f"{address}/{name}.html")
        browser.close()


if __name__ == "__main__":
    main()
