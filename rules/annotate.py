"""Stage 1: whole columns of fixes get their ground truth: metres, moving or still, site, zones, corridors, sensors.

Each fix is judged by itself and its two neighbours only, so the answer does not depend on how a stream was cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.datum import from_wgs84, to_wgs84
from rules.ground import Ground
from rules.health import Knowledge
from rules.plane import Floats
from rules.raster import Ints

STILL_BELOW_KMH = 5.0  # GNSS speed noise of a standing truck is below 3 km/h; creeping in a queue is above 5
SLOW_BELOW_KMH = 15.0  # off the road, in a yard or in a queue; on a road trucks go faster
ROAD_SPEED_MS = 150 / 3.6  # no muck truck is faster
POSITION_SLACK_M = 100.0  # and two fixes may disagree by this much through noise alone
SPEED_NOISE_M = 45.0  # by how much the way between two fixes may be too long: drift at both ends
PULL_AWAY_MS2 = 1.5  # a loaded truck manages half of it
LEAP_SPEED_MS = 25.0
JUMP_BACK_M = 60.0  # a standing truck that is seen elsewhere once and then so near its place again has not moved
JUMP_MAX_MS = 180_000
STUCK_LEG_MM, STUCK_LEG_MS = 100, 2_000  # who drives at 15 km/h for two seconds is elsewhere
UNKNOWN = -1  # a sensor that says nothing, or is not believed
UNSEEN_STAND_MS = 150_000  # a gap so long has room for a delivery

#: How a truck moves at a fix.
FAST, STILL, SLOW = 0, 1, 2

#: Role of a row: judged now, or only there as a neighbour of the judged ones.
BEFORE, JUDGED, AFTER = -1, 0, 1


@dataclass(frozen=True)
class Annotated:
    """Judged fixes of many trucks, sorted by truck and time; columns of one length, `starts` has a truck's first row.

    `lead_ms`, `lead_mm` measure the leg that leads to a fix (from the truck's fix before it; -1 and 0 for its first).
    `leapt`: the truck stood at the fix before and cannot have driven here since, so it did not stand there.
    `load`, `lift`, `cover` are 1, 0 or `UNKNOWN`; `zone` indexes `zone_sets`; `corridor` is a word of permit bits,
    `permitted` (one a truck) the word of all its permits.
    `gap` has the rows whose leg has room for a delivery with a place for it near either end, `gap_x_m` and `gap_y_m`
    where those legs began.

    Rows of the fixes given: `jumps` were left out as single ones, `refuted` told a speed from the very place of the fix
    before; `row_starts` has each truck's first.
    """

    plates: list[str]
    starts: Ints
    time_ms: Ints
    x_m: Floats
    y_m: Floats
    lead_ms: Ints
    lead_mm: Ints
    leapt: NDArray[np.bool_]
    motion: NDArray[np.int8]
    speed_kmh: Floats
    speeding: NDArray[np.bool_]
    site: NDArray[np.int32]
    zone: Ints
    zone_sets: list[tuple[int, ...]]
    corridor: Ints
    permitted: Ints
    load: NDArray[np.int8]
    lift: NDArray[np.int8]
    cover: NDArray[np.int8]
    ignition_off: NDArray[np.bool_]
    gap: Ints
    gap_x_m: Floats
    gap_y_m: Floats
    jumps: Ints
    refuted: Ints
    row_starts: Ints


def annotate(fixes: pl.DataFrame, roles: NDArray[np.int8], ground: Ground, knowledge: Knowledge) -> Annotated:
    """Annotates the rows whose role is `JUDGED`.

    Args:
        fixes: `FIX_SCHEMA`, valid positions only, sorted by plate and time, each identity once.
        roles: one a row; `BEFORE` rows precede a truck's judged rows, `AFTER` rows follow them.
        ground: the registry on the plane.
        knowledge: what is known of the terminals: datum and sensors.
    """
    runs = fixes["plate"].rle().struct.unnest()
    plates, lengths = runs["value"].to_list(), runs["len"].to_numpy().astype(np.int64)
    starts = np.r_[0, np.cumsum(lengths)]
    spans = {plate: (int(a), int(b)) for plate, a, b in zip(plates, starts[:-1], starts[1:], strict=True)}
    x, y = ground.plane.to_m(*_positions(fixes, spans, knowledge))
    time = fixes["time_ms"].to_numpy()
    leg_m = np.hypot(np.diff(x), np.diff(y))
    told_kmh = fixes["speed_kmh"].cast(pl.Float64).to_numpy()
    keep = ~(_spikes(x, y, time, leg_m, starts) | _jumps(x, y, time, leg_m, starts, told_kmh))
    jumps = np.flatnonzero(~keep)
    kept_starts = np.r_[0, np.cumsum(keep)][starts]
    kept = np.flatnonzero(keep)
    x, y, time, role = x[kept], y[kept], time[kept], roles[kept]
    lead_ms, lead_mm = _legs(x, y, time, leg_m, kept, kept_starts)
    speed, refuted = _speeds(told_kmh[kept], lead_ms, lead_mm)
    judged = role == JUDGED
    judged_starts = np.r_[0, np.cumsum(judged)][kept_starts]
    gap = _gaps(ground, x, y, lead_ms, judged)
    gap_x, gap_y = x[gap - 1], y[gap - 1]
    x, y, time = x[judged], y[judged], time[judged]
    zone, zone_sets = _zones(ground, x, y)
    sensors = _sensors(fixes, spans, knowledge)
    return Annotated(
        plates=plates,
        starts=judged_starts,
        time_ms=time,
        x_m=x,
        y_m=y,
        lead_ms=lead_ms[judged],
        lead_mm=lead_mm[judged],
        leapt=_leaps(lead_ms, lead_mm, speed)[judged],
        motion=np.where(
            speed[judged] < STILL_BELOW_KMH, STILL, np.where(speed[judged] < SLOW_BELOW_KMH, SLOW, FAST)
        ).astype(np.int8),
        speed_kmh=speed[judged],
        speeding=(speed - _doubt_kmh(told_kmh[kept], lead_ms))[judged] > ground.policy.speed_limit_kmh,
        site=ground.sites_at(x, y, time),
        zone=zone,
        zone_sets=zone_sets,
        corridor=ground.corridors_of_all(plates, judged_starts, x, y),
        permitted=np.array([(1 << len(ground.permits_of(plate))) - 1 for plate in plates], dtype=np.int64),
        load=sensors["load"][keep][judged],
        lift=sensors["lift"][keep][judged],
        cover=sensors["cover"][keep][judged],
        ignition_off=(~fixes["acc"].fill_null(True)).to_numpy()[keep][judged],
        gap=(np.cumsum(judged) - 1)[gap],
        gap_x_m=gap_x,
        gap_y_m=gap_y,
        jumps=jumps[roles[jumps] == JUDGED],
        refuted=kept[refuted[judged[refuted]]],
        row_starts=starts,
    )


def _positions(fixes: pl.DataFrame, spans: dict[str, tuple[int, int]], knowledge: Knowledge) -> tuple[Floats, Floats]:
    """Degrees in WGS 84; terminals that lie about their datum are read in the one that fits."""
    lon, lat = fixes["lon"].to_numpy(), fixes["lat"].to_numpy()
    if not knowledge.datums:
        return lon, lat
    lon, lat = lon.copy(), lat.copy()
    for (plate, terminal), found in knowledge.datums.items():
        first, last = spans.get(plate, (0, 0))
        part = fixes[first:last]
        for told in part["datum"].unique().to_list():
            rows = first + np.flatnonzero(((part["terminal"] == terminal) & (part["datum"] == told)).to_numpy())
            if told != found and len(rows):
                lon[rows], lat[rows] = to_wgs84(*from_wgs84(lon[rows], lat[rows], told), found)
    return lon, lat


def _spikes(x: Floats, y: Floats, time: Ints, leg_m: Floats, starts: Ints) -> NDArray[np.bool_]:
    """Single fixes that no truck can reach from the fix before nor leave to the fix after, which fit each other."""
    spike = np.zeros(len(x), dtype=bool)
    if len(x) < 3:
        return spike
    far = leg_m > _reach_m(np.diff(time))
    odd = np.zeros(len(x), dtype=bool)
    odd[1:-1] = far[:-1] & far[1:]
    odd[starts[:-1][starts[:-1] < len(x)]] = False
    odd[starts[1:] - 1] = False
    middle = np.flatnonzero(odd[1:] & ~odd[:-1]) + 1
    across = np.hypot(x[middle + 1] - x[middle - 1], y[middle + 1] - y[middle - 1])
    spike[middle] = across <= _reach_m(time[middle + 1] - time[middle - 1])
    return spike


def _jumps(x: Floats, y: Floats, time: Ints, leg_m: Floats, starts: Ints, told_kmh: Floats) -> NDArray[np.bool_]:
    """Single fixes of a standing truck that lie elsewhere, while it stands at one place before and after."""
    jump = np.zeros(len(x), dtype=bool)
    if len(x) < 3:
        return jump
    still = told_kmh < STILL_BELOW_KMH  # false where no speed is told
    far = leg_m > POSITION_SLACK_M
    odd = still[:-2] & still[1:-1] & still[2:] & far[:-1] & far[1:]
    middle = np.flatnonzero(odd) + 1
    near = np.hypot(x[middle + 1] - x[middle - 1], y[middle + 1] - y[middle - 1]) < JUMP_BACK_M
    soon = time[middle + 1] - time[middle - 1] <= JUMP_MAX_MS
    jump[middle[near & soon]] = True
    jump[starts[:-1][starts[:-1] < len(x)]] = False
    jump[starts[1:] - 1] = False
    return jump


def _reach_m(lead_ms: Ints) -> Floats:
    """How far a truck may come in a time."""
    return ROAD_SPEED_MS * lead_ms / 1000 + POSITION_SLACK_M


#: A truck's fixes before the judged ones that `_spikes` and `_legs` look at.
CONTEXT_FIXES = 3


def _legs(x: Floats, y: Floats, time: Ints, leg_m: Floats, kept: Ints, starts: Ints) -> tuple[Ints, Ints]:
    """Times and ways from each kept fix's predecessor; `leg_m` has the legs before any fix was taken out."""
    lead_ms = np.full(len(x), -1, dtype=np.int64)
    lead_mm = np.zeros(len(x), dtype=np.int64)
    if len(x) > 1:
        lead_ms[1:] = np.diff(time)
        way_m = leg_m[kept[1:] - 1]
        over = np.flatnonzero(np.diff(kept) > 1) + 1
        way_m[over - 1] = np.hypot(x[over] - x[over - 1], y[over] - y[over - 1])
        lead_mm[1:] = np.minimum(way_m * 1000, 1e12)
    first = starts[:-1][starts[:-1] < len(x)]
    lead_ms[first], lead_mm[first] = -1, 0
    return lead_ms, lead_mm


def _gaps(ground: Ground, x: Floats, y: Floats, lead_ms: Ints, judged: NDArray[np.bool_]) -> Ints:
    """The judged rows after a leg in which the truck may have delivered: long enough, and a place near either end."""
    long = np.flatnonzero(judged & (lead_ms >= UNSEEN_STAND_MS))
    near = ground.near_disposal(x[long], y[long]) | ground.near_disposal(x[long - 1], y[long - 1])
    return long[near]


def _leaps(lead_ms: Ints, lead_mm: Ints, speed_kmh: Floats) -> NDArray[np.bool_]:
    """Legs from a stand that are longer than a truck pulling away (and, where it stands again, braking) can drive."""
    leapt = np.zeros(len(speed_kmh), dtype=bool)
    still = speed_kmh < STILL_BELOW_KMH
    after = np.flatnonzero(still[:-1] & (lead_mm[1:] > POSITION_SLACK_M * 1000)) + 1
    lead_s = np.maximum(lead_ms[after], 0) / 1000
    pulled_away_m = np.where(still[after], 0.25, 0.5) * PULL_AWAY_MS2 * lead_s**2
    leapt[after] = lead_mm[after] / 1000 > np.minimum(pulled_away_m, LEAP_SPEED_MS * lead_s) + POSITION_SLACK_M
    return leapt


def _speeds(told: Floats, lead_ms: Ints, lead_mm: Ints) -> tuple[Floats, Ints]:
    """Reported speed, km/h; where none is reported, that of the leg before (a first fix stands). And the stuck rows.

    A speed told from the very place of the fix before is the speed of a truck whose position is stuck: it counts as 0.
    """
    silent = np.isnan(told)
    if silent.any():
        told = told.copy()
        told[silent] = np.where(lead_ms[silent] > 0, 3.6 * lead_mm[silent] / np.maximum(lead_ms[silent], 1), 0.0)
    stuck = (told >= SLOW_BELOW_KMH) & (lead_mm <= STUCK_LEG_MM) & (lead_ms >= STUCK_LEG_MS)
    rows = np.flatnonzero(stuck)
    return np.where(stuck, 0.0, told) if len(rows) else told, rows


def _doubt_kmh(told: Floats, lead_ms: Ints) -> Floats:
    """How much too fast noise may make a speed look that no terminal told: two places that lie apart by it."""
    return np.where(np.isnan(told), 3600.0 * SPEED_NOISE_M / np.maximum(lead_ms, 1), 0.0)


def _sensors(
    fixes: pl.DataFrame, spans: dict[str, tuple[int, int]], knowledge: Knowledge
) -> dict[str, NDArray[np.int8]]:
    """Sensor words as 1, 0, `UNKNOWN`; half a load is a load; what is not believed says nothing."""
    load = (fixes["load"].to_physical().cast(pl.Int8) > 0).cast(pl.Int8)
    columns = {"load": load, "lift": fixes["lift"].cast(pl.Int8), "cover": fixes["cover"].cast(pl.Int8)}
    words = {name: column.fill_null(UNKNOWN).to_numpy().copy() for name, column in columns.items()}
    time_ms = fixes["time_ms"].to_numpy()
    for (plate, terminal), ill in knowledge.ill_sensors.items():
        first, last = spans.get(plate, (0, 0))
        rows = first + np.flatnonzero((fixes["terminal"][first:last] == terminal).to_numpy())
        for name in ill:
            since_ms = knowledge.ill_since_ms.get((plate, terminal, name), 0)
            words[name][rows[time_ms[rows] >= since_ms]] = UNKNOWN
    return words


def _zones(ground: Ground, x: Floats, y: Floats) -> tuple[Ints, list[tuple[int, ...]]]:
    """A code per point and the set of zones it stands for; code 0 is none, code k+1 zone k alone."""
    sets: list[tuple[int, ...]] = [(), *((k,) for k in range(len(ground.zone_polygons)))]
    code = np.zeros(len(x), dtype=np.int64)
    point, zone = ground.zones_at(x, y)
    code[point] = zone + 1
    if len(point) > 1:
        codes = {members: k for k, members in enumerate(sets)}
        for p in np.unique(point[1:][point[1:] == point[:-1]]).tolist():
            members = tuple(zone[slice(*np.searchsorted(point, [p, p + 1]))].tolist())
            if members not in codes:
                codes[members] = len(sets)
                sets.append(members)
            code[p] = codes[members]
    return code, sets
