"""The system's Chromium, driven without a window: it measures slides, takes pictures of them, and runs tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
MISSING = "there is no Chromium or Chrome here; COURSE_CHROMIUM names one that has another name"


class NoBrowser(Exception):
    """No browser was found, or Playwright is not installed."""


def find_chromium() -> str | None:
    """The path of the browser, or None."""
    named = os.environ.get("COURSE_CHROMIUM")
    found = (shutil.which(name) for name in ([named] if named else [*NAMES, *MAC]))
    return next((path for path in found if path), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser; closed at the end."""
    path = find_chromium()
    if not path:
        raise NoBrowser(MISSING)
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        raise NoBrowser("the browser is driven by Playwright: install requirements-dev.txt") from None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        try:
            yield browser
        finally:
            browser.close()
