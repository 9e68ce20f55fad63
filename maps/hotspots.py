"""Where a week's violations pile up: grid cells of one size, neighbours joined into ranked spots with their hours."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

CELL_M = 500.0
SPOTS = 10
#: A spot is a place worth sending people to: this many violations at least, and this share of the first one's points.
SPOT_MIN_COUNT = 3
SPOT_MIN_SHARE = 0.1
#: The hours told are the shortest span that holds this share of the spot's hours of violation.
HOURS_SHARE = 0.8

_M_PER_DEG = 111_195.0  # of latitude, on the mean sphere
_DAY_H = 24

CellKey = tuple[int, int]  # row to the north, column to the east


@dataclass(frozen=True)
class Sighting:
    """A violation as the grid counts it. `hours` are the local hours of the day that it lasted into (0–23)."""

    lon: float
    lat: float
    rule: str
    points: int
    hours: tuple[int, ...]


@dataclass(frozen=True)
class Grid:
    """Cells of `cell_m` on the ground. Columns are measured at `lat_deg`, a whole degree near the city, so that a
    city's cells are the same every week; one degree away they are 1 % off."""

    lat_deg: int
    cell_m: float = CELL_M

    @property
    def _steps(self) -> tuple[float, float]:
        return self.cell_m / _M_PER_DEG, self.cell_m / (_M_PER_DEG * math.cos(math.radians(self.lat_deg)))

    def cell(self, lon: float, lat: float) -> CellKey:
        """The cell that holds a position."""
        dlat, dlon = self._steps
        return math.floor(lat / dlat), math.floor(lon / dlon)

    def box(self, key: CellKey) -> tuple[float, float, float, float]:
        """West, south, east and north of a cell, degrees."""
        dlat, dlon = self._steps
        return key[1] * dlon, key[0] * dlat, (key[1] + 1) * dlon, (key[0] + 1) * dlat


@dataclass(frozen=True)
class Cell:
    """A cell's count of violations, their points, and the count by rule."""

    key: CellKey
    count: int
    points: int
    rules: Mapping[str, int]


@dataclass(frozen=True)
class Spot:
    """A ranked hot spot: a peak cell with its neighbours. `hours` is the span from–to of the clock, to exclusive."""

    rank: int
    cells: tuple[CellKey, ...]
    count: int
    points: int
    main_rule: str
    hours: tuple[int, int]


def cells_of(sightings: Iterable[Sighting], grid: Grid) -> list[Cell]:
    """The cells that hold violations, in the order of their keys."""
    found: dict[CellKey, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        found[grid.cell(sighting.lon, sighting.lat)].append(sighting)
    return [
        Cell(key, len(inside), sum(s.points for s in inside), dict(Counter(s.rule for s in inside)))
        for key, inside in sorted(found.items())
    ]


def spots_of(sightings: Sequence[Sighting], grid: Grid, limit: int = SPOTS) -> list[Spot]:
    """The hot spots: from the weightiest cell down, each peak takes the cells around it that are still free.

    A spot is at most three cells wide, so that it stays a place. Spots rank by points, then count, then position.
    """
    cells = {cell.key: cell for cell in cells_of(sightings, grid)}
    free = set(cells)
    joined: list[tuple[CellKey, ...]] = []
    for peak in sorted(cells.values(), key=lambda c: (-c.points, -c.count, c.key)):
        if peak.key not in free:
            continue
        around = [(peak.key[0] + dr, peak.key[1] + dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1)]
        own = tuple(k for k in around if k in free)
        free -= set(own)
        joined.append(own)
    spots = [_spot(own, cells, sightings, grid) for own in joined if sum(cells[k].count for k in own) >= SPOT_MIN_COUNT]
    spots.sort(key=lambda s: (-s.points, -s.count, s.cells))
    worth = [s for s in spots if s.points >= SPOT_MIN_SHARE * spots[0].points][:limit]
    return [replace(s, rank=rank) for rank, s in enumerate(worth, 1)]


def busiest_hours(hours: Iterable[int], share: float = HOURS_SHARE) -> tuple[int, int]:
    """The shortest span of the clock, midnight crossed if need be, that holds `share` of the hours; (0, 24) of none.

    Of spans of one length the fuller is taken, then the earlier after noon (a night counts as one).
    """
    counts = Counter(hours)
    total = sum(counts.values())
    if not total:
        return 0, _DAY_H
    for length in range(1, _DAY_H):
        held = [
            (sum(counts[(start + i) % _DAY_H] for i in range(length)), -((start - 12) % _DAY_H), start)
            for start in range(_DAY_H)
        ]
        best, _, start = max(held)
        if best >= share * total:
            return start, (start + length) % _DAY_H or _DAY_H
    return 0, _DAY_H


def _spot(own: tuple[CellKey, ...], cells: Mapping[CellKey, Cell], sightings: Sequence[Sighting], grid: Grid) -> Spot:
    inside = [s for s in sightings if grid.cell(s.lon, s.lat) in own]
    by_rule: dict[str, tuple[int, int]] = {}
    for s in inside:
        points, count = by_rule.get(s.rule, (0, 0))
        by_rule[s.rule] = (points + s.points, count + 1)
    main = min(by_rule, key=lambda rule: (-by_rule[rule][0], -by_rule[rule][1], rule))
    hours = busiest_hours(h for s in inside for h in s.hours)
    return Spot(0, own, len(inside), sum(cells[k].points for k in own), main, hours)
