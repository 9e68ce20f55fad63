"""A case on one printable page, set by Typst from data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from maps.sketch import trip_sketch
from reports.cases import reading
from reports.cases.words import ACTION_NAMES, REASON_NAMES, ROLE_NAMES, STATE_NAMES
from reports.fonts import find_fonts
from reports.names import RULE_NAMES, name_of
from reports.store import Store
from reports.typeset import typeset_pdf
from web import evidence
from web.context import Context
from web.pages import when

TEMPLATE = "case.typ"
_NOTE = (
    "系统标记为疑似线索，经两名不同的执法人员先后审核方可认定；当事人有权查询、陈述、申辩和申诉。"
    "时间为当地时间，坐标为 WGS 84。原始定位点、规则版本、登记数据与处理记录见证据包，可离线核验。"
)


def case_pdf(context: Context, store: Store, case: dict[str, Any], *, names: bool) -> bytes:
    """The page of a case as PDF.

    Args:
        context: the server.
        store: a reader.
        case: from `reports.cases.reading.case`.
        names: whether officers are named; the party's copy says only their roles.
    """
    told = evidence.told(context, store, case)
    data = evidence.map_of(context, store, case) if names else evidence.map_for_company(context, store, case)
    sketch = trip_sketch(data, case["case_id"])
    rule = name_of(RULE_NAMES, case["rule"])
    events = [e for e in reading.history(store, case["case_id"]) if e["action"] != "open"]
    history = [[when(case["recorded_ms"], context), "系统标记", "", f"第 {case['revision']} 版"]]
    history += [_event(context, event, names) for event in events]
    place = f"东经 {case['lon']:.6f}°，北纬 {case['lat']:.6f}°"
    districts = {d.district_id: d.name for d in context.registry.districts}
    head = [
        ("车牌", case["plate"]),
        ("企业", case["company"] or case["company_id"] or "未登记企业"),
        ("开始", when(case["start_ms"], context, seconds=True)),
        ("结束", when(case["end_ms"], context, seconds=True)),
        ("街道", districts.get(case["district_id"] or "", "—")),
        ("位置", place),
        ("记分", f"{case['points']} 分"),
        ("状态", name_of(STATE_NAMES, case["state"])),
    ]
    content = {
        "title": f"{case['plate']}　{rule}", "mark": f"案件编号 {case['case_id']}", "head": head,
        "sentence": told.sentence, "picture": True, "figures": told.figures[:20], "basis": told.basis,
        "history": history[-12:], "note": _NOTE,
        "footer": f"渣土车非现场执法　打印于 {when(context.now_ms(), context)}",
    }  # fmt: skip
    made_at = datetime.fromtimestamp(context.now_ms() / 1000, UTC)
    return typeset_pdf(TEMPLATE, content, find_fonts(), made_at, {"map.svg": sketch.encode()})


def _event(context: Context, event: dict[str, Any], names: bool) -> list[str]:
    role = name_of(ROLE_NAMES, event["role"])
    who = f"{event['name']}（{role}）" if names or event["role"] == "company" else role
    words = [name_of(REASON_NAMES, event["reason"]), event["note"][:160]]
    return [
        when(event["at_ms"], context),
        name_of(ACTION_NAMES, event["action"]),
        who,
        "，".join(w for w in words if w),
    ]
