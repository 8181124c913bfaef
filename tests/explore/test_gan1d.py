"""The page of the GAN on a line, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(params=[1200, 390])
def page(browser: Any, site: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The page, ready; at its end it must have asked no one else for anything, and have nothing to complain of."""
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.on("console", lambda one: said.append(one.text))
    page.on("pageerror", lambda one: said.append(str(one)))
    page.goto(f"{site}/gan1d.html")
    page.wait_for_selector("body[data-ready]")
    yield page
    assert said == []
    assert [url for url in asked if not url.startswith((site, "data:"))] == []
    page.close()


def pixels(page: Any) -> str:
    data: str = page.eval_on_selector("canvas", "canvas => canvas.toDataURL()")
    return data


def description(page: Any) -> str:
    words: str = page.get_attribute("canvas", "aria-label")
    return words


def test_each_player_steps_by_the_keyboard_and_the_picture_and_its_description_follow(page: Any) -> None:
    seen = {pixels(page)}
    for button, told in (("Step D", "1 steps of D and 0 of G"), ("Step G", "1 steps of D and 1 of G")):
        page.get_by_role("button", name=button).focus()
        page.keyboard.press("Enter")
        assert told in description(page)
        assert told in page.inner_text("#state")
        seen.add(pixels(page))
    assert len(seen) == 3
    page.get_by_role("button", name="Reset").press("Enter")
    assert "0 steps of D and 0 of G" in description(page)
    assert pixels(page) in seen


def test_it_runs_and_pauses_and_begins_anew_with_other_data(page: Any) -> None:
    page.get_by_label("Speed").press("End")
    assert page.get_attribute("#speed", "aria-valuetext") == "as fast as it goes"
    page.get_by_role("button", name="Run").press("Enter")
    page.wait_for_function("parseInt(document.getElementById('state').textContent.slice('After '.length)) >= 20")
    page.get_by_role("button", name="Pause").press("Enter")
    page.get_by_label("two bumps").check()
    assert "0 steps of D and 0 of G" in page.inner_text("#state")
    assert "0 % of them lie on the left" in description(page)


def test_nothing_is_wider_than_the_window(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
