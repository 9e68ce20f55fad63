"""What only the whole fleet can tell, learnt before judging: its roads, its places for muck, and clocks that are off.

A stand on a road that many trucks drive fast is a light or a jam; a stand off all of them is no traffic. Learnt from
whole columns of fixes in any order, so it costs one pass while tracks are read. Plain numbers: see `to_json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple, dataclass, field
from math import ceil, cos, floor, hypot, radians
from typing import Any

import numpy as np
import polars as pl

from ingest.fix import CODED_SCHEMA
from ingest.second_look import Otherwise
from rules.raster import Ints

CELL_DEG = 0.0005  # about 50 m
CELLS_A_DEG = 1 / CELL_DEG
ROW = 1_000_000  # a cell is its row times this plus its column; there are 720,000 columns
FAST_KMH = 25.0
STANDING_KMH = 5.0
M_PER_DEG = 111_000.0
ON_ROAD_M = 55.0  # a cell's middle so near is the road at hand: half a cell, a lane and noise
ROAD_PASSES = 3  # trucks by cell in the cells around; fewer may be two terminals that tell the same wrong datum
PLACE_M = 120.0
PLACE_TRUCKS = 2
LIFT_FAST_SHARE = 0.1  # who says so often at speed that the body is up has an ill sensor
CLOCK_OFF_MS = 8 * 3_600_000  # local time told as UTC, or UTC as local time
CLOCK_SLACK_MS = 20 * 60_000
CLOCK_ROWS, CLOCK_PLATES = 64, 5  # rows that came one after another, of so many trucks, tell what time it was
CLOCK_THIN = 3  # of the rows one in so many is looked at
CLOCK_MIN, CLOCK_SHARE = 20, 0.8  # rows of a terminal, and how many of them must be off alike
CLOCK_ODD_MS = 3_600_000  # a row so far off its neighbours is late, or its clock is off
ARRIVAL_SHARE = 0.01  # of rows earlier than another truck's before them: sorted rows have none
KEPT_ROWS = 2_000_000  # cells by truck that are held before they are counted together

Cell = int
TRUCKS = 1 << 24  # a truck and a cell are one whole number: the cell times this plus the truck's number


@dataclass(frozen=True)
class Fleet:
    """Trucks counted by cell: `roads` driven fast, `places` where a standing truck raised its body."""

    roads: Mapping[Cell, int] = field(default_factory=dict)
    places: Mapping[Cell, int] = field(default_factory=dict)
    clocks_ms: Mapping[tuple[str, str], int] = field(default_factory=dict)  # what to add to a terminal's times
    mixed_clocks_ms: Mapping[tuple[str, str], int] = field(default_factory=dict)  # off at times; since when, as told
    arrival: bool = False  # whether the order of the rows tells what time it was
    otherwise: tuple[Otherwise, ...] = ()  # terminals whose fixes were read otherwise than told

    def on_road(self, lon: float, lat: float) -> bool | None:
        """Whether a place lies on a road that trucks drive fast; None where the fleet's roads are not known."""
        if not self.roads:
            return None
        return _around(self.roads, lon, lat, ON_ROAD_M) >= ROAD_PASSES

    def known_place(self, lon: float, lat: float) -> bool:
        """Whether several trucks raised their bodies hereabouts."""
        return _around(self.places, lon, lat, PLACE_M) >= PLACE_TRUCKS

    def to_json(self) -> str:
        """As text that `from_json` reads; equal knowledge gives equal text."""
        cells = {"roads": self.roads, "places": self.places}
        told: dict[str, list[Any]] = {name: sorted(counts.items()) for name, counts in cells.items()}
        told["clocks"] = [[*key, ms] for key, ms in sorted(self.clocks_ms.items())]
        if self.arrival:
            told["mixed_clocks"] = [[*key, ms] for key, ms in sorted(self.mixed_clocks_ms.items())]
        if self.otherwise:
            told["otherwise"] = [astuple(one) for one in self.otherwise]
        return json.dumps(told, ensure_ascii=False, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> Fleet:
        """What `to_json` wrote.

        Raises:
            ValueError: if the text is something else.
        """
        told = json.loads(text)
        try:
            roads, places = ({int(c): int(n) for c, n in told[name]} for name in ("roads", "places"))
            clocks = {(str(plate), str(terminal)): int(ms) for plate, terminal, ms in told["clocks"]}
            mixed = {(str(plate), str(terminal)): int(ms) for plate, terminal, ms in told.get("mixed_clocks", ())}
            otherwise = tuple(Otherwise(*one) for one in told.get("otherwise", ()))
        except (KeyError, TypeError, ValueError) as fault:
            raise ValueError(f"no knowledge of a fleet: {fault!r}") from fault
        return Fleet(roads, places, clocks, mixed, "mixed_clocks" in told, otherwise)


class Survey:
    """Gathers the fleet's knowledge from frames of fixes, in any order and cut.

    Clocks alone need the order of arrival: a terminal whose times are eight hours off those of the trucks heard right
    before and after is off by that much. Rows in another order tell nothing of clocks.
    """

    def __init__(self) -> None:
        self._clocks: list[pl.DataFrame] = []
        self._roads: list[pl.Series] = []
        self._raised: list[pl.DataFrame] = []
        self._rows = 0
        self._looked = self._beside = self._back = 0

    def watch(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The frames themselves; a thread looks at each while whoever takes it works on it."""
        with ThreadPoolExecutor(1, thread_name_prefix="survey") as beside:
            looking: Future[None] | None = None
            for frame in frames:
                if looking:
                    looking.result()
                looking = beside.submit(self.add, frame)
                yield frame
            if looking:
                looking.result()

    def add(self, fixes: pl.DataFrame) -> None:
        """Takes in fixes: `FIX_SCHEMA` or `CODED_SCHEMA`, any order."""
        plate, terminal = (fixes[name].cast(CODED_SCHEMA[name]).to_physical() for name in ("plate", "terminal"))
        truck, speed_kmh = plate.to_numpy(), fixes["speed_kmh"].to_numpy()  # no speed is NaN: neither fast nor standing
        valid, fast = fixes["valid"].to_numpy(), speed_kmh > FAST_KMH
        driven = pl.Series(_truck_cells(fixes, truck, np.flatnonzero(valid & fast)))
        self._roads.append(driven.unique())
        raised = np.flatnonzero(valid & fixes["lift"].fill_null(False).to_numpy())
        told = {"truck_cell": _truck_cells(fixes, truck, raised), "fast": fast[raised]}
        self._raised.append(
            pl.DataFrame({**told, "stood": speed_kmh[raised] < STANDING_KMH})
            .group_by("truck_cell")
            .agg(pl.len(), pl.col("fast").sum(), pl.col("stood").sum())
        )
        time_ms = fixes["time_ms"].to_numpy()
        clocks, beside = _off_by(time_ms, truck, terminal.to_numpy())
        self._clocks.append(clocks)
        # Rows sorted by time never step back, rows sorted by truck only once a truck.
        self._back += int(((time_ms[1:] < time_ms[:-1]) & (truck[1:] != truck[:-1])).sum())
        self._looked, self._beside = self._looked + len(time_ms), self._beside + beside
        self._rows += len(self._roads[-1])
        if self._rows > KEPT_ROWS:
            self._roads = [pl.concat(self._roads).unique()]
            self._rows = len(self._roads[0]) // 2

    def learnt(self) -> Fleet:
        """What was gathered so far."""
        if not self._roads:
            return Fleet()
        truck, cell = pl.col("truck_cell") % TRUCKS, pl.col("truck_cell") // TRUCKS
        roads = (pl.concat(self._roads).unique() // TRUCKS).alias("cell").value_counts().iter_rows()
        raised = pl.concat(self._raised).with_columns(truck=truck)
        share = raised.group_by("truck").agg(ill=pl.col("fast").sum() > LIFT_FAST_SHARE * pl.col("len").sum())
        well = raised.filter(pl.col("stood") > 0).join(share.filter(~pl.col("ill")), on="truck", how="semi")
        places = well.unique("truck_cell").select(cell=cell)["cell"].value_counts().iter_rows()
        arrival = self._back >= ARRIVAL_SHARE * self._looked and self._beside * CLOCK_THIN * 2 >= self._looked > 0
        return Fleet(dict(sorted(roads)), dict(sorted(places)), *self._wrong_clocks(), arrival)

    def _wrong_clocks(self) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
        """By terminal what must be added to its times, where most rows agree; and since when others are off at times.

        Who brings a backlog is off by all hours up to some, a clock by eight alone.
        """
        counts = (pl.col("rows", "ahead", "behind", "odd").sum(), pl.col("since").min())
        sums = pl.concat(self._clocks).group_by("plate", "terminal").agg(*counts)
        told = sums.with_columns(_names_of(sums[name], CODED_SCHEMA[name]) for name in ("plate", "terminal"))
        found, mixed = {}, {}
        columns = ("plate", "terminal", "rows", "ahead", "behind", "odd", "since")
        by_name = told.sort("plate", "terminal").select(columns)
        for plate, terminal, rows, ahead, behind, odd, since_ms in by_name.iter_rows():
            off = max(ahead, behind)
            if rows >= CLOCK_MIN and off >= CLOCK_SHARE * rows:
                found[plate, terminal] = -CLOCK_OFF_MS if ahead > behind else CLOCK_OFF_MS
            elif off >= CLOCK_MIN and off >= CLOCK_SHARE * odd:
                mixed[plate, terminal] = since_ms
        return found, mixed


def _truck_cells(fixes: pl.DataFrame, truck: Ints, rows: Ints) -> Ints:
    """Truck and cell of some rows in one whole number: far faster to count than text."""
    row, column = (np.floor(fixes[name].to_numpy()[rows] * CELLS_A_DEG).astype(np.int64) for name in ("lat", "lon"))
    return (row * ROW + column) * TRUCKS + truck[rows]


def _names_of(codes: pl.Series, dtype: pl.DataType) -> pl.Series:
    """What codes stand for, as text."""
    return codes.cat.to(dtype).cast(pl.String)


def _off_by(time_ms: Ints, plate: Ints, terminal: Ints) -> tuple[pl.DataFrame, int]:
    """By terminal: rows whose neighbours in order of arrival tell the time, and how many are hours ahead or behind.

    And how many such rows there are.
    """
    time_ms, plate, terminal = (column[::CLOCK_THIN] for column in (time_ms, plate, terminal))
    whole = len(time_ms) // CLOCK_ROWS * CLOCK_ROWS
    off_ms, of_many = np.empty(len(time_ms)), np.empty(len(time_ms), bool)
    for part, width in ((slice(0, whole), CLOCK_ROWS), (slice(whole, None), len(time_ms) - whole)):
        if part.start == len(time_ms) or not width:
            continue
        times, plates = time_ms[part].reshape(-1, width), np.sort(plate[part].reshape(-1, width), axis=1)
        off_ms[part] = (times - np.median(times, axis=1, keepdims=True)).ravel()
        of_many[part] = np.repeat((np.diff(plates, axis=1) != 0).sum(axis=1) + 1 >= CLOCK_PLATES, width)
    far_ms = np.abs(off_ms)
    near = np.abs(far_ms - CLOCK_OFF_MS) <= CLOCK_SLACK_MS
    told = {"plate": plate, "terminal": terminal, "ahead": near & (off_ms > 0), "behind": near & (off_ms < 0)}
    since_ms = np.where(near, time_ms, np.iinfo(np.int64).max)
    rows = pl.DataFrame({**told, "odd": far_ms > CLOCK_ODD_MS, "since": since_ms}).filter(of_many)
    counts = (pl.len().alias("rows"), pl.col("ahead", "behind", "odd").sum(), pl.col("since").min())
    return rows.group_by("plate", "terminal").agg(*counts), rows.height


def on_time(fixes: pl.DataFrame, fleet: Fleet) -> pl.DataFrame:
    """The fixes (sorted by plate and time) at the times they were truly sent, sorted again."""
    off = [(plate, terminal, ms) for (plate, terminal), ms in fleet.clocks_ms.items()]
    if not off:
        return fixes
    wrong = pl.DataFrame(off, schema={"plate": pl.String, "terminal": pl.String, "off_ms": pl.Int64}, orient="row")
    joined = fixes.join(wrong, on=["plate", "terminal"], how="left", maintain_order="left")
    if joined["off_ms"].null_count() == fixes.height:
        return fixes
    right = joined.with_columns(time_ms=pl.col("time_ms") + pl.col("off_ms").fill_null(0)).drop("off_ms")
    return right.sort("plate", "time_ms", "terminal", maintain_order=True)


def surveyed(fixes: pl.DataFrame) -> Fleet:
    """What one frame of the whole fleet's fixes (`FIX_SCHEMA`) tells."""
    survey = Survey()
    survey.add(fixes)
    return survey.learnt()


def _around(cells: Mapping[Cell, int], lon: float, lat: float, reach_m: float) -> int:
    """The counts of the cells whose middle is within reach, summed."""
    wide_m = M_PER_DEG * cos(radians(lat))
    rows, columns = ceil(reach_m / (M_PER_DEG * CELL_DEG)), ceil(reach_m / (wide_m * CELL_DEG))
    row, column = floor(lat / CELL_DEG), floor(lon / CELL_DEG)
    total = 0
    for i in range(row - rows, row + rows + 1):
        for j in range(column - columns, column + columns + 1):
            count = cells.get(i * ROW + j)
            if (
                count
                and hypot(((i + 0.5) * CELL_DEG - lat) * M_PER_DEG, ((j + 0.5) * CELL_DEG - lon) * wide_m) <= reach_m
            ):
                total += count
    return total
