"""Pages in a headless browser."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


WIDTHS = (1280, 390)
"""Of a screen and of a phone, in pixels."""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@contextmanager
def launched() -> Iterator[Any]:
    """A browser."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have chromium on its PATH")
        pytest.skip("no chromium on the PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def watched(browser: Any, width: int, **context: Any) -> tuple[Any, list[str]]:
    """A page as wide as that, and the list of what the browser will say about it."""
    view = browser.new_page(viewport={"width": width, "height": 900}, **context)
    messages: list[str] = []
    view.on("console", lambda message: messages.append(message.text))
    view.on("pageerror", lambda error: messages.append(str(error)))
    return view, messages


def shown(html: Path, **context: Any) -> Iterator[Any]:
    """A page at the widths of a screen and a phone: it fits, and the browser does not complain."""
    with launched() as browser:
        for width in WIDTHS:
            view, messages = watched(browser, width, **context)
            view.goto(html.as_uri())
            view.wait_for_load_state("networkidle")
            assert messages == []
            assert view.evaluate(OVERFLOW) <= 0
            yield view
