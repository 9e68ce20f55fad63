"""Small invented registries and tracks for the engine's tests, made in metres and seconds.

The origin of the plane is at `LON0`, `LAT0`; x runs east, y north.
"""

from __future__ import annotations

from dataclasses import replace
from math import cos, hypot, radians

import numpy as np
import polars as pl
from shapely.geometry import LineString, Polygon

from ingest.fix import FIX_SCHEMA
from rules.ground import Ground
from rules.hours import Hours
from rules.policy import Policy
from rules.registry import Ban, District, Permit, Registry, Route, Site, Validity, Vehicle, WhitelistEntry, Zone

LON0, LAT0 = 118.8, 32.0
M_PER_DEG_LAT = 110_900.0  # on the ellipsoid at 32° north
M_PER_DEG_LON = 111_320.0 * cos(radians(LAT0)) * 1.0008

#: 2026-11-16 22:00 local, a Monday night.
NIGHT_MS = 1_794_837_600_000
DAY_MS = NIGHT_MS - 8 * 3_600_000


def deg(x_m: float, y_m: float) -> tuple[float, float]:
    return LON0 + x_m / M_PER_DEG_LON, LAT0 + y_m / M_PER_DEG_LAT


def square(x_m: float, y_m: float, half_m: float = 100.0) -> Polygon:
    corners = [(-half_m, -half_m), (half_m, -half_m), (half_m, half_m), (-half_m, half_m)]
    return Polygon([deg(x_m + dx, y_m + dy) for dx, dy in corners])


def town(**changes: object) -> Registry:
    """A road of 6 km from a construction site at x=0 to a disposal site at x=6000, with the usual things beside it."""
    base = Registry(
        policy=Policy(),
        vehicles=(Vehicle("苏A00001", "C1", "t1", "ordinary"), Vehicle("苏A00002", "C1", "t2", "new_type")),
        whitelist=(WhitelistEntry("苏A00002", Hours.parse("09:00-16:00"), Validity(), "白名单1号"),),
        permits=(
            Permit(
                "P1",
                "C1",
                "CON1",
                ("DIS1",),
                ("苏A00001", "苏A00002"),
                Hours.parse("20:00-05:00"),
                Validity(),
                (Route(LineString([deg(0, 0), deg(6000, 0)]), 50.0),),
            ),
        ),
        sites=(
            Site("CON1", "一号工地", "construction", square(0, 0)),
            Site("DIS1", "一号消纳场", "disposal", square(6000, 0)),
            Site("DIS2", "二号消纳场", "disposal", square(6000, 1500)),
            Site("OLD1", "关闭的消纳场", "disposal", square(3000, 1500), Validity(0, NIGHT_MS - 86_400_000)),
            Site("DEP1", "停车场", "depot", square(0, 2500)),
        ),
        zones=(Zone("Q1", "医院", "quiet", square(3000, 0, 200), Hours.parse("22:00-06:00")),),
        districts=(District("D1", "第一街道", square(3000, 0, 9000)),),
        bans=(Ban(NIGHT_MS + 5 * 3_600_000, NIGHT_MS + 6 * 3_600_000, "高考"),),
        digest="town",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


class Drive:
    """A truck that is told what to do and writes its fixes: `go`, `stand`, `silent`."""

    def __init__(
        self, plate: str = "苏A00001", terminal: str = "t1", start_ms: int = NIGHT_MS, every_s: int = 10
    ) -> None:
        self.plate, self.terminal, self.every_s = plate, terminal, every_s
        self.now_ms, self.x, self.y = start_ms, 0.0, 0.0
        self.load: str | None = None
        self.lift: bool | None = None
        self.cover: bool | None = None
        self.acc: bool | None = None
        self.rows: list[dict[str, object]] = []

    def at(self, x_m: float, y_m: float) -> Drive:
        self.x, self.y = x_m, y_m
        return self

    def sensors(self, load: str | None = None, lift: bool | None = None) -> Drive:
        self.load, self.lift = load, lift
        return self

    def _say(self, speed_kmh: float) -> None:
        lon, lat = deg(self.x, self.y)
        row = dict.fromkeys(FIX_SCHEMA)
        row |= dict(plate=self.plate, terminal=self.terminal, time_ms=self.now_ms, lon=lon, lat=lat, datum="wgs84")
        row |= dict(speed_kmh=speed_kmh, load=self.load, lift=self.lift, cover=self.cover, acc=self.acc, valid=True)
        self.rows.append(row)

    def stand(self, seconds: float) -> Drive:
        for _ in range(round(seconds / self.every_s)):
            self._say(0.0)
            self.now_ms += self.every_s * 1000
        return self

    def go(self, x_m: float, y_m: float, kmh: float = 36.0) -> Drive:
        metres = hypot(x_m - self.x, y_m - self.y)
        steps = max(1, round(metres / (kmh / 3.6) / self.every_s))
        x0, y0 = self.x, self.y
        for k in range(1, steps + 1):
            self.x, self.y = x0 + (x_m - x0) * k / steps, y0 + (y_m - y0) * k / steps
            self._say(kmh)
            self.now_ms += self.every_s * 1000
        return self

    def silent(self, seconds: float) -> Drive:
        self.now_ms += round(seconds * 1000)
        return self

    def fixes(self) -> pl.DataFrame:
        return pl.DataFrame(self.rows, schema=FIX_SCHEMA)


def ground(**changes: object) -> Ground:
    return Ground(town(**changes))


def noisy(fixes: pl.DataFrame, seed: int, sigma_m: float = 6.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return fixes.with_columns(
        lon=fixes["lon"] + pl.Series(rng.normal(0, sigma_m / M_PER_DEG_LON, fixes.height)),
        lat=fixes["lat"] + pl.Series(rng.normal(0, sigma_m / M_PER_DEG_LAT, fixes.height)),
    )
