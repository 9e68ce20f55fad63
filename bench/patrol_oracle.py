"""The most that a plan by the same rules could have met, had it known what was to come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise, product

import polars as pl

from reports.patrol.ground import Ground
from reports.patrol.outlook import DRIVE_MAX_S, Shift, midnight_ms
from reports.patrol.plan import LENGTH_MIN, STOPS, live_on, place_candidates
from reports.store import Store

#: Places tried at each stop: those that most violations pass then.
_TRIED = 6


def most_possible(store: Store, ground: Ground, days: Sequence[date], asked: int) -> int:
    """Violations met on the best dates, at the best hours and places, each date for itself."""
    policy = ground.registry.policy
    live = live_on(store, days, policy)
    none = pl.DataFrame(schema={"row": pl.Int64, "plate": pl.String, "loaded_at": pl.Datetime("us", "UTC")})
    places, passed = place_candidates(store, live, none.with_columns(ended_at="loaded_at"), ground)
    travel_s = ground.roads.travel_s(places.positions)
    found = passed.select("row", "place", "time_ms").to_numpy()
    first = -(-policy.day.spans_min[0][0] // 60)
    best: list[int] = []
    for day in days:
        minutes = (found[:, 2] - midnight_ms(day, policy)) / 60_000
        on_day = 0
        for hour in range(first, first + (1440 - LENGTH_MIN) // 60 + 1):
            shift = Shift(day, hour * 60, STOPS, LENGTH_MIN)
            there: list[dict[int, list[tuple[int, float]]]] = []
            for n in range(STOPS):
                start, end = shift.slot(n, moved=False)
                met: dict[int, list[tuple[int, float]]] = {}
                for i in ((minutes >= start) & (minutes < end)).nonzero()[0].tolist():
                    met.setdefault(int(found[i, 1]), []).append((int(found[i, 0]), float(minutes[i])))
                there.append(met)
            most = lambda met: sorted(met, key=lambda p: (-len({r for r, _ in met[p]}), p))[:_TRIED]
            tried = list(dict.fromkeys(place for met in there for place in most(met)))
            for stops in product(tried, repeat=STOPS):
                if all(travel_s[a, b] <= DRIVE_MAX_S for a, b in pairwise(stops)):
                    rows = set[int]()
                    for n, place in enumerate(stops):
                        begun = shift.slot(n, moved=n > 0 and stops[n - 1] != place)[0]
                        rows |= {row for row, minute in there[n].get(place, ()) if minute >= begun}
                    on_day = max(on_day, len(rows))
        best.append(on_day)
    return sum(sorted(best)[-asked:])
