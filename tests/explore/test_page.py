"""The page in a real browser, decoded by the server and by the browser itself."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page, expect
from torch import Tensor

import genzoo
from genzoo.explore.server import PageServer
from genzoo.latent import components
from genzoo.pictures import png
from tests.browser import Open
from tests.conftest import ROOT
from tests.explore.conftest import MODELS

AXE = ROOT / "tests" / "web" / "node_modules" / "axe-core" / "axe.min.js"
PIXELS = """canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  return Array.from({ length: data.length / 4 }, (_, p) => data[4 * p]);
}"""
COUNT_PAINTS = """() => {
  window.paints = 0;
  const put = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (...given) {
    if (this.canvas.id === "picture") window.paints++;
    return put.apply(this, given);
  };
}"""
DRAG = """async slider => {
  for (let k = 0; k < 120; k++) {
    slider.value = -3 + k * 0.05;
    slider.dispatchEvent(new Event("input"));
    do await new Promise((done) => setTimeout(done, 16)); while (k - window.paints > 8); // a busy machine may lag
  }
}"""

Served = Callable[[str], PageServer]


@pytest.fixture(params=["server", "files"])
def address(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """The address of the page of a model, which PyTorch decodes, or the browser."""
    if request.param == "server":
        served = request.getfixturevalue("served")
        return lambda name: served(name).url
    gallery = request.getfixturevalue("gallery")
    return lambda name: f"{gallery}{name}.html"


def settle(page: Page) -> None:
    """Wait until all that was asked for is shown."""
    if page.query_selector("#picture"):  # the index has none
        page.wait_for_selector("html[data-busy='0']")


def picture(page: Page, selector: str = "#picture") -> Tensor:
    """The pixels on a canvas, 0 to 255."""
    settle(page)
    return torch.tensor(list(page.eval_on_selector(selector, PIXELS)))


def code(page: Page) -> Tensor:
    """The code in the page's link."""
    settle(page)
    (z,) = parse_qs(page.evaluate("location.hash.slice(1)"))["z"]
    return torch.tensor([[float(value) for value in z.split()]])


def decoded(name: str, z: Tensor) -> Tensor:
    """What PyTorch makes of a code, 0 to 255."""
    x: Tensor = genzoo.load(name, device="cpu").decode(z)
    return x.flatten() * 255


def close_to(found: Tensor, wanted: Tensor) -> bool:
    return bool((found - wanted).abs().max() <= 1)


def axes(name: str) -> Tensor:
    """The directions in which the sliders of a model move its code, a row for each, by their ids."""
    model = genzoo.load(name, device="cpu")
    found = None if model.has("encode") else components(model, {})
    return found[0] if found else torch.eye(model.latent_dim)


@pytest.mark.parametrize("name", ["vae-conv-mnist", "gan-dcgan-mnist"])
def test_keys_move_a_slider_and_the_picture(address: Callable[[str], str], open_page: Open, name: str) -> None:
    page = open_page(address(name))
    before, at = picture(page), code(page)
    slider = page.locator("#sliders input").first
    index = int(str(slider.get_attribute("id"))[1:])
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    after = code(page)
    moved = (after - at) @ axes(name).T
    assert 0.9 < moved[0, index] <= 1.05
    assert [j for j in range(at.shape[1]) if moved[0, j].abs() > 2e-3] == [index]
    assert close_to(picture(page), decoded(name, after))
    assert not close_to(picture(page), before)
    shown = page.locator("#sliders .value").first.inner_text().replace("−", "-")
    assert float(shown) == pytest.approx((after @ axes(name).T)[0, index].item(), abs=0.006)


def test_a_collapsed_latent_changes_next_to_nothing(address: Callable[[str], str], open_page: Open) -> None:
    page = open_page(address("vae-conv-mnist"))
    before = picture(page)
    page.get_by_text("9 collapsed").click()
    for end in ("Home", "End"):
        page.locator(".collapsed input").last.press(end)
        code(page)
        assert (picture(page) - before).abs().max() < 8
    page.locator("#sliders input").first.press("Home")
    code(page)
    assert (picture(page) - before).abs().max() > 128


def test_the_link_brings_everything_back(address: Callable[[str], str], open_page: Open) -> None:
    page = open_page(address("vae-conv-mnist"))
    page.locator("#bases button").nth(3).click()
    page.locator("#sliders input").nth(1).press("End")
    page.get_by_role("button", name="Samples").click()
    page.get_by_label("Seed").fill("7")
    page.get_by_label("Seed").blur()
    page.get_by_label("Compare with").select_option("ae-conv-mnist")
    z, seen, other = code(page), picture(page), picture(page, "#otherPicture")
    again = open_page(page.url)
    expect(again.get_by_label("Seed")).to_have_value("7")
    expect(again.get_by_role("button", name="Samples")).to_have_attribute("aria-pressed", "true")
    assert torch.equal(code(again), z)
    assert torch.equal(picture(again), seen)
    assert torch.equal(picture(again, "#otherPicture"), other)


@pytest.mark.parametrize("hash_", ["#z=1", "#z=a b", "#view=none&base=99&seed=-x&with=nobody", "#%"])
def test_a_link_that_is_none_of_ours_is_no_harm(served: Served, open_page: Open, hash_: str) -> None:
    page = open_page(served("ae-dense-mnist-2d").url + hash_)
    assert close_to(picture(page), decoded("ae-dense-mnist-2d", code(page)))


def test_each_of_120_events_gives_its_picture(address: Callable[[str], str], open_page: Open) -> None:
    page = open_page(address("ae-dense-mnist-2d"))
    page.evaluate(COUNT_PAINTS)
    page.locator("#z0").evaluate(DRAG)
    settle(page)
    assert page.evaluate("window.paints") == 120


def test_two_tabs_at_once(served: Served, open_page: Open) -> None:
    pages = [open_page(served("ae-dense-mnist-2d").url) for _ in range(2)]
    for step in range(10):
        for k, page in enumerate(pages):
            page.locator(f"#z{k}").press("ArrowLeft" if step % 2 else "ArrowRight")
    for page in pages:
        assert close_to(picture(page), decoded("ae-dense-mnist-2d", code(page)))


def test_the_samples_are_those_of_the_seed(served: Served, open_page: Open) -> None:
    page = open_page(served("gan-dcgan-mnist").url + "#view=samples&seed=3")
    settle(page)
    wanted = genzoo.load("gan-dcgan-mnist", device="cpu").sample(24, seed=3).flatten(1) * 255
    assert close_to(picture(page, ".samples tr:last-child td:last-child canvas"), wanted[23])
    page.locator(".samples td button").nth(5).click()
    code(page)
    assert close_to(picture(page), wanted[5])


def test_the_views_show_what_they_say(address: Callable[[str], str], open_page: Open) -> None:
    name, model = "ae-dense-mnist-2d", genzoo.load("ae-dense-mnist-2d", device="cpu")
    page = open_page(address(name))
    start = code(page)
    settle(page)
    row = torch.stack(
        [picture(page, f".traverse tbody tr:nth-child(1) td:nth-child({k}) canvas") for k in range(2, 13)]
    )
    index = model.latents()[0].index
    wanted = model.traverse(start, latent=index).flatten(0, 1).flatten(1) * 255
    assert (row - wanted).abs().max() < 4  # the ends are rounded to a thousandth
    page.get_by_role("button", name="Interpolate").click()
    settle(page)
    page.locator(".interpolate tbody button").last.click()
    other = code(page)
    page.locator("#bases button").nth(1).click()
    assert torch.equal(code(page), other)
    page.locator(".interpolate tbody button").nth(5).click()
    assert torch.allclose(code(page), (start + other) / 2, atol=1e-3)


def test_the_way_between_two_pictures_is_linear_or_spherical(served: Served, open_page: Open) -> None:
    model = genzoo.load("vae-conv-mnist", device="cpu")
    page = open_page(served("vae-conv-mnist").url + "#view=interpolate")
    page.locator("#bases button").nth(2).click()
    start = code(page)
    page.locator("#bases button").nth(7).click()
    end = code(page)
    page.get_by_role("group", name="From", exact=True).get_by_role("button").nth(2).click()
    page.get_by_role("group", name="To", exact=True).get_by_role("button").nth(7).click()
    modes: tuple[Literal["linear", "spherical"], ...] = ("linear", "spherical")
    for mode in modes:
        page.locator(".interpolate select").select_option(mode)
        settle(page)
        row = torch.stack([picture(page, f".interpolate td:nth-child({k}) canvas") for k in range(1, 12)])
        wanted = model.interpolate(start, end, 11, mode=mode).flatten(0, 1).flatten(1) * 255
        assert (row - wanted).abs().max() <= 1


def test_a_compared_model_gets_the_same_code_or_the_same_picture(
    address: Callable[[str], str], open_page: Open, data_root: Path
) -> None:
    page = open_page(address("vae-conv-mnist"))
    page.get_by_label("Compare with").select_option("ae-conv-mnist")
    expect(page.locator("#otherCaption")).to_have_text("ae-conv-mnist, same picture")
    page.locator("#sliders input").first.press("Home")
    expect(page.locator("#otherCaption")).to_have_text("ae-conv-mnist, same code")
    assert close_to(picture(page, "#otherPicture"), decoded("ae-conv-mnist", code(page)))
    page.get_by_label("Compare with").select_option("ae-dense-mnist-2d")
    expect(page.locator("#otherCaption")).to_have_text("ae-dense-mnist-2d, same picture")
    offered = page.get_by_label("Compare with").locator("option").all_text_contents()
    assert {"ae-conv-mnist", "ae-dense-mnist-2d"} <= {*offered}
    assert not [name for name in offered if "gan" in name or "fashion" in name]  # other codes, other pictures


def test_pictures_of_one_s_own_are_encoded(served: Served, open_page: Open, tmp_path: Path) -> None:
    name, model = "ae-dense-mnist-2d", genzoo.load("ae-dense-mnist-2d", device="cpu")
    x = model.decode(torch.tensor([[5.0, -3.0]]))
    (tmp_path / "mine.png").write_bytes(png(genzoo.grid(x).crop((2, 2, 30, 30))))
    (tmp_path / "none.png").write_text("no picture")
    page = open_page(served(name).url)
    page.set_input_files("#upload", tmp_path / "mine.png")
    assert torch.allclose(code(page), model.encode((x * 255).round() / 255), atol=1e-3)
    assert close_to(picture(page, "#takenPicture"), (x * 255).round().flatten())
    page.locator("#bases button").first.click()
    expect(page.locator("#taken")).to_be_hidden()
    page.set_input_files("#upload", tmp_path / "none.png")
    expect(page.get_by_role("status")).to_have_text("none.png cannot be read as a picture")
    page.get_by_text("Draw").click()
    before, paper = code(page), page.locator("#paper")
    paper.drag_to(paper, source_position={"x": 100, "y": 20}, target_position={"x": 100, "y": 180})
    after = code(page)
    assert not torch.equal(after, before)
    assert close_to(picture(page), decoded(name, after))


def test_a_switch_tells_the_model(address: Callable[[str], str], open_page: Open) -> None:
    name = "gan-dcgan-mnist-label"
    model = genzoo.load(name, device="cpu")
    page = open_page(address(name))
    label = page.get_by_role("group", name="label", exact=True)
    expect(label.get_by_role("radio", name="0")).to_be_checked()
    label.get_by_role("radio", name="7").check()
    assert close_to(picture(page), model.decode(code(page), label=7).flatten() * 255)
    page.keyboard.press("ArrowRight")
    label.get_by_role("radio", name="8").blur()
    wanted = model.decode(code(page), label=8).flatten() * 255
    assert close_to(picture(page), wanted)
    direction, row = axes(name)[0], ".traverse tbody tr:first-child td:last-child canvas"
    z = code(page)
    assert (
        picture(page, row) - model.decode(z + (3 - z @ direction) * direction, label=8).flatten() * 255
    ).abs().max() < 4
    again = open_page(page.url)
    assert close_to(picture(again), wanted)
    label.get_by_role("radio", name="untold").check()
    assert close_to(picture(page), model.decode(code(page)).flatten() * 255)
    assert not close_to(picture(page), wanted)


TOLD = {
    "age": genzoo.Column(space=genzoo.Space(shape=())),
    "caption": genzoo.Column(space=genzoo.Space(shape=(2,), values="index", size=2), names=("thin", "bar")),
    "hat": replace(genzoo.Column.of(["no", "yes"], doc="whether it wears one"), optional=True),
    "place": genzoo.Column(space=genzoo.Space(shape=(2,), values="unit"), optional=True),
    "style": genzoo.Column.of([f"style {i}" for i in range(20)]),
}


def test_every_kind_of_column_has_a_control(open_page: Open) -> None:
    model = genzoo.create("vae-dense", seed=0, input_shape=(3, 8, 8), latent_dim=3, given=TOLD).eval()
    exploration = genzoo.explore(model)
    page = open_page(exploration.url, permissions=["clipboard-read", "clipboard-write"])

    def fill(name: str, text: str) -> None:
        page.get_by_role("textbox", name=name).fill(text)
        page.get_by_role("textbox", name=name).blur()

    page.get_by_role("group", name="hat").get_by_role("radio", name="yes").check()
    page.get_by_role("combobox", name="style").select_option("style 13")
    page.get_by_role("spinbutton", name="age").fill("-1.5")
    fill("caption", "Bar")
    fill("place", "0.25 1")
    told = {"age": -1.5, "caption": "bar", "hat": "yes", "place": [0.25, 1], "style": 13}
    wanted = model.decode(code(page), **told)[0]
    assert close_to(picture(page), wanted[0].flatten() * 255)
    for name, text, takes in (
        ("place", "0.25", "(2,)"),
        ("caption", "bar bar bar", "at most 2"),
        ("caption", "red", "2 words"),
    ):
        fill(name, text)
        expect(page.get_by_role("status")).to_contain_text(f"{name} takes ")
        expect(page.get_by_role("status")).to_contain_text(takes)
        expect(page.get_by_role("textbox", name=name)).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Copy Python").click()
    expect(page.get_by_role("status")).to_have_text("Python copied")
    copied = page.evaluate("navigator.clipboard.readText()").splitlines()
    scope = {"genzoo": genzoo, "torch": torch, "model": model}
    call = next(line for line in copied if line.startswith("genzoo.grid")).partition("grid(")[2].partition(").save")[0]
    exec("\n".join([*(line for line in copied if line.startswith("z =")), f"x = {call}"]), scope)  # noqa: S102
    assert torch.allclose(scope["x"][0], wanted)  # type: ignore[index]
    exploration.close()


def test_one_draws_in_colour_and_the_picture_stays_in_view(open_page: Open) -> None:
    model = genzoo.create("vae-dense", seed=0, input_shape=(3, 8, 8), latent_dim=64, hidden=(8,)).eval()
    exploration = genzoo.explore(model)
    for width in (390, 1200):
        page = open_page(exploration.url, width=width)
        page.get_by_text("Draw").click()
        page.locator("#ink").fill("#2040e0")
        paper = page.locator("#paper")
        paper.drag_to(paper, source_position={"x": 20, "y": 100}, target_position={"x": 180, "y": 100})
        settle(page)
        rgba = page.eval_on_selector("#takenPicture", "c => [...c.getContext('2d').getImageData(4, 4, 1, 1).data]")
        assert rgba[2] > 1.5 * rgba[1] > 2 * rgba[0] > 10
        page.locator("#z60").scroll_into_view_if_needed()
        for shown in ("#picture", "#takenPicture", "#z60"):
            box = page.locator(shown).bounding_box()
            assert box is not None
            assert 0 <= box["y"] <= box["y"] + box["height"] <= 900, (width, shown)
        on_top = (
            "e => { const b = e.getBoundingClientRect(); return document.elementFromPoint(b.x + 9, b.y + 9) === e; }"
        )
        assert page.eval_on_selector("#picture", on_top)
    exploration.close()


def test_the_map_moves_the_code(address: Callable[[str], str], open_page: Open) -> None:
    page = open_page(address("ae-dense-mnist-2d"))
    plane = page.locator("#plane")
    plane.focus()
    before = code(page)
    plane.press("ArrowUp")
    after = code(page)
    assert after[0, 0] == before[0, 0]
    assert after[0, 1] > before[0, 1]
    plane.click(position={"x": 10, "y": 10})
    low, high = (float(page.locator("#z0").get_attribute(end) or "nan") for end in ("min", "max"))
    assert low < code(page)[0, 0] < low + (high - low) / 20
    assert close_to(picture(page), decoded("ae-dense-mnist-2d", code(page)))


def test_what_is_copied_gives_the_same_picture(
    served: Served, open_page: Open, tmp_path: Path, monkeypatch: Any
) -> None:
    page = open_page(served("vae-conv-mnist").url, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy Python").click()
    expect(page.get_by_role("status")).to_have_text("Python copied")
    monkeypatch.chdir(tmp_path)
    exec(page.evaluate("navigator.clipboard.readText()"), {})  # noqa: S102
    from PIL import Image

    copied = torch.from_numpy(np.array(Image.open("picture.png"))).float()[2:30, 2:30].flatten()
    assert close_to(picture(page), copied)
    assert Path("traverse.png").exists()


def test_pictures_are_saved(served: Served, open_page: Open) -> None:
    from PIL import Image

    page = open_page(served("vae-conv-mnist").url)
    settle(page)
    for button, kind in (("Save PNG", "PNG"), ("Save GIF", "GIF")):
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        with Image.open(download.value.path()) as image:
            assert image.format == kind
            assert getattr(image, "n_frames", 1) == (30 if kind == "GIF" else 1)


@pytest.mark.parametrize("name", MODELS)
def test_nothing_scrolls_sideways_on_a_phone(gallery: str, open_page: Open, name: str) -> None:
    page = open_page(f"{gallery}{name}.html", width=390)
    for view in page.locator("#views button").all():
        view.click()
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(served: Served, gallery: str, open_page: Open, theme: str) -> None:
    if not AXE.exists():
        message = "axe-core is not installed: npm install --prefix tests/web"
        pytest.fail(message) if os.environ.get("GENZOO_REQUIRE_BROWSER") else pytest.skip(message)
    told = f"{gallery}gan-dcgan-mnist-label.html"
    for url in (served("vae-conv-mnist").url + "#with=ae-conv-mnist", served("ae-dense-mnist-2d").url, told, gallery):
        page = open_page(url, color_scheme=theme, bypass_csp=True)
        page.add_script_tag(path=AXE)
        for view in page.locator("#views button").all() if "#" in url and theme == "light" else [page.locator("h1")]:
            view.click()
            settle(page)
            found = page.evaluate("axe.run()")["violations"]
            assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def test_a_server_that_stops_is_told(browser: Browser) -> None:
    exploration = genzoo.explore(genzoo.load("gan-dense-toy1d", device="cpu"))
    page = browser.new_page()
    page.goto(exploration.url)
    settle(page)
    exploration.close()
    page.locator("#z0").press("ArrowRight")
    expect(page.get_by_role("status")).to_contain_text("server has stopped")
    page.close()


def test_one_file_opens_by_a_double_click(open_page: Open, tmp_path: Path, data_root: Path) -> None:
    from genzoo.explore.gallery import write_single

    path = tmp_path / "demo.html"
    write_single("ae-dense-mnist-2d", path, data_root=data_root)
    page = open_page(path.as_uri())
    page.locator("#z0").press("ArrowRight")
    assert close_to(picture(page), decoded("ae-dense-mnist-2d", code(page)))
    assert not re.search(r'(?:src|href)="(?!data:)', path.read_text())


def test_the_first_picture_comes_soon_and_light(gallery: str, open_page: Open) -> None:
    page = open_page(f"{gallery}vae-conv-mnist.html")
    sent = page.evaluate(
        "performance.getEntriesByType('resource').filter((one) => !one.name.endsWith('.safetensors'))"
        ".reduce((sum, one) => sum + one.encodedBodySize, 0)"
    )
    assert sent < 200_000
