"""Writes the invented city's registry folder in the contract's formats, and its roads beside it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path as File
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from sample_tracks.driver import World
from sample_tracks.fleet import COMPANIES
from sample_tracks.plane import to_degrees
from sample_tracks.truth import LIMIT_KMH

POLICY = """\
# The invented city's policy: what differs from, or underlines, the program's defaults.
district_name = "宁泽区"
issuing_office = "宁泽区城市管理局"
first_issue_week = "2026-W01"
first_issue = 1
timezone = "Asia/Shanghai"
day_hours = "06:00-20:00"
corridor_m = {corridor_m:.0f}
site_margin_m = {site_margin_m:.0f}
speed_limit_kmh = {limit_kmh:.0f}
allowed_lateness_s = 120
"""


def write_registry(world: World, folder: File) -> None:
    """Writes every file of the registry and `roads.geojson`."""
    folder.mkdir(parents=True, exist_ok=True)
    clock, fleet = world.clock, world.fleet
    year = clock.monday.year
    _csv(folder / "companies.csv", ["company_id", "name"], COMPANIES.items())
    _csv(
        folder / "vehicles.csv",
        ["plate", "company_id", "terminal", "kind"],
        [(t.plate, t.company_id, t.terminal, t.kind) for t in fleet.trucks if t.clone_of is None],
    )
    _csv(
        folder / "whitelist.csv",
        ["plate", "hours", "valid_from", "valid_to", "document"],
        [
            (
                t.plate,
                t.whitelist[0],
                f"{year}-06-01",
                f"{year}-12-31" if t.whitelist[1] is None else clock.date(t.whitelist[1]),
                f"宁白名单〔{year}〕{i + 7}号",
            )
            for i, t in enumerate(fleet.trucks)
            if t.whitelist is not None
        ],
    )
    _csv(
        folder / "permits.csv",
        ["permit_no", "company_id", "origin_site", "disposal_sites", "plates", "hours", "valid_from", "valid_to"],
        [
            (
                p.permit_no,
                p.company_id,
                p.origin,
                ";".join(p.disposals),
                ";".join(p.plates),
                p.hours,
                f"{year}-09-01",
                f"{year + 1}-03-31" if p.until_day is None else clock.date(p.until_day),
            )
            for p in fleet.permits
        ],
    )
    _csv(
        folder / "bans.csv", ["start", "end", "reason"], [(clock.iso(a), clock.iso(b), why) for a, b, why in world.bans]
    )
    laid = world.city.settings
    policy = POLICY.format(corridor_m=laid.corridor_m, site_margin_m=laid.site_margin_m, limit_kmh=LIMIT_KMH)
    (folder / "policy.toml").write_text(policy, encoding="utf-8")
    _write_maps(world, folder, year)


def _write_maps(world: World, folder: File, year: int) -> None:
    city, net, clock = world.city, world.city.network, world.clock
    put = partial(_geojson, centre_deg=city.settings.centre_deg)
    closes = {site_id: clock.date(day) for site_id, day in world.fleet.closes.items()}
    sites = [p for p in city.places.values() if p.polygon is not None]
    put(
        folder / "sites.geojson",
        [
            (
                p.polygon,
                {
                    "site_id": p.place_id,
                    "name": p.name,
                    "kind": p.kind,
                    "valid_from": f"{year}-01-01",
                    "valid_to": closes.get(p.place_id, ""),
                },
            )
            for p in sites
        ],
    )
    put(
        folder / "zones.geojson",
        [
            (
                z.polygon,
                {
                    "zone_id": z.zone_id,
                    "name": z.name,
                    "kind": z.kind,
                    "hours": z.hours,
                    "valid_from": f"{year}-01-01",
                    "valid_to": "",
                },
            )
            for z in city.zones
        ],
    )
    put(
        folder / "districts.geojson",
        [(d, {"district_id": f"S{i + 1:02d}", "name": name}) for i, (name, d) in enumerate(city.districts)],
    )
    put(
        folder / "routes.geojson",
        [
            (
                shapely.LineString(line).simplify(1.0),
                {"permit_no": p.permit_no} | ({"corridor_m": p.corridor_m} if p.corridor_m else {}),
            )
            for p in world.fleet.permits
            for line in p.lines
        ],
    )
    roads = [net.road(i) for i in net.living()]
    lines: list[tuple[BaseGeometry, dict[str, Any]]] = [
        (shapely.LineString(r.line).simplify(1.5), {"kind": r.kind}) for r in roads if r.kind not in ("yard", "track")
    ]
    put(folder / "roads.geojson", [*lines, (shapely.LineString(city.river).simplify(3.0), {"kind": "river"})])


def _csv(file: File, header: list[str], rows: Iterable[Sequence[object]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _geojson(
    file: File, features: Sequence[tuple[BaseGeometry | None, dict[str, Any]]], centre_deg: tuple[float, float]
) -> None:
    """One feature a line, so that a change shows as one."""
    lines = []
    for shape, properties in features:
        assert shape is not None
        degrees = shapely.transform(shape, lambda xy: np.round(to_degrees(xy, centre_deg), 7))
        lines.append(
            json.dumps(
                {"type": "Feature", "properties": properties, "geometry": json.loads(shapely.to_geojson(degrees))},
                ensure_ascii=False,
            )
        )
    file.write_text('{"type": "FeatureCollection", "features": [\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")
