"""The fleet of the invented city: companies, trucks with their terminals and sensors, permits and the whitelist."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sample_tracks.city import City
from sample_tracks.clock import Clock, Spans
from sample_tracks.grown import drawn_line
from sample_tracks.plane import Floats, stream
from sample_tracks.roads import Path
from sample_tracks.style import PLAIN, Style

COMPANIES = {
    "NZ": "宁泽渣土运输有限公司",
    "JK": "江堃土石方工程有限公司",
    "QY": "栖越建筑垃圾清运有限公司",
    "MA": "秣安渣土运输有限公司",
}

#: What the truck carries: sensors of load, lift and cover, and how large a share of the fleet has them.
OUTFITS = {
    "full": (("load", "lift", "cover"), 0.46),
    "load": (("load",), 0.15),
    "lift": (("lift",), 0.15),
    "none": ((), 0.24),
}

#: Ways in which a sensor is ill, and which sensor it must be.
ILLNESSES = {"load_stuck_full": "load", "lift_flicker": "lift", "lift_stuck_up": "lift", "load_stuck_empty": "load"}


@dataclass
class Permit:
    """A permit as the simulation needs it; `until_day` is its last day, counted from the first Monday."""

    permit_no: str
    company_id: str
    origin: str
    disposals: tuple[str, ...]
    plates: tuple[str, ...]
    hours: str
    until_day: int | None = None
    corridor_m: float | None = None
    depot: str | None = None  # a second route leads by this depot
    routes: list[Path] = field(default_factory=list)
    lines: list[Floats] = field(default_factory=list)  # the routes as they are drawn, metres

    def holds(self, second: float) -> bool:
        """Whether it is in force at a second of the simulation."""
        return self.until_day is None or second < (self.until_day + 1) * 86_400


@dataclass
class Truck:
    """One truck: who it belongs to, what it carries, how its terminal lies, and how it behaves."""

    plate: str
    terminal: str
    company_id: str
    kind: str
    depot: str
    sensors: tuple[str, ...]
    ill: str = ""
    told_datum: str = "wgs84"
    true_datum: str = "wgs84"
    interval_s: float = 15.0
    whitelist: tuple[str, int | None] | None = None  # hours by day, last day in force
    second_terminal: str = ""
    mischief: float = 1.0
    clone_of: int | None = None
    omits: tuple[str, ...] = ()  # fields that its terminal never tells
    by_events: bool = False  # reports by what happens rather than by the clock

    def works(self, sensor: str) -> bool:
        """Whether the truck has the sensor and it is well."""
        return sensor in self.sensors and ILLNESSES.get(self.ill) != sensor


@dataclass
class Fleet:
    """Trucks and permits, and the last day on which each disposal site may take muck."""

    trucks: list[Truck]
    permits: list[Permit]
    closes: dict[str, int]

    def permits_of(self, truck: Truck, origin: str | None = None) -> list[Permit]:
        """Permits that name the truck, or name nobody and are its company's."""
        return [
            p
            for p in self.permits
            if (truck.plate in p.plates or (not p.plates and p.company_id == truck.company_id))
            and origin in (None, p.origin)
        ]

    def open_at(self, site_id: str, second: float) -> bool:
        """Whether a disposal site is in force at a second."""
        return second < (self.closes.get(site_id, 10_000) + 1) * 86_400


@dataclass(frozen=True)
class Knobs:
    """What accuracy work turns: how terminals and sensors are."""

    trucks: int = 28
    interval_s: float | None = None  # None: a mix of 10, 15, 20 and 30
    ill_share: float = 0.12
    datum_liars: int = 2
    outfit: str | None = None  # None: a mix by OUTFITS
    noise: str = "urban"
    silence_rate: float | None = None
    reflection_rate: float | None = None
    other_datums: int = 2
    style: Style = PLAIN


def build_fleet(city: City, clock: Clock, seed: int, knobs: Knobs) -> Fleet:
    """Draws trucks and permits. What ends, ends on the Wednesday of the last week."""
    rng = stream(seed, "fleet")
    trucks = _trucks(rng, knobs, clock)
    last = clock.days - 7 + 2
    permits = _permits(trucks, clock.monday.year, last)
    for permit in permits:
        permit.routes = _routes(city, permit)
        permit.lines = [city.network.line_of(way) for way in permit.routes]
        if city.style.grown:
            corridor_m = permit.corridor_m or city.settings.corridor_m
            draw = stream(seed, "clerk", permit.permit_no)
            permit.lines = [drawn_line(line, corridor_m, draw) for line in permit.lines]
    if city.style.grown:
        _vary_terminals(trucks, stream(seed, "terminals"), knobs)
    return Fleet(trucks, permits, {"DIS04": last})


def whitelist_spans(truck: Truck, clock: Clock) -> Spans:
    """When the truck may drive by day."""
    if truck.whitelist is None:
        return []
    hours, until_day = truck.whitelist
    end = clock.end_s if until_day is None else (until_day + 1) * 86_400
    return [(a, min(b, end)) for a, b in clock.daily(hours) if a < end]


def _plate(rng: np.random.Generator, taken: set[str], electric: bool) -> str:
    while True:
        plate = ("苏AD" if electric else "苏A") + "".join(map(str, rng.integers(0, 10, 5)))
        if not electric and rng.random() < 0.3:
            plate = plate[:3] + str(rng.choice(list("BCEFGHJK"))) + plate[4:]
        if plate not in taken:
            taken.add(plate)
            return plate


def _trucks(rng: np.random.Generator, knobs: Knobs, clock: Clock) -> list[Truck]:
    names, shares = list(OUTFITS), np.array([share for _, share in OUTFITS.values()])
    ids = list(COMPANIES)
    taken: set[str] = set()
    trucks = []
    for i in range(knobs.trucks):
        # dealt out evenly, then shuffled by the plate's randomness: a small fleet must hold every outfit
        outfit = knobs.outfit or names[int(np.searchsorted(np.cumsum(shares), ((i * 0.618) % 1) * shares.sum()))]
        kind = "new_type" if i % 5 in (0, 2, 3) else "ordinary"
        interval = knobs.interval_s or float(rng.choice([15, 20, 20, 30]))
        plate = _plate(rng, taken, kind == "new_type" and rng.random() < 0.4)
        if i == knobs.trucks - 2:
            plate = "皖E7" + plate[-4:]
        terminal = "0139" + "".join(map(str, rng.integers(0, 10, 8)))
        company = ids[i % 4]
        trucks.append(
            Truck(plate, terminal, company, kind, f"DEP0{i % 4 + 1}", OUTFITS[outfit][0], interval_s=interval)
        )
        trucks[-1].mischief = float(rng.gamma(1.2, 0.8) + 0.15) * (1.7 if company == "QY" else 1.0)
    _whitelist(trucks, clock)
    _ail(trucks, rng, knobs)
    return trucks


def _whitelist(trucks: list[Truck], clock: Clock) -> None:
    """Every other new-type truck may drive by day; one entry lapses before the last week."""
    new = [t for t in trucks if t.kind == "new_type"]
    for i, truck in enumerate(new[::2]):
        lapses = clock.days - 7 - 1 if i == 2 else None
        truck.whitelist = ("09:00-16:30" if i % 2 else "09:30-11:30;13:00-16:30", lapses)


def _ail(trucks: list[Truck], rng: np.random.Generator, knobs: Knobs) -> None:
    """Makes some sensors ill, some terminals lie about the datum, and gives one cab two devices."""
    order = [int(i) for i in rng.permutation(len(trucks))]
    kinds = list(ILLNESSES)
    due = round(knobs.ill_share * len(trucks))
    for number in order:
        fitting = [k for k in kinds if ILLNESSES[k] in trucks[number].sensors]
        if due and fitting:
            trucks[number].ill = fitting[0]
            kinds = kinds[kinds.index(fitting[0]) + 1 :] + kinds[: kinds.index(fitting[0]) + 1]
            due -= 1
    well = [trucks[i] for i in order if not trucks[i].ill]
    for truck in well[: knobs.datum_liars]:
        truck.true_datum = "gcj02"
    for i, truck in enumerate(well[knobs.datum_liars : knobs.datum_liars + knobs.other_datums]):
        truck.true_datum = truck.told_datum = ("gcj02", "bd09")[i % 2]
    well[-1].second_terminal = "0138" + "".join(map(str, rng.integers(0, 10, 8)))


def _vary_terminals(trucks: list[Truck], rng: np.random.Generator, knobs: Knobs) -> None:
    """Some terminals leave fields out; some report by turns, metres and changes, and seldom while standing."""
    for truck in trucks:
        truck.omits = ((), (), ("speed_kmh",), ("acc",), ("heading_deg",), ("speed_kmh", "heading_deg"))[
            int(rng.integers(6))
        ]
        truck.by_events = knobs.interval_s is None and rng.random() < 0.4


def _permits(trucks: list[Truck], year: int, last: int) -> list[Permit]:
    """Several permits per origin; one for all of a company's trucks; one that ends in the middle of the last week."""
    of = {c: [t.plate for t in trucks if t.company_id == c] for c in COMPANIES}

    def some(company: str, start: int, stop: int) -> tuple[str, ...]:
        return tuple(of[company][start:stop])

    return [
        Permit(f"宁处核{year}-0311", "NZ", "CON01", ("DIS01", "BNK01"), some("NZ", 0, 5), "20:30-05:30"),
        Permit(f"宁处核{year}-0312", "NZ", "CON01", ("DIS02",), (), "21:00-00:30;01:30-05:00", corridor_m=60.0),
        Permit(f"宁处核{year}-0327", "NZ", "CON02", ("DIS01",), some("NZ", 3, 8), "22:00-05:30"),
        Permit(f"宁处核{year}-0340", "JK", "CON03", ("DIS02", "DIS03"), (), "21:00-05:30", depot="DEP02"),
        Permit(f"宁处核{year}-0341", "JK", "CON03", ("BNK01",), some("JK", 0, 3), "20:00-06:00"),
        Permit(
            f"宁处核{year}-0355", "QY", "CON04", ("DIS03", "DIS04"), some("QY", 0, 6), "21:30-05:30", corridor_m=40.0
        ),
        Permit(f"宁处核{year}-0356", "QY", "CON05", ("DIS01",), some("QY", 0, 4), "20:30-05:30", until_day=last),
        Permit(f"宁处核{year}-0357", "QY", "CON04", ("DIS03",), (), "22:00-05:00"),
        Permit(f"宁处核{year}-0368", "MA", "CON06", ("BNK01", "DIS02"), (), "21:00-05:30"),
        Permit(f"宁处核{year}-0369", "MA", "CON05", ("DIS03",), some("MA", 1, 6), "20:00-00:00;01:00-05:30"),
        Permit(f"宁处核{year}-0370", "MA", "CON05", ("DIS04",), some("MA", 0, 3), "20:30-05:30"),
    ]


def _routes(city: City, permit: Permit) -> list[Path]:
    origin = city.places[permit.origin]
    ways = [city.route(origin, city.places[d]) for d in permit.disposals]
    if permit.depot:
        depot = city.places[permit.depot]
        ways += [city.route(origin, depot) + city.route(depot, city.places[permit.disposals[0]])]
    return ways
