"""A case in words and figures: the evidence, the rule and registry rows it rests on, terminals, fixes, the map."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ingest.fix import FIX_SCHEMA
from maps.gather import Source
from maps.ground import validity_text
from maps.tell import Teller
from maps.trip_page import TripMap
from reports import evidence_fields, queries
from reports.cases.reading import violation_of
from reports.fault_words import fault_reason
from reports.fix_tags import Judging, tagged_fixes
from reports.knowledge import knowledge_of
from reports.names import DATUM_NAMES, FAULT_NAMES, TAG_NAMES, name_of
from reports.store import Store
from rules.catalog import RULES
from rules.ground import Ground
from rules.registry import Registry
from rules.tags import ALL, tags_in
from web.context import Context

Rows = list[tuple[str, str]]
_RULES = {rule.rule_id: rule for rule in RULES}
#: Raw fixes are shown this long before and after the violation, and so many at most.
FIX_MARGIN_MS, FIX_ROWS = 5 * 60_000, 2000
_LOADS = {"empty": "空", "half": "半载", "full": "重"}


@dataclass(frozen=True)
class Told:
    """What a page and a paper say of a case: one sentence, figures, and what the judgement rests on."""

    sentence: str
    figures: Rows
    basis: Rows


def source_of(context: Context, store: Store) -> Source:
    """The store as maps read it, with the registry recorded last read only once for all requests."""
    (digest,) = store.rows("SELECT max_by(registry_digest, number) FROM kept.runs")[0]
    kept = context.parts.get("source")
    if kept is None or kept[0] != digest:
        fresh = Source(store, tiles=context.tiles)
        _ = fresh.registry, fresh.plane, fresh.base  # read by this request, kept for the later ones
        context.parts["source"] = kept = (digest, fresh)
    return kept[1].on(store)


def told(context: Context, store: Store, case: dict[str, Any]) -> Told:
    """A case in words. `case` is from `reports.cases.reading.case`."""
    source = source_of(context, store)
    row = violation_of(case)
    evidence, start_ms, _ = source.tell.evidence(row)
    told_case = source.tell.case(row)
    return Told(
        told_case.sentence,
        evidence_fields.figures(evidence, source.registry.zone),
        _basis(source.tell, source.registry, case, evidence, start_ms),
    )


def map_of(context: Context, store: Store, case: dict[str, Any]) -> TripMap:
    """The map of a case: its trip with everything on it, or the violation alone where it belongs to none."""
    source = source_of(context, store)
    if case["trip_id"] and len(queries.trip(store, case["trip_id"])):
        return source.trip(case["trip_id"])
    return source.violation_of(violation_of(case))


def map_for_company(context: Context, store: Store, case: dict[str, Any]) -> TripMap:
    """The map that the party sees: the one violation, with nothing that has not been told to it."""
    source = source_of(context, store)
    data = source.violation_of(violation_of(case))
    own = tuple(c for c in data.cases if c.violation_id == case["case_id"])
    layers = tuple(layer for layer in data.layers if layer.key != "devices")
    return TripMap(**{**vars(data), "cases": own, "layers": layers})


def health_of(store: Store, plate: str) -> list[dict[str, Any]]:
    """The truck's terminals, what is wrong with them and since when, and how many of their fixes bear which tag."""
    rows = []
    tagged: dict[str, list[tuple[str, int, int, int]]] = {}
    for terminal, tag, *counts in store.rows(
        "SELECT terminal, tag, sum(fixes)::BIGINT, min(first_ms), max(last_ms) FROM kept.tagged WHERE plate = ? "
        "GROUP BY terminal, tag ORDER BY terminal, tag",
        [plate],
    ):
        tagged.setdefault(terminal, []).append((name_of(TAG_NAMES, tag), *counts))
    said = "terminal, fixes, completeness, datum_found, faults"
    found = store.rows(f"SELECT {said} FROM terminal_health WHERE plate = ? ORDER BY last_seen DESC", [plate])
    for row in (dict(zip(said.split(", "), each, strict=True)) for each in found):
        faults = json.loads(row["faults"] or "{}")
        told = {fault: about if isinstance(about, dict) else {"why": about} for fault, about in faults.items()}
        words = [
            (f"{name_of(FAULT_NAMES, fault)}：{fault_reason(str(about.get('why')))}", about.get("since_ms"))
            for fault, about in told.items()
        ]
        datum = name_of(DATUM_NAMES, row["datum_found"])
        rows.append({**row, "datum": datum, "faults": words, "tags": tagged.get(row["terminal"], [])})
    return rows


def judging_of(context: Context, store: Store) -> Judging:
    """What the engine needs to judge a truck again, read once after each recording."""
    (number,) = store.rows("SELECT max(number) FROM kept.runs")[0]
    kept: tuple[int, Judging] | None = context.parts.get("judging")
    if kept is None or kept[0] != number:
        registry = source_of(context, store).registry
        ground = kept[1].ground if kept and kept[1].ground.registry is registry else Ground(registry)
        context.parts["judging"] = kept = (number, Judging(ground, knowledge_of(store)))
    return kept[1]


def fixes_of(context: Context, store: Store, case: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """Raw fixes of the truck around the violation, as rows of text and figures, and how many there are in all.

    `odd` names the tags of a fix, each with whether the case's rule takes such a fix as evidence.
    """
    span_ms = case["start_ms"] - FIX_MARGIN_MS, case["end_ms"] + FIX_MARGIN_MS
    found, tags = tagged_fixes(store, judging_of(context, store), case["plate"], *span_ms)
    accepts = _RULES[case["rule"]].accepts if case["rule"] in _RULES else ALL
    rows = []
    assert set(FIX_SCHEMA) <= set(found.columns)
    for fix, tag in zip(found.head(FIX_ROWS).iter_rows(named=True), tags, strict=False):
        rows.append(
            {
                **fix,
                "odd": [(TAG_NAMES[one.word], one in accepts) for one in tags_in(tag)],
                "unused": bool(tag & ~accepts),
                "inside": case["start_ms"] <= fix["time_ms"] <= case["end_ms"],
                "speed": "" if fix["speed_kmh"] is None else f"{fix['speed_kmh']:.1f}",
                "heading": "" if fix["heading_deg"] is None else f"{fix['heading_deg']:.0f}",
                "load": _LOADS.get(fix["load"] or "", ""),
                "lift": _yes(fix["lift"], "升", "落"),
                "cover": _yes(fix["cover"], "闭", "开"),
                "valid": _yes(fix["valid"], "是", "否"),
            }
        )
    return rows, len(found)


def _yes(value: bool | None, yes: str, no: str) -> str:
    return "" if value is None else yes if value else no


def _basis(tell: Teller, registry: Registry, case: dict[str, Any], evidence: dict[str, Any], start_ms: int) -> Rows:
    """The rule with its version and law, and the registry rows that were in force when it began."""
    rule, zone = _RULES.get(case["rule"]), registry.zone
    now = f"，现行第 {rule.version} 版" if rule and str(rule.version) != case["rule_version"] else ""
    found: Rows = [("规则版本", f"第 {case['rule_version']} 版{now}")]
    if rule:
        found.append(("法律依据", rule.legal_basis))
    found += [("记分", f"{case['points']} 分"), ("可信度", f"{case['confidence']:.2f}")]
    found += list(tell.who(case["plate"]))
    vehicle = registry.vehicle.get(case["plate"])
    found.append(("登记终端", vehicle.terminal if vehicle else "未登记"))
    for permit in registry.permits_of(case["plate"]):
        if permit.validity.holds(start_ms):
            mark = "（本案适用）" if permit.permit_no == case["permit_no"] else ""
            hours = str(permit.hours).replace(";", "、") or "全天"
            span = validity_text(permit.validity, zone)
            found.append(("当时有效的核准证", f"{permit.permit_no}{mark}，{span}，时段 {hours}"))
    if not any(label == "当时有效的核准证" for label, _ in found):
        found.append(("当时有效的核准证", "无"))
    for entry in registry.whitelist_of.get(case["plate"], ()):
        if entry.validity.holds(start_ms):
            found.append(
                ("当时有效的白名单", f"{entry.document}，{validity_text(entry.validity, zone)}，{entry.hours}")
            )
    found += [(label, value) for label, value in evidence_fields.sources(evidence) if label != "规则版本"]
    found.append(("案件编号", case["case_id"]))
    return list(dict.fromkeys(found))
