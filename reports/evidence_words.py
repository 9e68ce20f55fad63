"""What happened in a violation, as one Chinese sentence with its figures.

A figure that a sentence needs may be absent (another version of the rule wrote the row): the sentence is then shorter,
never wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from reports.evidence_fields import clock, distance, duration, figures

Evidence = Mapping[str, Any]


def describe(rule: str, evidence: Mapping[str, Any], start_ms: int, end_ms: int, zone: ZoneInfo) -> str:
    """One sentence in Chinese that says what happened, when, and by what figures.

    Args:
        rule: the rule's identifier; one that is not known here still gets its figures listed.
        evidence: the violation's evidence; any key may be missing.
        start_ms: start of the stretch, epoch ms.
        end_ms: end of the stretch, epoch ms.
        zone: the local time zone that the clock times are written in.

    Returns:
        Plain text. It holds text from outside (site names, reasons), so it must be escaped like any other.
    """
    when = (
        f"{clock(start_ms, zone)}–{clock(end_ms, zone, after_ms=start_ms)}"
        if end_ms > start_ms
        else clock(start_ms, zone)
    )
    tell = _SENTENCES.get(rule)
    if tell is None:
        listed = "，".join(f"{label} {value}" for label, value in figures(evidence, zone))
        return f"{when} 违反规则 {rule}" + (f"：{listed}" if listed else "")
    return f"{when} {tell(evidence, (end_ms - start_ms) / 1000)}"


def _first(evidence: Evidence, *keys: str) -> Any:
    return next((evidence[key] for key in keys if evidence.get(key) is not None), None)


def _number(evidence: Evidence, *keys: str) -> float | None:
    value = _first(evidence, *keys)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _clause(template: str, value: float | None, write: Callable[[float], str]) -> str:
    return template.format(write(value)) if value is not None else ""


def _joined(value: Any) -> str:
    return "、".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value) if value else ""


def _hours(value: Any) -> str:
    """`21:00-00:30;01:30-05:30` as people write a list."""
    return _joined(value).replace(";", "、")


def _quoted(name: str) -> str:
    return f"“{name}”" if name else ""


def _extent(evidence: Evidence, span_s: float) -> str:
    """` 17 分 35 秒、6.2 km`: how long and how far."""
    seconds = _number(evidence, "outside_s", "inside_s", "driving_s", "above_s", "open_s", "duration_s")
    metres = _number(evidence, "distance_m")
    return "".join((f" {duration(span_s if seconds is None else seconds)}", _clause("、{}", metres, distance)))


def _fast(evidence: Evidence) -> str:
    return _clause("，最高 {} km/h", _number(evidence, "top_speed_kmh"), lambda v: f"{v:.0f}")


def _no_permit(e: Evidence, span_s: float) -> str:
    origin = _joined(_first(e, "origin_site"))
    place = f"从{origin}" if origin else "从未登记的装载地点"
    return f"{place}载货运输，车辆对该起点没有生效的核准证，载货行驶{_extent(e, span_s)}"


def _off_route(e: Evidence, span_s: float) -> str:
    half_width = _clause("（半宽 {}）", _number(e, "corridor_m"), distance)
    deviation = _clause("，最远偏离 {}", _number(e, "max_deviation_m"), distance)
    return f"载货离开许可线路走廊{half_width}{_extent(e, span_s)}{deviation}"


def _wrong_destination(e: Evidence, span_s: float) -> str:
    site = _joined(_first(e, "site_id"))
    allowed = _joined(_first(e, "permitted_sites"))
    return f"在核准证未列明的场所{_quoted(site)}卸载，停留 {duration(_number(e, 'duration_s') or span_s)}" + (
        f"；核准消纳场所：{allowed}" if allowed else ""
    )


def _outside_hours(e: Evidence, span_s: float) -> str:
    hours = _hours(_first(e, "permitted_hours"))
    reasons = _joined(_first(e, "ban_reasons"))
    driven, banned = _number(e, "driving_s", "duration_s"), _number(e, "banned_s") or 0
    if banned and driven is not None and banned >= driven:
        return f"在禁运期间{f'（{reasons}）' if reasons else ''}载货行驶{_extent(e, span_s)}"
    of_which = f"，其中禁运期间{f'（{reasons}）' if reasons else ''} {duration(banned)}" if banned else ""
    return f"在核准时段{f'（{hours}）' if hours else ''}以外载货行驶{_extent(e, span_s)}{of_which}"


def _zone(word: str) -> Callable[[Evidence, float], str]:
    def tell(e: Evidence, span_s: float) -> str:
        name = _joined(_first(e, "zone_id"))
        hours = _hours(_first(e, "zone_hours"))
        where = f"{word}{_quoted(name)}{f'（{hours}）' if hours else ''}"
        return f"在{where}内行驶{_extent(e, span_s)}{_fast(e)}"

    return tell


def _dumping(e: Evidence, span_s: float) -> str:
    site = _joined(_first(e, "site_id"))
    expired = "已失效的" if e.get("site_in_force") is False else "不得消纳渣土的"
    where = f"在{expired}场所{_quoted(site)}" if site else "在未登记地点"
    return f"{where}卸载，停留 {duration(_number(e, 'duration_s') or span_s)}"


def _daytime(e: Evidence, span_s: float) -> str:
    entries = e.get("whitelist_entries")
    known = (
        [_hours(x.get("hours")) for x in entries if isinstance(x, Mapping) and x.get("hours")]
        if isinstance(entries, (list, tuple))
        else []
    )
    hours = "；".join(known)
    laden = "载货" if e.get("laden") is True else "空驶" if e.get("laden") is False else ""
    return f"日间无生效白名单{f'（登记的白名单时段 {hours}）' if hours else ''}{laden}行驶{_extent(e, span_s)}"


def _overspeed(e: Evidence, span_s: float) -> str:
    limit = _clause("（限速 {} km/h）", _number(e, "limit_kmh"), lambda v: f"{v:.0f}")
    return f"超速行驶{limit}{_extent(e, span_s)}{_fast(e)}"


def _uncovered(e: Evidence, span_s: float) -> str:
    return f"载货行驶时车厢未密闭{_extent(e, span_s)}"


def _signal_loss(e: Evidence, span_s: float) -> str:
    moved = _clause("，恢复后位置相距 {}", _number(e, "moved_m"), distance)
    how = "持续上报同一位置" if e.get("frozen") is True else "定位中断"
    lost = "，恢复时已无载货" if e.get("load_lost") is True else ""
    return f"载货时{how} {duration(_number(e, 'silent_s', 'duration_s') or span_s)}{moved}{lost}"


def _cloned(e: Evidence, span_s: float) -> str:
    apart = _clause("，两处最远相距 {}", _number(e, "apart_m"), distance)
    other = _joined(_first(e, "other_terminal"))
    return f"同一号牌在两处同时出现 {duration(span_s)}{apart}{f'，另一终端 {other}' if other else ''}"


_SENTENCES: dict[str, Callable[[Evidence, float], str]] = {
    "no_permit": _no_permit,
    "off_route": _off_route,
    "wrong_destination": _wrong_destination,
    "outside_hours": _outside_hours,
    "quiet_zone": _zone("静音区"),
    "unauthorised_dumping": _dumping,
    "daytime_not_whitelisted": _daytime,
    "no_entry": _zone("禁行区"),
    "overspeed": _overspeed,
    "uncovered_load": _uncovered,
    "signal_loss": _signal_loss,
    "cloned_plate": _cloned,
}
