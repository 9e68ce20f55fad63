"""The labels of a clean week, found again by brute force from nothing but the files that were written."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from brute_force import (
    CORRIDOR_M,
    MARGIN_M,
    Point,
    Span,
    driving,
    features,
    in_force,
    in_hours,
    inside,
    rows,
    runs,
    to_line,
    truck_fixes,
)

from sample_tracks.score import read_truth

SLACK_S = 25.0


def found_again(folder: Path, rule: str) -> dict[str, list[Span]]:
    fixes = truck_fixes(folder)
    finder = FINDERS[rule]
    return {plate: finder(folder / "registry", plate, track) for plate, track in fixes.items()}


def zones(kind: str, registry: Path, plate: str, track: list) -> list[Span]:
    drives = driving(track)
    found = []
    for zone, ring in features(registry / "zones.geojson"):
        if zone["kind"] == kind:
            flags = [
                d and in_hours(t, zone["hours"]) and inside(p, ring)
                for d, (t, p, _, _) in zip(drives, track, strict=True)
            ]
            found += [s for s in runs(flags, track, 300) if s[1] - s[0] >= 30]
    return found


def too_fast(registry: Path, plate: str, track: list) -> list[Span]:
    return [s for s in runs([speed > 60 for _, _, speed, _ in track], track, 60) if s[1] - s[0] >= 30]


def by_day(registry: Path, plate: str, track: list) -> list[Span]:
    leave = [r for r in rows(registry / "whitelist.csv") if r["plate"] == plate]
    flags = [
        d and in_hours(t, "06:00-20:00") and not any(in_force(r, t) and in_hours(t, r["hours"]) for r in leave)
        for d, (t, _, _, _) in zip(driving(track), track, strict=True)
    ]
    return [s for s in runs(flags, track, 600) if s[1] - s[0] >= 180]


def off_route(registry: Path, plate: str, track: list) -> list[Span]:
    company = next(r["company_id"] for r in rows(registry / "vehicles.csv") if r["plate"] == plate)
    permits = [
        r
        for r in rows(registry / "permits.csv")
        if plate in r["plates"].split(";") or (not r["plates"] and r["company_id"] == company)
    ]
    routes = list(features(registry / "routes.geojson"))
    sites = [(s["site_id"], ring) for s, ring in features(registry / "sites.geojson") if s["kind"] == "construction"]
    at_site = lambda p: next((s for s, ring in sites if inside(p, ring) or to_line(p, ring) <= MARGIN_M), None)
    flags, origin, corridors = [], None, None
    for time, place, _, load in track:
        if load != "full":
            flags.append(False)
            origin = corridors = None
            continue
        here = at_site(place)
        if corridors is None and here:
            origin = here
        elif corridors is None:
            held = {r["permit_no"] for r in permits if r["origin_site"] == origin and in_force(r, time)}
            corridors = [
                (float(r.get("corridor_m") or CORRIDOR_M), line) for r, line in routes if r["permit_no"] in held
            ]
        flags.append(bool(corridors) and all(to_line(place, line) > half for half, line in corridors))
    return [s for s in runs(flags, track, 600) if s[1] - s[0] >= 60]


FINDERS = {
    "quiet_zone": partial(zones, "quiet"),
    "no_entry": partial(zones, "no_entry"),
    "daytime_not_whitelisted": by_day,
    "off_route": off_route,
    "overspeed": too_fast,
}


@pytest.mark.parametrize("rule", FINDERS)
def test_labels_are_what_brute_force_finds(clean_week: Path, rule: str) -> None:
    """Each positive is found with its ends, and what is found beyond them is at least ignored."""
    found = found_again(clean_week, rule)
    truth = read_truth(clean_week / "truth.csv")
    positives = [t for t in truth if t.rule == rule and t.kind == "positive"]
    assert positives
    for t in positives:
        near = [s for s in found[t.plate] if abs(s[0] - t.start_s) <= SLACK_S and abs(s[1] - t.end_s) <= SLACK_S]
        assert len(near) == 1, (t, found[t.plate])
    for plate, spans in found.items():
        known = [t for t in truth if t.plate == plate and t.rule in (rule, "*")]
        for a, b in spans:
            assert any(t.start_s - SLACK_S <= a and b <= t.end_s + SLACK_S for t in known), (plate, rule, a, b)


def test_brute_force_measures_rightly() -> None:
    square: list[Point] = [(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)]
    assert inside((5, 5), square) and not inside((15, 5), square)
    assert to_line((5, 13), square) == 3
