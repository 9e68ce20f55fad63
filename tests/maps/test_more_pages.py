"""The patrol plan, a company's week and two weeks compared, as pages that ask for nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import patrol_town
import pytest
from map_browser import HOSTILE, Opened

from maps.more_pages import write_company, write_comparison, write_plan
from reports.calendar import Week
from reports.patrol.plan import plan_patrol
from reports.store import Store

Open = Callable[..., Opened]
W46, W47, W48 = Week(2026, 46), Week(2026, 47), Week(2026, 48)
TEXT = "".join(c for c in " ".join(HOSTILE) if c.isprintable())[:180]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of a town whose site has a hostile name."""
    folder = tmp_path_factory.mktemp("more")
    out = folder / "out"
    with Store.read(patrol_town.make_store(folder, site=TEXT)) as store:
        plan = plan_patrol(store, W48)
        found = {"plan": write_plan(store, W48, out, plan=plan)[0], "sheets": out / f"patrol-{W48}.pdf"}
        found["company"] = write_company(store, "c1", W47, out)[0]
        found["compare"] = write_comparison(store, (W47, W46), out)[0]
        with pytest.raises(ValueError, match="no company 'x'"):
            write_company(store, "x", W47, out)
    return found


@pytest.mark.parametrize("kind", ["plan", "company", "compare"])
def test_each_page_is_whole_and_asks_for_nothing(open_page: Open, pages: dict[str, Path], kind: str) -> None:
    opened = open_page(pages[kind].read_text(encoding="utf-8"))
    assert opened.requests == [] and opened.complaints == []
    assert opened.js("window.pwned") is None
    assert opened.js("document.querySelectorAll('img, svg, iframe, object').length") == 0
    assert opened.js("document.querySelectorAll('.leaflet-overlay-pane canvas').length") == 1
    labels = opened.js("[...document.querySelectorAll('.label')].map(e => e.textContent)")
    assert any(TEXT[:20] in label for label in labels)


def test_the_plan_names_hours_places_and_reasons(open_page: Open, pages: dict[str, Path]) -> None:
    opened = open_page(pages["plan"].read_text(encoding="utf-8"))
    cards = opened.js("[...document.querySelectorAll('.case')].map(e => e.textContent)")
    assert len(cards) >= 2 and all("共有" in card and "城管（牵头）" in card for card in cards)
    assert "江北大道" in cards[0] and any(TEXT[:20] in card for card in cards)
    labels = opened.js("[...document.querySelectorAll('.label')].map(e => e.textContent)")
    assert any(label.startswith("1-1 ") and "–" in label for label in labels)
    opened.js("document.querySelector('.case button').click()")
    assert opened.js("muck.map.getZoom()") == 15


def test_the_sheets_are_a_page_an_inspection(pages: dict[str, Path]) -> None:
    content = pages["sheets"].read_bytes()
    assert content.startswith(b"%PDF") and content.count(b"/Type /Page ") + content.count(b"/Type /Page\n") == 2


def test_two_weeks_are_told_in_order(open_page: Open, pages: dict[str, Path]) -> None:
    opened = open_page(pages["compare"].read_text(encoding="utf-8"))
    facts = opened.js("document.querySelector('.facts').textContent")
    assert "线索28 → 28 起（持平）" in facts
    assert opened.js("document.title").startswith("2026 年第 46 周与 2026 年第 47 周")
