"""Stage 4: one complete outing or haul goes to every rule of the catalogue; breaches become findings.

Places stay metres on the plane until `located` turns those of many findings into degrees at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from rules.calibration import calibrated
from rules.catalog import RULES
from rules.clones import Sighting, counts
from rules.findings import Findings, Stop, Trip, Violation
from rules.fleet import Fleet
from rules.grades import ON_TRACK, grade_of
from rules.ground import Ground
from rules.hauls import Haul, Loading, build_haul, site_at
from rules.load_word import Flip
from rules.margin import clearness
from rules.policy import Policy
from rules.rule import Breach, Excused, Outing, Rule
from rules.stays import Stay
from rules.stretches import Rows
from rules.tags import Mark, Tag


def judge_outing(plate: str, start_ms: int, end_ms: int, rows: Rows, stays: list[Stay], ground: Ground) -> Findings:
    """What a truck did between two rests: its stops, and the breaches that do not ask for a load.

    Args:
        plate: the truck.
        start_ms: when the outing began, epoch ms.
        end_ms: when the next one did.
        rows: its stretches; of motion also the one that ends it, unless that follows a silence.
        stays: the stays that began in it.
        ground: the registry on the plane.
    """
    outing = Outing(plate, start_ms, end_ms, rows, tuple(stays), ground.policy)
    stuck = [s for s in stays if s.silence and s.n]
    marks = [Mark(plate, "", Tag.FROZEN, s.start_ms, s.end_ms, s.n) for s in stuck]
    found = Findings(stops=_stops(outing, ground), marks=marks)
    for rule in RULES:
        for said in rule.on_outing(outing, ground) if rule.on_outing else ():
            _take(found, rule, plate, said, ground, ON_TRACK)
    return found


def judge_haul(
    plate: str,
    loading: Loading,
    until_ms: int,
    rows: Rows,
    stays: list[Stay],
    flips: Sequence[Flip],
    ground: Ground,
    fleet: Fleet,
) -> Findings:
    """The trip that a loading began, and its breaches; nothing where no load left the place.

    Args:
        plate: the truck.
        loading: the load taken on.
        until_ms: the next loading, or the end of what was seen; epoch ms.
        rows: the truck's stretches from before the loading's queue to `until_ms`.
        stays: the stays in them.
        flips: what the load sensor said.
        ground: the registry on the plane.
        fleet: roads and places known.
    """
    haul = build_haul(plate, loading, until_ms, rows, stays, flips, ground, fleet)
    if haul is None:
        return Findings()
    trip = _trip(haul, ground)
    found = Findings(trips=[trip] if trip else [])
    told = [(rule, said) for rule in RULES if rule.on_haul for said in rule.on_haul(haul, rows, ground)]
    if told:
        about = grade_of(haul), trip.trip_id if trip else None
        for rule, said in told:
            _take(found, rule, plate, said, ground, *about)
    return found


def judge_sighting(plate: str, sighting: Sighting, ground: Ground) -> Findings:
    """A span in which two devices under one plate were at places that no truck can join."""
    found = Findings()
    for rule in RULES:
        if rule.on_sighting:
            found.violations += [
                _violation(rule, plate, breach, ground, ON_TRACK) for breach in rule.on_sighting(sighting, ground)
            ]
    return found


def withheld(found: Findings, sightings: Sequence[Sighting], policy: Policy) -> Findings:
    """The findings without violations that fall into a time in which nobody knows which truck bore the plate."""
    if not sightings or not found.violations:
        return found
    doubt = [(s.start_ms, s.end_ms) for s in sightings if counts(s, policy)]
    clear = [v for v in found.violations if not any(a <= v.end_ms and v.start_ms <= b for a, b in doubt)]
    return replace(found, violations=clear)


def _stops(outing: Outing, ground: Ground) -> list[Stop]:
    stops, least_ms = [], ground.policy.stop_min_s * 1000
    for stay in outing.stays:
        if stay.still_ms < least_ms or stay.silence:
            continue
        site = ground.site(site_at(outing.rows, stay, stay.start_ms))
        kind, site_id = (site.kind, site.site_id) if site else ("unknown", None)
        stops.append(Stop(outing.plate, stay.start_ms, stay.end_ms, stay.x_m, stay.y_m, site_id, kind))
    return stops


def _trip(haul: Haul, ground: Ground) -> Trip | None:
    if haul.loading.by == "before" or haul.unloading is None:
        return None
    origin, left = ground.site(haul.loading.site), haul.unloading
    site = ground.site(left.site)
    x_m, y_m = (left.stay.x_m, left.stay.y_m) if left.stay and not left.in_silence else (None, None)
    named = [p.permit for _, p in haul.permits]
    permit = next((p for p in named if site and site.site_id in p.disposal_sites), named[0] if named else None)
    return Trip(
        plate=haul.plate,
        loaded_ms=haul.loading.at_ms,
        left_ms=haul.left_ms,
        dumped_ms=left.at_ms,
        origin_site=origin.site_id if origin else None,
        disposal_site=site.site_id if site else None,
        permit_no=permit.permit_no if permit else None,
        distance_m=haul.distance_m,
        dump_lon=x_m,
        dump_lat=y_m,
    )


def _take(
    found: Findings, rule: Rule, plate: str, said: Breach | Excused, ground: Ground, grade: str, trip: str | None = None
) -> None:
    """Adds what a rule said: a breach as a violation, what it excused as a mark on the fixes."""
    if isinstance(said, Excused):
        found.marks.append(Mark(plate, "", said.tag, said.start_ms, said.end_ms, said.fixes))
    else:
        found.violations.append(_violation(rule, plate, said, ground, grade, trip))


def _violation(
    rule: Rule, plate: str, breach: Breach, ground: Ground, grade: str, trip_id: str | None = None
) -> Violation:
    """A breach with who, where and what was in force."""
    registry, policy = ground.registry, ground.policy
    vehicle = registry.vehicle.get(plate)
    evidence: dict[str, Any] = {
        **breach.evidence,
        "fixes": {"plate": plate, "first_ms": breach.start_ms, "last_ms": breach.end_ms},
        "grade": breach.evidence.get("grade", grade),
        "rule_version": rule.version,
        "policy_digest": policy.digest,
        "registry_digest": registry.digest,
    }
    return Violation(
        rule=rule.rule_id,
        plate=plate,
        start_ms=breach.start_ms,
        end_ms=breach.end_ms,
        lon=breach.x_m,
        lat=breach.y_m,
        confidence=calibrated(
            rule.rule_id, str(evidence["grade"]), breach.confidence, clearness(rule.rule_id, evidence, policy)
        ),
        points=policy.points.get(rule.rule_id, 0),
        company_id=vehicle.company_id if vehicle else None,
        permit_no=breach.permit_no,
        trip_id=trip_id,
        site_id=breach.site_id,
        evidence=evidence,
    )


_DUMP_PLACE = ("dump_lon", "dump_lat")


def located(found: Findings, ground: Ground) -> Findings:
    """The findings with places in WGS 84 degrees, to a centimetre, and violations with their districts."""
    dumps = [t for t in found.trips if t.dump_lon is not None]
    x = [*(v.lon for v in found.violations), *(s.lon for s in found.stops), *(t.dump_lon for t in dumps)]
    y = [*(v.lat for v in found.violations), *(s.lat for s in found.stops), *(t.dump_lat for t in dumps)]
    if not x:
        return found
    x_m, y_m = np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)
    lon, lat = ground.plane.to_deg(x_m, y_m)
    streets = ground.districts_at(x_m[: len(found.violations)], y_m[: len(found.violations)])
    places = iter(zip(lon.round(7).tolist(), lat.round(7).tolist(), strict=True))
    violations = [
        msgspec.structs.replace(v, lon=at_lon, lat=at_lat, district_id=street)
        for v, street, (at_lon, at_lat) in zip(found.violations, streets, places, strict=False)
    ]
    stops = [msgspec.structs.replace(s, lon=p[0], lat=p[1]) for s, p in zip(found.stops, places, strict=False)]
    trips = [
        t if t.dump_lon is None else msgspec.structs.replace(t, **dict(zip(_DUMP_PLACE, next(places), strict=True)))
        for t in found.trips
    ]
    return replace(found, violations=violations, trips=trips, stops=stops)
