"""Rows of a store in the words of a page: violations as cases, stops, who drove, under which permit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from maps.ground import site_name, validity_text
from maps.styles import rule_style
from maps.trip_page import Case, Rows, StopMark
from reports import evidence_fields, evidence_words
from reports.names import RULE_NAMES, SITE_KIND_NAMES, STATUS_NAMES, UNREGISTERED_COMPANY, UNREGISTERED_SITE, name_of
from rules.registry import Registry

Row = Mapping[str, Any]
MINUTE_MS = 60_000
#: Evidence that names a site: pages write its name with it.
_SITE_FIELDS = ("site_id", "origin_site", "disposal_site", "permitted_sites", "disposal_sites")


@dataclass(frozen=True)
class Teller:
    """Writes rows of the store's views in Chinese, with the names that a registry gives."""

    registry: Registry

    def case(self, row: Row) -> Case:
        """A violation in words."""
        zone, (evidence, start_ms, end_ms) = self.registry.zone, self.evidence(row)
        meta = [f"可信度 {row['confidence']:.2f}", f"记 {row['points']} 分"]
        if row.get("scored_under"):
            meta.append("与更重的一起属同一行为，不另记分")
        if row["permit_no"]:
            meta.append(f"核准证 {row['permit_no']}")
        figures = (
            *evidence_fields.figures(evidence, zone),
            *evidence_fields.sources(evidence),
            ("线索编号", str(row["violation_id"])),
        )
        sentence = evidence_words.describe(row["rule"], evidence, start_ms, end_ms, zone)
        return Case(
            row["violation_id"], row["rule"], name_of(RULE_NAMES, row["rule"]), rule_style(row["rule"]),
            start_ms, end_ms, row["lon"], row["lat"], sentence, "，".join(meta),
            name_of(STATUS_NAMES, row["status"]), row["points"], tuple(figures),
        )  # fmt: skip

    def evidence(self, row: Row) -> tuple[dict[str, Any], int, int]:
        """The evidence of a violation with sites by name and the corridor's width, and its start and end (epoch ms)."""
        evidence: dict[str, Any] = json.loads(row["evidence"] or "{}")
        for key in _SITE_FIELDS:
            if isinstance(value := evidence.get(key), str):
                evidence[key] = site_name(self.registry, value, value)
            elif isinstance(value, list):
                evidence[key] = [site_name(self.registry, v, v) for v in value]
        zone = next((z for z in self.registry.zones if z.zone_id == evidence.get("zone_id")), None)
        if zone:
            evidence["zone_id"] = zone.name or zone.zone_id
        permit = self.registry.permit.get(row["permit_no"] or "")
        if permit and permit.routes and row["rule"] == "off_route":
            evidence.setdefault("corridor_m", permit.routes[0].corridor_m)
        return evidence, to_ms(row["start_time"]), to_ms(row["end_time"])

    def company_name(self, plate: str) -> str:
        """The name of a truck's company."""
        vehicle = self.registry.vehicle.get(plate)
        company = self.registry.company.get(vehicle.company_id) if vehicle else None
        return company.name if company else (vehicle.company_id if vehicle else "") or UNREGISTERED_COMPANY

    def who(self, plate: str) -> Rows:
        """Plate and company, for the head of a page."""
        vehicle = self.registry.vehicle.get(plate)
        kind = name_of(evidence_fields.VALUE_NAMES["vehicle_kind"], vehicle.kind) if vehicle else "未登记车辆"
        return (("车牌", f"{plate}（{kind}）"), ("企业", self.company_name(plate)))

    def permit_facts(self, permit_no: str | None) -> Rows:
        """The permit with its validity, hours and disposal sites."""
        permit = self.registry.permit.get(permit_no or "")
        if not permit:
            return (("核准证", permit_no or "无"),)
        to = "、".join(site_name(self.registry, s, s) for s in permit.disposal_sites)
        span = validity_text(permit.validity, self.registry.zone)
        return (
            ("核准证", f"{permit.permit_no}（{span}）"),
            ("核准时段", str(permit.hours).replace(";", "、")),
            ("核准消纳场所", to),
        )

    def stop_marks(self, stops: Sequence[Row], trip: Row | None = None, dumping: bool = False) -> list[StopMark]:
        """Stops as marks with arrival and leaving; of a trip's, the loading and where the load was left stand out.

        Args:
            stops: rows of the view `stops`.
            trip: the trip of the page, if it is one.
            dumping: whether the load is flagged as dumped.
        """
        zone, marks = self.registry.zone, []
        for stop in stops:
            start_ms, end_ms = to_ms(stop["start_time"]), to_ms(stop["end_time"])
            role = _role(stop, trip, dumping)
            word, priority = _ROLES[role]
            text = (
                f"到达 {minute(start_ms, zone)}",
                f"离开 {minute(end_ms, zone)}",
                f"停留 {evidence_fields.duration((end_ms - start_ms) / 1000)}",
                site_name(self.registry, stop["site_id"], UNREGISTERED_SITE),
            )
            label = f"{word} {clock(start_ms, zone)}–{clock(end_ms, zone)}"
            marks.append(StopMark(role, stop["lon"], stop["lat"], label, word, text, priority))
        if trip and trip["dump_lon"] is not None and not any(mark.style in ("dumped", "dumping") for mark in marks):
            role = "dumping" if dumping else "dumped"
            label = f"{_ROLES[role][0]} {clock(to_ms(trip['dumped_at']), zone)}"
            where = (site_name(self.registry, trip["disposal_site"], UNREGISTERED_SITE),)
            marks.append(StopMark(role, trip["dump_lon"], trip["dump_lat"], label, _ROLES[role][0], where, 95))
        return marks

    def stop_rows(self, stops: Sequence[Row]) -> tuple[tuple[str, ...], ...]:
        """Stops as rows of the page's table."""
        zone, rows = self.registry.zone, []
        for s in stops:
            start_ms, end_ms = to_ms(s["start_time"]), to_ms(s["end_time"])
            where = site_name(self.registry, s["site_id"], name_of(SITE_KIND_NAMES, s["kind"]))
            rows.append(
                (
                    f"{clock(start_ms, zone)}–{clock(end_ms, zone)}",
                    evidence_fields.duration((end_ms - start_ms) / 1000),
                    where,
                )
            )
        return tuple(rows)


#: What a stop is to its trip: style → word, and how firmly its label holds its place.
_ROLES = {"loaded": ("装载", 90), "dumped": ("卸载", 92), "dumping": ("涉嫌倾倒", 95), "stop": ("停", 55)}


def _role(stop: Row, trip: Row | None, dumping: bool) -> str:
    if trip is None:
        return "stop"
    start_ms, end_ms = to_ms(stop["start_time"]) - MINUTE_MS, to_ms(stop["end_time"]) + MINUTE_MS
    if trip["dumped_at"] is not None and start_ms <= to_ms(trip["dumped_at"]) <= end_ms:
        return "dumping" if dumping else "dumped"
    left = trip["left_at"] or trip["loaded_at"]
    at_origin = stop["site_id"] == trip["origin_site"]
    return "loaded" if at_origin and start_ms <= to_ms(left) and to_ms(trip["loaded_at"]) <= end_ms else "stop"


def to_ms(at: datetime) -> int:
    """An aware instant as epoch ms, exactly."""
    since = at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def clock(at_ms: int, zone: ZoneInfo) -> str:
    """Local `22:41`."""
    return f"{datetime.fromtimestamp(at_ms / 1000, zone):%H:%M}"


def minute(at_ms: int, zone: ZoneInfo, after_ms: int | None = None) -> str:
    """Local `2026-11-09 22:41`, or only the clock where the day is that of `after_ms`."""
    at = datetime.fromtimestamp(at_ms / 1000, zone)
    same = after_ms is not None and datetime.fromtimestamp(after_ms / 1000, zone).date() == at.date()
    return f"{at:%H:%M}" if same else f"{at:%Y-%m-%d %H:%M}"
