"""An independent reading of the contract: plain loops over written fixes and registry files, no code of ours."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

LOCAL = timezone(timedelta(hours=8))
MARGIN_M, CORRIDOR_M = 30.0, 50.0
Point = tuple[float, float]
Span = tuple[float, float]


def metres(lon: float, lat: float) -> Point:
    """Degrees to metres on a sphere about 118.9, 31.9: good to a third of a percent."""
    return math.radians(lon - 118.9) * 6371000 * math.cos(math.radians(31.9)), math.radians(lat - 31.9) * 6371000


def to_segment(p: Point, a: Point, b: Point) -> float:
    """Distance of a point from a segment, metres."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    along = ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / (dx * dx + dy * dy or 1.0)
    t = min(1.0, max(0.0, along))
    return math.hypot(p[0] - a[0] - t * dx, p[1] - a[1] - t * dy)


def to_line(p: Point, line: list[Point]) -> float:
    return min(to_segment(p, a, b) for a, b in pairwise(line))


def inside(p: Point, ring: list[Point]) -> bool:
    """Ray casting."""
    odd = False
    for (ax, ay), (bx, by) in pairwise(ring):
        if (ay > p[1]) != (by > p[1]) and p[0] < (bx - ax) * (p[1] - ay) / (by - ay) + ax:
            odd = not odd
    return odd


def features(file: Path) -> Iterator[tuple[dict[str, Any], list[Point]]]:
    for feature in json.loads(file.read_text(encoding="utf-8"))["features"]:
        shape = feature["geometry"]
        ring = shape["coordinates"][0] if shape["type"] == "Polygon" else shape["coordinates"]
        yield feature["properties"], [metres(*p) for p in ring]


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def in_hours(at: datetime, hours: str) -> bool:
    minute = at.hour * 60 + at.minute + at.second / 60
    if not hours:
        return True
    for part in hours.split(";"):
        a, b = (int(h) * 60 + int(m) for h, m in (t.split(":") for t in part.split("-")))
        if (a <= minute < b) if a < b else (minute >= a or minute < b):
            return True
    return False


def in_force(row: dict[str, Any], at: datetime) -> bool:
    day = at.date().isoformat()
    return (row.get("valid_from") or "") <= day <= (row.get("valid_to") or "9999")


def truck_fixes(folder: Path) -> dict[str, list[tuple[datetime, Point, float, str]]]:
    """Time, place, speed (km/h) and load word of every fix, by plate, in order."""
    frame = pl.concat([pl.read_parquet(f) for f in sorted((folder / "tracks").glob("*.parquet"))])
    terminals = [r["terminal"] for r in rows(folder / "registry" / "vehicles.csv")]  # and not the clones'
    frame = frame.filter(pl.col("terminal").is_in(terminals)).unique(["plate", "time"]).sort("plate", "time")
    found: dict[str, list[tuple[datetime, Point, float, str]]] = {}
    for plate, time, lon, lat, speed, load in frame.select(
        "plate", "time", "lon", "lat", "speed_kmh", "load"
    ).iter_rows():
        found.setdefault(plate, []).append((time.astimezone(LOCAL), metres(lon, lat), speed, load))
    return found


def driving(fixes: list[tuple[datetime, Point, float, str]]) -> list[bool]:
    """Moving, or in a halt of less than five minutes between two movings."""
    moving = [speed > 1.0 for _, _, speed, _ in fixes]
    last = None
    for i, now in enumerate(list(moving)):
        if now:
            if last is not None and (fixes[i][0] - fixes[last][0]).total_seconds() < 300:
                for j in range(last, i):
                    moving[j] = True
            last = i
    return moving


def runs(flags: list[bool], fixes: list[tuple[datetime, Point, float, str]], merge_s: float) -> list[Span]:
    """Runs of true flags as epoch seconds, cut at ten silent minutes, those closer than `merge_s` joined."""
    spans: list[list[float]] = []
    before = None
    for flag, (time, *_) in zip(flags, fixes, strict=True):
        now = time.timestamp()
        silent = before is not None and now - before >= 600
        if flag:
            if (spans and not silent and spans[-1][1] == before) or (spans and now - spans[-1][1] < merge_s):
                spans[-1][1] = now
            else:
                spans.append([now, now])
        before = now
    return [(a, b) for a, b in spans]
