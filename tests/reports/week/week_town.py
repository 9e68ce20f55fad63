"""A hand-made fortnight of a small fleet, for the tests of the weekly report."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
from shapely.geometry import box

from reports.calendar import Week, date_bounds_ms
from reports.week.input import HEALTH, REJECTED, TRACKS, TRIPS, VIOLATIONS, WeekInput
from rules.policy import Policy
from rules.registry.model import Company, District, Registry, Site, Vehicle

WEEK = Week(2026, 47)
POLICY = Policy()
HOUR_MS = 3_600_000
ANYWHERE = box(118.7, 32.0, 118.8, 32.1)


def at_ms(day: int, hour: float) -> int:
    """The instant at a local hour of the week's operating day 0-6; hours beyond 24 are after midnight."""
    midnight = date_bounds_ms([WEEK.dates[0]], replace(POLICY, day_hours=""))[0][1]
    return midnight + int((day * 24 + hour) * HOUR_MS)


def frame(rows: Sequence[dict[str, Any]], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def clue(rule: str, plate: str, start_ms: int, **changes: Any) -> dict[str, Any]:
    points = POLICY.points.get(rule, 1)
    plain = {"rule": rule, "plate": plate, "start_ms": start_ms, "end_ms": start_ms + 600_000, "confidence": 0.9}
    plain |= {"violation_id": f"{rule}{plate}{start_ms}", "points": points, "status": "flagged", "rule_version": "1"}
    return {**plain, "lon": 118.75, "lat": 32.05, "scored_under": "", **changes}


def trip(trip_id: str, plate: str, loaded_ms: int, **changes: Any) -> dict[str, Any]:
    plain = {"trip_id": trip_id, "plate": plate, "loaded_ms": loaded_ms, "dumped_ms": loaded_ms + HOUR_MS}
    return {**plain, "origin_site": "s1", "disposal_site": "d1", "distance_m": 18_400.0, "permit_no": "P1", **changes}


def track(day: date, plate: str, fixes: int = 1440, slots: int = 130, due: int = 144) -> dict[str, Any]:
    return {"day": day, "plate": plate, "fixes": fixes, "slots": slots, "slots_due": due}


def registry(names: Sequence[str] = ("甲运输公司", "乙运输公司"), plates: Sequence[str] | None = None) -> Registry:
    companies = tuple(Company(f"c{n}", name) for n, name in enumerate(names, 1))
    plates = plates or [f"苏A1000{n}" for n in range(1, 7)]
    vehicles = tuple(
        Vehicle(p, companies[n % len(companies)].company_id, f"0139{n:04}", "ordinary") for n, p in enumerate(plates)
    )
    kinds = {"s1": "construction", "s2": "construction", "d1": "disposal", "b1": "soil_bank"}
    sites = tuple(Site(k, f"{k}号场地", kind, ANYWHERE) for k, kind in kinds.items())
    districts = (District("x1", "雨花街道", ANYWHERE), District("x2", "铁心桥街道", ANYWHERE))
    return Registry(POLICY, companies, vehicles, sites=sites, districts=districts, digest="d" * 64)


def town(seed: int = 1, rules: Sequence[str] = tuple(POLICY.points), weeks: int = 5) -> WeekInput:
    """A busy fortnight and three thinner weeks before it: every rule, every status, some of everything ill."""
    rng = random.Random(seed)
    of = registry()
    plates = [v.plate for v in of.vehicles[:-1]] + ["苏B99999"]
    violations, trips, tracks = [], [], []
    for back in range(weeks):
        for day in range(7):
            for plate in plates:
                start = at_ms(day - 7 * back, 20 + 8 * rng.random())
                key = f"t{back}{day}{plate}"
                trips.append(
                    trip(
                        key,
                        plate,
                        start,
                        origin_site=rng.choice(["s1", "s2", None]),
                        disposal_site=rng.choice(["d1", "b1", None]),
                    )
                )
                if back < 2 and not (back == 0 and plate == plates[0] and day > 3):
                    tracks.append(
                        track(WEEK.back(back).dates[day], plate, 900 + rng.randrange(500), 100 + rng.randrange(44))
                    )
                for rule in rng.sample(list(rules), min(len(rules), rng.choice([0, 0, 1, 2]))):
                    status = rng.choice(["flagged"] * 4 + ["confirmed", "rejected", "appealed", "overturned"])
                    where = {"district_id": rng.choice(["x1", "x2", None]), "trip_id": rng.choice([key, key, None])}
                    violations.append(clue(rule, plate, start + 60_000 * rng.randrange(200), status=status, **where))
    faults = json.dumps({"load": {"why": "always loaded", "since_ms": at_ms(0, 7)}})
    health = [
        {
            "plate": p,
            "terminal": "0139",
            "first_ms": at_ms(0, 7),
            "last_ms": at_ms(6, 20),
            "fixes": 9000,
            "completeness": 0.97,
        }
        | {"datum_found": "gcj02" if n == 1 else "wgs84", "faults": faults if n == 2 else "{}"}
        for n, p in enumerate(plates)
    ]
    rejected = [
        {
            "reason": "zero_position",
            "count": 12,
            "first_ms": at_ms(0, 8),
            "last_ms": at_ms(3, 9),
            "example": '{"lon": 0}',
        },
        {"reason": "no_time", "count": 3, "first_ms": None, "last_ms": None, "example": '{"time": ""}'},
    ]
    all_trips = frame(trips, TRIPS)
    return WeekInput(
        WEEK,
        of,
        violations=frame(violations, VIOLATIONS),
        trips=all_trips,
        trips_of_clues=all_trips,
        tracks=frame(tracks, TRACKS),
        health=frame(health, HEALTH),
        rejected=frame(rejected, REJECTED),
        heard_ms={of.vehicles[-1].plate: at_ms(-9, 12)},
        repeats=7,
        cutoff_ms=at_ms(6, 28.5),
    )


#: Trucks of the tests that tell a week by hand.
A, B, C = "苏A10001", "苏A10002", "苏A10003"


def given(violations: Any = (), trips: Any = (), tracks: Any = (), **changes: Any) -> WeekInput:
    """A week's input from a few rows; what is not given is empty."""
    every = frame(trips, TRIPS)
    own = {"violations": frame(violations, VIOLATIONS), "trips": every, "trips_of_clues": every}
    return WeekInput(WEEK, **{"registry": registry(), **own, "tracks": frame(tracks, TRACKS), **changes})


def value(report: Any, key: str) -> Any:
    """One figure of a report."""
    return report.figure(key).value
