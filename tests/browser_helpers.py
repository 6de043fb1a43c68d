"""Pages in a headless browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


def shown(html: Path, **context: Any) -> Iterator[Any]:
    """A page at the widths of a screen and a phone: it fits, and the browser does not complain."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have chromium on its PATH")
        pytest.skip("no chromium on the PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for width in (1280, 390):
            view = browser.new_page(viewport={"width": width, "height": 900}, **context)
            messages: list[str] = []
            view.on("console", lambda message, messages=messages: messages.append(message.text))
            view.on("pageerror", lambda error, messages=messages: messages.append(str(error)))
            view.goto(html.as_uri())
            view.wait_for_load_state("networkidle")
            assert messages == []
            overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert view.evaluate(overflow) <= 0
            yield view
        browser.close()
