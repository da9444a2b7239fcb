"""Fixtures that several test files share."""

import pytest

from tools.browser import NoBrowser, chromium


@pytest.fixture(scope="module")
def browser():
    """The system's browser, closed after each file: Playwright cannot be started twice in one process."""
    try:
        with chromium() as running:
            yield running
    except NoBrowser as reason:
        pytest.skip(str(reason))
