"""The places that no registry tells of, as `places.csv`, and how well a run found them.

`python -m sample_tracks.hidden_places STORE` compares the view `suspected_sites` with it.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from sample_tracks.driver import World
from sample_tracks.fleet import Truck
from sample_tracks.plane import to_degrees, to_metres
from sample_tracks.timeline import Truth

PLACES_FILE = Path(__file__).parent / "places.csv"
NEAR_M = 150.0
#: What makes a place of single acts, as in the rules: so many trucks, or so many visits.
TRUCKS_MIN, VISITS_MIN = 2, 4
_KINDS = {"pit": "loading", "wild": "dumping", "meal": "resting"}
_IN_THE_DARK = "silence_dump"


@dataclass(frozen=True)
class HiddenPlace:
    """A true place; `kind` is `loading`, `dumping` or, innocent, `resting`. `visits` are those that fixes can show."""

    kind: str
    lon: float
    lat: float
    trucks: int
    visits: int
    note: str = ""

    @property
    def asked(self) -> bool:
        """Whether a run must find it."""
        return self.kind != "resting" and (self.trucks >= TRUCKS_MIN or self.visits >= VISITS_MIN)


@dataclass(frozen=True)
class PlaceScore:
    """Places asked for and found, and suspected places that are none."""

    asked: int
    found: int
    told: int
    false: int

    def __str__(self) -> str:
        recall = f"{self.found / self.asked:.3f}" if self.asked else "-"
        precision = f"{1 - self.false / self.told:.3f}" if self.told else "-"
        return f"places {self.asked}, found {self.found} (recall {recall}), told {self.told} (precision {precision})"


def visits_in(truth: Truth, truck: Truck, world: World) -> list[tuple[str, str]]:
    """(place, plate) of each load that the truck took on or left where no site was in force."""
    found = []
    for haul in truth.hauls:
        if world.city.places[haul.origin].kind in _KINDS:
            found.append((haul.origin, truck.plate))
        if haul.dumped_s < 0 or haul.act == _IN_THE_DARK:
            continue
        goal = world.city.places[haul.goal]
        if goal.kind in _KINDS or not world.fleet.open_at(goal.place_id, haul.dumped_s):
            found.append((haul.goal, truck.plate))
    return found


def hidden_places(world: World, visits: Sequence[tuple[str, str]]) -> list[HiddenPlace]:
    """Every unregistered place of the city, and the expired sites at which loads were left, with who came."""
    made = []
    for place in world.city.places.values():
        plates = [plate for where, plate in visits if where == place.place_id]
        if place.kind in _KINDS or plates:
            at = np.array(world.city.network.nodes[place.node])
            lon, lat = to_degrees(at, world.city.settings.centre_deg).round(6).tolist()
            kind = _KINDS.get(place.kind, "dumping")
            note = place.place_id if place.kind in _KINDS else f"{place.place_id}, no longer in force"
            made.append(HiddenPlace(kind, lon, lat, len(set(plates)), len(plates), note))
    return made


def write_places(places: Iterable[HiddenPlace], file: Path) -> None:
    """Writes places.csv."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(HiddenPlace.__dataclass_fields__)
        writer.writerows([p.kind, p.lon, p.lat, p.trucks, p.visits, p.note] for p in places)


def read_places(file: Path = PLACES_FILE) -> list[HiddenPlace]:
    """The rows of a places file."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [
            HiddenPlace(r["kind"], float(r["lon"]), float(r["lat"]), int(r["trucks"]), int(r["visits"]), r["note"])
            for r in csv.DictReader(lines)
        ]


def score_places(told: Iterable[tuple[str, float, float]], truth: Iterable[HiddenPlace]) -> PlaceScore:
    """Compares suspected places, as (kind, lon, lat), with the true ones: right is the kind, within 150 m.

    A true place that too few came to is not asked for, and telling of it is not wrong.
    """
    told, truth = list(told), list(truth)
    asked = [p for p in truth if p.asked]
    found = sum(any(_same(t, p) for t in told) for p in asked)
    return PlaceScore(len(asked), found, len(told), sum(not any(_same(t, p) for p in truth) for t in told))


def _same(told: tuple[str, float, float], place: HiddenPlace) -> bool:
    apart = to_metres(np.array([told[1:], (place.lon, place.lat)]), (place.lon, place.lat))
    return told[0] == place.kind and float(np.hypot(*(apart[0] - apart[1]))) <= NEAR_M


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m sample_tracks.hidden_places", description=__doc__.splitlines()[0])
    p.add_argument("store", type=Path)
    p.add_argument("--places", type=Path, default=PLACES_FILE, help="places.csv of the sample unless given")
    a = p.parse_args(argv)
    try:
        with duckdb.connect(str(a.store / "muckwatch.duckdb"), read_only=True) as con:
            told = con.execute("SELECT kind, lon, lat FROM suspected_sites ORDER BY suspect_id").fetchall()
        print(score_places(told, read_places(a.places)))
    except (OSError, duckdb.Error) as fault:
        print(f"hidden_places: {fault}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
