"""A small sound registry folder as editable parts: each test breaks one thing in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Change = str | bytes | None | Callable[[Any], Any]

LON, LAT = 118.70, 32.00


def ring(lon: float, lat: float, half_deg: float = 0.002) -> list[list[float]]:
    west, east, south, north = lon - half_deg, lon + half_deg, lat - half_deg, lat + half_deg
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def polygon(lon: float, lat: float, half_deg: float = 0.002) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [ring(lon, lat, half_deg)]}


def line(*positions: list[float]) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": list(positions)}


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


TABLES = {
    "companies.csv": "company_id,name\nC1,甲渣土运输有限公司\nC2,乙渣土运输有限公司\n",
    "vehicles.csv": "plate,company_id,terminal,kind\n"
    "苏A00001,C1,013900000001,new_type\n苏A00002,C1,013900000002,ordinary\n苏A00003,C2,,ordinary\n",
    "whitelist.csv": "plate,hours,valid_from,valid_to,document\n苏A00001,09:30-16:30,2026-06-01,2026-12-31,白名单1号\n",
    "permits.csv": "permit_no,company_id,origin_site,disposal_sites,plates,hours,valid_from,valid_to\n"
    "P1,C1,CON1,DIS1;BANK1,苏A00001;苏A00002,21:00-00:30;01:30-05:30,2026-09-01,2027-03-31\n"
    "P2,C2,CON2,DIS1,,,,\n",
    "bans.csv": "start,end,reason\n2026-11-10T01:00:00+08:00,2026-11-10T02:30:00+08:00,重污染天气橙色预警\n",
    "policy.toml": 'timezone = "Asia/Shanghai"\ncorridor_m = 60\n',
}

MAPS: dict[str, list[dict[str, Any]]] = {
    "sites.geojson": [
        feature(polygon(LON, LAT), site_id="CON1", name="一号工地", kind="construction", valid_from="2026-01-01"),
        feature(polygon(LON + 0.01, LAT), site_id="CON2", name="二号工地", kind="construction"),
        feature(polygon(LON + 0.1, LAT), site_id="DIS1", name="一号消纳场", kind="disposal"),
        feature(polygon(LON + 0.1, LAT + 0.1), site_id="BANK1", name="弃土场", kind="soil_bank"),
        feature(polygon(LON, LAT + 0.1), site_id="DEP1", name="停车场", kind="depot"),
    ],
    "routes.geojson": [
        feature(line([LON, LAT], [LON + 0.1, LAT]), permit_no="P1", corridor_m=40),
        feature(
            {"type": "MultiLineString", "coordinates": [[[LON + 0.1, LAT], [LON + 0.1, LAT + 0.1]]]}, permit_no="P1"
        ),
        feature(line([LON + 0.01, LAT], [LON + 0.1, LAT]), permit_no="P2"),
    ],
    "zones.geojson": [
        feature(polygon(LON + 0.05, LAT), zone_id="Q1", name="医院", kind="quiet", hours="22:00-06:00"),
        feature(polygon(LON + 0.05, LAT, 0.01), zone_id="N1", name="老城", kind="no_entry"),
    ],
    "districts.geojson": [
        feature(polygon(LON, LAT, 0.05), district_id="D1", name="第一街道"),
        feature(polygon(LON + 0.1, LAT, 0.05), district_id="D2", name="第二街道"),
    ],
}


def collection(features: Any) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def write(folder: Path, changes: Mapping[str, Change] | None = None) -> Path:
    """Writes the folder; a change is a file's new content, None for no file, or an edit of its text or features."""
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {**TABLES, **copy.deepcopy(MAPS)}
    for name, change in (changes or {}).items():
        content[name] = change(content[name]) if callable(change) else change
    for name, value in content.items():
        if isinstance(value, list):
            value = collection(value)
        if value is not None:
            (folder / name).write_bytes(value.encode() if isinstance(value, str) else value)
    return folder


def swap(old: str, new: str) -> Change:
    """The edit of a text that replaces one passage."""

    def edit(text: str) -> str:
        assert text.count(old) == 1, f"{old!r} should stand in the file once"
        return text.replace(old, new)

    return edit


def add(line: str) -> Change:
    """The edit of a table that appends one row."""
    return lambda text: text + line + "\n"


def shape(number: int, geometry: Any) -> Change:
    """The edit of a map that gives feature `number` (from 1) another geometry."""

    def edit(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
        features[number - 1]["geometry"] = geometry
        return features

    return edit


def props(number: int, **properties: Any) -> Change:
    """The edit of a map that gives feature `number` (from 1) other properties."""

    def edit(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
        features[number - 1]["properties"] |= properties
        return features

    return edit


def more(*features: dict[str, Any]) -> Change:
    """The edit of a map that appends features."""
    return lambda present: [*present, *features]
