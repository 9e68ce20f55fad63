"""What a weekly report is made from: frames of fixed columns, whoever fills them, cut by operating week and joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from reports.calendar import Week
from reports.inspections import InspectionRecord
from reports.names import OUTCOME_OF_STATUS
from reports.week.suspects import SUSPECTS
from rules.registry.model import Registry

VIOLATIONS: dict[str, pl.DataType] = {
    "violation_id": pl.String(),
    "rule": pl.String(),
    "plate": pl.String(),
    "company_id": pl.String(),
    "permit_no": pl.String(),
    "trip_id": pl.String(),
    "start_ms": pl.Int64(),
    "end_ms": pl.Int64(),
    "lon": pl.Float64(),
    "lat": pl.Float64(),
    "district_id": pl.String(),
    "site_id": pl.String(),
    "confidence": pl.Float64(),
    "points": pl.Int64(),
    "scored_under": pl.String(),
    "status": pl.String(),
    "rule_version": pl.String(),
}
TRIPS: dict[str, pl.DataType] = {
    "trip_id": pl.String(),
    "plate": pl.String(),
    "permit_no": pl.String(),
    "origin_site": pl.String(),
    "disposal_site": pl.String(),
    "loaded_ms": pl.Int64(),
    "dumped_ms": pl.Int64(),
    "distance_m": pl.Float64(),
}
#: One row a truck and operating date. `slots` counts the spans of `slot_s` that hold a fix, `slots_due` those from the
#: first fix of the date to the last, `day_slots` those by day in which the truck moved.
TRACKS: dict[str, pl.DataType] = {
    "day": pl.Date(),
    "plate": pl.String(),
    "fixes": pl.Int64(),
    "slots": pl.Int64(),
    "slots_due": pl.Int64(),
    "day_slots": pl.Int64(),
}
HEALTH: dict[str, pl.DataType] = {
    "plate": pl.String(),
    "terminal": pl.String(),
    "first_ms": pl.Int64(),
    "last_ms": pl.Int64(),
    "fixes": pl.Int64(),
    "completeness": pl.Float64(),
    "datum_found": pl.String(),
    "faults": pl.String(),
}
REJECTED: dict[str, pl.DataType] = {
    "reason": pl.String(),
    "count": pl.Int64(),
    "first_ms": pl.Int64(),
    "last_ms": pl.Int64(),
    "example": pl.String(),
}
TAGGED: dict[str, pl.DataType] = {
    "tag": pl.String(),
    "fixes": pl.Int64(),
    "terminals": pl.Int64(),
    "first_ms": pl.Int64(),
    "last_ms": pl.Int64(),
}

#: A store whose first fix is this late in a week lacks part of it; trucks that rest over a day off are no lack.
_LATE_START_MS = 86_400_000


def _empty(schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True)
class WeekInput:
    """Everything read for one report.

    `violations` and `trips` span the four weeks before and the week; `tracks` the week before and the week.
    `trips_of_clues` are the trips that the violations name, whenever they began. `health` is of the runs that touch the
    week; `heard_ms` tells when a truck was last heard by a run that ended before it. `first_ms` and `cutoff_ms` are the
    first and last fix of the store.
    """

    week: Week
    registry: Registry
    violations: pl.DataFrame = field(default_factory=lambda: _empty(VIOLATIONS))
    trips: pl.DataFrame = field(default_factory=lambda: _empty(TRIPS))
    trips_of_clues: pl.DataFrame = field(default_factory=lambda: _empty(TRIPS))
    tracks: pl.DataFrame = field(default_factory=lambda: _empty(TRACKS))
    health: pl.DataFrame = field(default_factory=lambda: _empty(HEALTH))
    rejected: pl.DataFrame = field(default_factory=lambda: _empty(REJECTED))
    tagged: pl.DataFrame = field(default_factory=lambda: _empty(TAGGED))
    suspects: pl.DataFrame = field(default_factory=lambda: _empty(SUSPECTS))
    heard_ms: Mapping[str, int] = field(default_factory=dict)
    inspections: Sequence[InspectionRecord] = ()
    repeats: int = 0
    first_ms: int | None = None
    cutoff_ms: int | None = None

    def whole(self, week: Week) -> bool:
        """Whether the store had begun when the week began: one that began days later is no yardstick."""
        start_ms, _ = week.span_ms(self.registry.policy)
        return self.first_ms is None or self.first_ms <= start_ms + _LATE_START_MS

    def cut(self, week: Week) -> WeekCut:
        """The part that belongs to one of the weeks read, with names and outcomes joined."""
        start_ms, end_ms = week.span_ms(self.registry.policy)
        return WeekCut(
            week=week,
            clues=self._with_outcomes(
                self.violations.filter(pl.col("start_ms").is_between(start_ms, end_ms, closed="left"))
            ),
            trips=self._with_company(
                self.trips.filter(pl.col("loaded_ms").is_between(start_ms, end_ms, closed="left")).with_columns(
                    company_id=_NO_COMPANY
                )
            ),
            tracks=self.tracks.filter(pl.col("day").is_between(week.monday, week.sunday)),
        )

    def _with_outcomes(self, violations: pl.DataFrame) -> pl.DataFrame:
        """Adds `outcome`, `live`, `scored`, `origin_site`, `to_site`; a company that the row lacks is the registry's.

        One act is scored once: `scored` is 0 but for the gravest live clue of the act.
        """
        of_trip = self.trips_of_clues.unique("trip_id", keep="first", maintain_order=True)
        of_trip = of_trip.select("trip_id", "origin_site", to_site="disposal_site", trip_found=True)
        outcome = pl.col("status").replace_strict(OUTCOME_OF_STATUS, default="open", return_dtype=pl.String)
        joined = violations.join(of_trip, on="trip_id", how="left").with_columns(outcome=outcome)
        joined = joined.with_columns(
            live=pl.col("outcome") != "dismissed", trip_found=pl.col("trip_found").fill_null(False)
        )
        act = pl.coalesce(pl.col("scored_under").replace("", None), pl.col("violation_id"))
        joined = joined.with_columns(act=act).sort(
            "live", "points", pl.col("act") == pl.col("violation_id"), "violation_id"
        )
        joined = joined.with_columns(
            scored=pl.when(pl.col("live") & pl.col("act").is_last_distinct()).then("points").otherwise(0)
        )
        return self._with_company(joined).sort("start_ms", "plate", "rule", "violation_id")

    def _with_company(self, rows: pl.DataFrame) -> pl.DataFrame:
        known = {v.plate: v.company_id for v in self.registry.vehicles}
        found = pl.col("plate").replace_strict(known, default=None, return_dtype=pl.String)
        return rows.with_columns(company_id=pl.coalesce(pl.col("company_id").replace("", None), found))


_NO_COMPANY = pl.lit(None, dtype=pl.String)


@dataclass(frozen=True)
class WeekCut:
    """One week's rows: `clues` are all violations, `live` those that no reviewer dismissed."""

    week: Week
    clues: pl.DataFrame
    trips: pl.DataFrame
    tracks: pl.DataFrame

    @property
    def live(self) -> pl.DataFrame:
        """Violations that stand."""
        return self.clues.filter(pl.col("live"))

    @property
    def has_data(self) -> bool:
        """Whether anything at all is known of the week."""
        return bool(self.clues.height or self.trips.height or self.tracks.height)
