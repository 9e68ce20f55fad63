"""`policy.toml`: every threshold that a city may set, with its unit, bounds, default and reason, in one place."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from rules.hours import Hours

#: Points a confirmed violation carries, in the spirit of published demerit schemes: dumping is gravest, an unpermitted
#: haul next, breaches of time and route small.
DEFAULT_POINTS = {
    "unauthorised_dumping": 20,
    "no_permit": 12,
    "wrong_destination": 10,
    "cloned_plate": 10,
    "signal_loss": 5,
    "daytime_not_whitelisted": 5,
    "no_entry": 3,
    "outside_hours": 3,
    "off_route": 3,
    "uncovered_load": 3,
    "overspeed": 3,
    "quiet_zone": 2,
}

#: Keys that only say how reports are headed; they judge nothing, so the digest leaves them out.
PRINTED_KEYS = ("district_name", "bulletin_title", "issuing_office", "first_issue_week", "first_issue", "lapse_days")

#: Lower end of each grade, by demerit points in the scoring period: (grade, from, to) with `to` exclusive.
DEFAULT_GRADES = {
    "vehicle": {"A": 0, "B": 6, "C": 12, "D": 20},
    "company": {"A": 0, "B": 30, "C": 40, "D": 60},
}


def setting(default: Any, unit: str, low: float | None, high: float | None, why: str) -> Any:
    """A policy key: default, unit, allowed range (inclusive; None is open) and the reason for the default."""
    return field(default=default, metadata={"unit": unit, "low": low, "high": high, "why": why})


#: A stand this long parts what a truck does before it from what it does after it, whatever the thresholds.
REST_S = 900
_PARTED = "a rest of 15 minutes parts them anyway"


@dataclass(frozen=True)
class Policy:
    """The thresholds in force. Field names are the keys of `policy.toml`; `points` and `grades` are tables in it."""

    timezone: str = setting("Asia/Shanghai", "IANA name", None, None, "the bureau's wall clock")
    day_hours: str = setting("06:00-20:00", "local HH:MM-HH:MM", None, None, "outside them it is night")
    registry_datum: str = setting(
        "wgs84", "wgs84|cgcs2000|gcj02|bd09", None, None, "RFC 7946 says WGS 84; plans drawn on Gaode are GCJ-02"
    )
    corridor_m: float = setting(
        50.0, "m", 10, 1000, "half-width of a corridor whose route names none; GNSS error plus road width"
    )
    site_margin_m: float = setting(30.0, "m", 0, 500, "a queue at the gate and GNSS error still count as the site")
    speed_limit_kmh: float = setting(60.0, "km/h", 5, 130, "limit where nothing says otherwise")
    allowed_lateness_s: int = setting(120, "s", 0, 86400, "how long the stream waits for stragglers")
    off_route_min_s: int = setting(60, "s", 0, 3600, "time and distance together make every spike filter needless")
    off_route_min_m: float = setting(120.0, "m", 0, 10000, "see off_route_min_s")
    off_route_beside_m: float = setting(
        40.0,
        "m",
        0,
        200,
        "so far outside on average is drift beside a coarsely drawn route, for a while; 0: nothing is",
    )
    off_route_beside_max_m: float = setting(
        3000.0, "m", 0, 100000, "no service road runs farther than this just outside a corridor"
    )
    driving_min_s: int = setting(
        180, "s", 0, 3600, "outside_hours and daytime_not_whitelisted: shorter is moving a truck aside"
    )
    zone_min_s: int = setting(30, "s", 0, 3600, "quiet_zone and no_entry: shorter is a clipped corner")
    zone_depth_m: float = setting(
        25.0, "m", 0, 200, "so deep in a zone drift from a road beside it does not reach; in narrow zones, less will do"
    )
    load_stay_min_s: int = setting(
        150, "s", 30, 3600, "without a load sensor, a stay this long inside a construction site loads"
    )
    stop_min_s: int = setting(120, "s", 30, 3600, "a shorter stand is traffic, not a stop")
    dump_stand_min_s: int = setting(
        60, "s", 30, 900, "without sensors: traffic lights are shorter, and leaving a load is not"
    )
    dump_stand_long_s: int = setting(150, "s", 60, 1800, "without sensors: a stand this long is no light, a sign")
    dump_stand_max_s: int = setting(
        900, "s", 300, 7200, "without sensors: a load is left in minutes; who stands longer off every site rests"
    )
    gate_m: float = setting(
        300.0, "m", 50, 2000, "without sensors: a long stand so near a site for muck that it did not enter is a sign"
    )
    halt_max_s: int = setting(300, "s", 60, REST_S, f"a shorter halt belongs to the driving around it; {_PARTED}")
    silence_min_s: int = setting(600, "s", 60, 7200, "no usable fix for this long ends every stretch")
    signal_loss_min_m: float = setting(500.0, "m", 0, 20000, "laden and next seen this far away: it drove unseen")
    overspeed_min_s: int = setting(30, "s", 0, 3600, "shorter is an overtaking, or noise of the receiver")
    overspeed_merge_s: int = setting(60, "s", 0, REST_S, f"times above the limit less apart are one; {_PARTED}")
    uncovered_min_s: int = setting(60, "s", 0, 3600, "a lid that closes while the truck pulls away is no breach")
    merge_s: int = setting(600, "s", 0, REST_S, f"stretches of one rule and truck less apart are one; {_PARTED}")
    zone_merge_s: int = setting(300, "s", 0, REST_S, "the same for zones")
    frozen_min_s: int = setting(
        120, "s", 30, 3600, "a stand this long that ends in a leap no truck can drive was a frozen position"
    )
    device_yield_s: int = setting(
        1800,
        "s",
        600,
        86400,
        "the own device silent for longer: another is heard; parked trucks report each 5 min",
    )
    clone_speed_kmh: float = setting(120.0, "km/h", 60, 200, "no muck truck keeps this up across a city")
    clone_slack_m: float = setting(1500.0, "m", 100, 10000, "devices that lie about their datum are up to 1.2 km apart")
    clone_age_max_s: int = setting(330, "s", 60, 3600, "older own fixes tell nothing; parked trucks report each 5 min")
    clone_min_s: int = setting(120, "s", 0, 3600, "seen at two places for less: a glimpse is not enough")
    clone_min_fixes: int = setting(4, "fixes", 2, 100, "fixes of the other device that the own one rules out")
    clone_merge_s: int = setting(600, "s", 0, 3600, "sightings of one plate elsewhere less apart are one")
    same_act_share: float = setting(
        0.5, "share", 0.1, 1, "of the shorter of two stretches that lies in the other: one act, scored once"
    )
    datum_min_fixes: int = setting(40, "fixes", 10, 10000, "of a terminal with fewer the datum is not looked into")
    datum_poor_fit: float = setting(
        0.6,
        "share",
        0.1,
        1,
        "stands at sites and driving in corridors: who fits worse may tell a wrong datum",
    )
    datum_better_by: float = setting(
        0.35, "share", 0.1, 2, "another datum is believed that fits so much better; a wrong one fits a tenth as well"
    )
    clock_doubt_days: int = setting(
        3,
        "days",
        1,
        366,
        "who on so many days drives outside the permitted hours alone, and 8 h off inside them alone, may have a wrong "
        "clock: its health says so, unless the order of arrival tells the time",
    )
    sensor_min_fixes: int = setting(40, "fixes", 10, 10000, "fewer fixes on the road say nothing of a sensor")
    load_contrast: float = setting(
        0.4, "share", 0.05, 0.95, "load words after loading less those after unloading: a sensor that tells less is ill"
    )
    raised_driving_min: int = setting(5, "fixes", 2, 100, "with the body up at speed; one or two may be a late word")
    raised_driving_share: float = setting(0.1, "share", 0.01, 1, "of raised fixes at speed: the lift sensor is ill")
    cover_open_share: float = setting(
        0.97, "share", 0.5, 1, "open on the road: who never closes has no cover, or no sensor of it"
    )
    cover_turns_share: float = setting(
        0.05, "share", 0.001, 1, "of steps at speed in which the cover turns: nobody opens the body while driving"
    )
    cover_turns_min: int = setting(8, "times", 2, 1000, "and at least so often")
    score_days: int = setting(365, "d", 1, 3660, "the scoring period that ends on the date asked for")
    min_trips_for_rate: int = setting(10, "trips", 1, 1000, "rates of fewer trips are marked as small samples")
    suspect_trucks_min: int = setting(
        2, "trucks", 2, 100, "so many trucks leave or take on loads at a place: one may be a mishap, two are a custom"
    )
    suspect_visits_min: int = setting(4, "visits", 2, 1000, "or so many visits of fewer trucks")
    suspect_days: int = setting(14, "d", 1, 92, "trucks and visits must fall into so many days")
    suspect_reach_m: float = setting(
        75.0, "m", 75, 300, "stays of which circles this large touch are one place; reflections shift by 60 to 140 m"
    )
    inspections_per_week: int = setting(
        2, "inspections", 1, 7, "joint patrols that the city asks for each week; the patrol plan suggests as many"
    )
    district_name: str = setting("", "text", None, None, "whose report it is: printed before the title, in file names")
    bulletin_title: str = setting("渣土车联合检查周报", "text", None, None, "the report's title")
    issuing_office: str = setting("", "text", None, None, "the office that signs the report; empty: none is printed")
    first_issue_week: str = setting(
        "",
        "ISO week",
        None,
        None,
        "the week of the first issue; empty: issues are numbered as the weeks of the year",
    )
    first_issue: int = setting(1, "number", 1, 100000, "the number of that first issue")
    lapse_days: int = setting(30, "d", 1, 366, "permits and whitelist entries that end this soon are listed")
    review_days: int = setting(5, "d", 1, 60, "both reviews, from the day the flag was recorded")
    notify_days: int = setting(5, "d", 1, 60, "telling the party, from the confirmation")
    void_days: int = setting(3, "d", 1, 60, "deciding about a case whose facts changed, from the day that was found")
    appeal_days: int = setting(60, "d", 1, 365, "an appeal, from the notice; shown to the party, never enforced")
    points: dict[str, int] = field(
        default_factory=lambda: dict(DEFAULT_POINTS),
        metadata={"unit": "points", "low": 0, "high": 1000, "why": "demerits of a confirmed violation"},
    )
    grades: dict[str, dict[str, int]] = field(
        default_factory=lambda: {k: dict(v) for k, v in DEFAULT_GRADES.items()},
        metadata={"unit": "points", "low": 0, "high": 100000, "why": "lower end of each grade"},
    )

    @staticmethod
    def bounds(key: str) -> tuple[float, float]:
        """The allowed range of a numeric key, inclusive, in the key's unit."""
        told = Policy.__dataclass_fields__[key].metadata
        return told["low"], told["high"]

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone as an object."""
        return ZoneInfo(self.timezone)

    @cached_property
    def day(self) -> Hours:
        """`day_hours`, parsed."""
        return Hours.parse(self.day_hours)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of every value in force that judges: evidence names it."""
        told = {key: value for key, value in asdict(self).items() if key not in PRINTED_KEYS}
        return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


DEFAULTS = Policy()  # where no city's policy is asked for
