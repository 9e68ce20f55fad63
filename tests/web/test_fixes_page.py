"""The fixes of a case: each with its tags, and whether the case's rule takes such a fix as evidence."""

from __future__ import annotations

import re
from collections.abc import Callable

from bureau import PEOPLE, Bureau, Desk
from review_city import MINUTE_MS, MONDAY_MS

ROW = re.compile(r'<tr class="([a-z ]*)">(.*?)</tr>', re.DOTALL)


def test_fixes_without_a_position_say_so_and_are_no_evidence(bureau: Bureau) -> None:
    desk = Desk(bureau)
    desk.sign_in(PEOPLE["reviewer"])
    with_fixes = "district_id = 'd1' AND start_ms BETWEEN ? AND ? ORDER BY start_ms"
    hours = (MONDAY_MS + 100 * MINUTE_MS, MONDAY_MS + 500 * MINUTE_MS)
    case_id = bureau.store_rows(f"SELECT violation_id FROM kept.violations WHERE {with_fixes}", *hours)[0][0]
    rows = ROW.findall(desk.get(f"/cases/{case_id}/fixes").text)
    assert 15 <= len(rows) <= 25 and sum("inside" in kind for kind, _ in rows) >= 10
    for kind, row in rows:
        unfixed = "<td>否</td>" in row
        assert ("未定位" in row) == unfixed == ("unused" in kind) == ("不作依据" in row)


def test_the_engine_is_not_prepared_anew_for_each_page(bureau: Bureau, a_case: Callable[..., str]) -> None:
    desk = Desk(bureau)
    desk.sign_in(PEOPLE["reviewer"])
    desk.get(f"/cases/{a_case()}/fixes")
    kept = bureau.context.parts["judging"]
    desk.get(f"/cases/{a_case()}/fixes")
    assert bureau.context.parts["judging"] is kept


def test_a_case_says_what_is_wrong_with_its_terminal_and_since_when(bureau: Bureau, a_case: Callable[..., str]) -> None:
    desk = Desk(bureau)
    desk.sign_in(PEOPLE["reviewer"])
    page = desk.get(f"/cases/{a_case()}").text
    assert "时钟比同时上报的其他车辆快 8 小时" in page and "始于 2026-11-16 00:05" in page
    assert "位置冻结 41 个，2026-11-16 00:07 – 2026-11-16 00:19" in page
