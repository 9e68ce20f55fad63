"""A browser that reaches no network, and pages opened in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from map_browser import Opened
from playwright.sync_api import Browser


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Opens HTML from a file; every request but for the file itself is refused and noted."""
    context = browser.new_context(viewport={"width": 1366, "height": 900}, timezone_id="America/New_York")

    def open_html(html: str, name: str = "page.html", ready: bool = True) -> Opened:
        file = tmp_path / name
        file.write_text(html, encoding="utf-8")
        opened = Opened(context.new_page())

        def route(route: Any) -> None:
            if route.request.url == file.as_uri():
                route.continue_()
            else:
                opened.requests.append(route.request.url)
                route.abort()

        opened.page.route("**/*", route)
        opened.page.on("console", lambda message: opened.complaints.append(f"{message.type}: {message.text}"))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.goto(file.as_uri())
        if ready:
            opened.page.wait_for_function("document.documentElement.dataset.ready === '1'", timeout=20_000)
        return opened

    yield open_html
    context.close()
