"""What pages read of cases: the queue as it is filtered, its counts, one case, its history, what a company sees.

Every query carries the scope of who asks: districts of an officer, trucks of a company. Outside it nothing exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from reports.cases.deciding import Actor
from reports.store import Store

PAGE_ROWS = 50
#: What an export holds at most.
EXPORT_ROWS = 100_000
DAY_MS = 86_400_000
#: Groups of states that people work through: id -> condition on `c` (the view `cases`).
TABS = {
    "first": "c.state = 'flagged'",
    "second": "c.state IN ('first_confirmed', 'first_rejected')",
    "notify": "c.state = 'confirmed'",
    "notified": "c.state = 'notified'",
    "appealed": "c.state = 'appealed'",
    "doubt": "(c.doubt_since_ms IS NOT NULL OR c.stale)",
    "closed": "c.state IN ('rejected', 'upheld', 'overturned', 'voided')",
    "all": "true",
}
_FROM = (
    "FROM kept.violations v JOIN cases c ON c.case_id = v.violation_id "
    "LEFT JOIN kept.subjects s ON s.subject = 'company' AND s.subject_id = v.company_id"
)
_COLUMNS = (
    "c.case_id, v.rule, v.plate, v.company_id, coalesce(s.name, '') AS company, v.district_id, v.start_ms, v.end_ms, "
    "v.recorded_ms, v.confidence, v.points, v.status, v.revision, v.facts_changed, c.state, c.step, c.first_reviewer, "
    "c.reason, c.last_ms, c.stale, c.doubt_since_ms, v.points * v.confidence AS weight"
)


@dataclass(frozen=True)
class Filter:
    """What of the queue is shown. Empty means any; `confidence` and `age_days` are lower ends."""

    tab: str = "all"
    rule: str = ""
    district: str = ""
    company: str = ""
    plate: str = ""
    confidence: float = 0.0
    age_days: int = 0


def queue(
    store: Store, actor: Actor, wanted: Filter, now_ms: int, page: int = 1, rows: int = PAGE_ROWS
) -> pl.DataFrame:
    """A page of the queue, gravest first (points x confidence), each truck's cases together.

    Returns:
        The columns of a case, with `plate_cases` (of the truck, as filtered) and `total`.
    """
    where, values = _where(actor, wanted, now_ms)
    return store.query(
        f"SELECT {_COLUMNS}, max(weight) OVER (PARTITION BY v.plate) AS plate_weight, "
        f"count(*) OVER (PARTITION BY v.plate) AS plate_cases, count(*) OVER () AS total {_FROM} WHERE {where} "
        "ORDER BY plate_weight DESC, v.plate, weight DESC, v.start_ms, c.case_id LIMIT $rows OFFSET $offset",
        {**values, "rows": rows, "offset": (page - 1) * rows},
    )


def counts(store: Store, actor: Actor) -> dict[str, int]:
    """How many cases wait in each tab, within the scope."""
    where, values = _where(actor, Filter(), 0)
    sums = ", ".join(f"count(*) FILTER ({condition}) AS {tab}" for tab, condition in TABS.items())
    return store.query(f"SELECT {sums} {_FROM} WHERE {where}", values).row(0, named=True)


def neighbours(store: Store, actor: Actor, wanted: Filter, now_ms: int, case_id: str) -> tuple[str, str]:
    """The cases before and after one in the queue as filtered; empty where there is none.

    A case that has left the filter (it was just decided) is followed by the first that remains.
    """
    where, values = _where(actor, wanted, now_ms)
    ordered = (
        "SELECT case_id, row_number() OVER (ORDER BY plate_weight DESC, plate, weight DESC, start_ms, case_id) AS n "
        f"FROM (SELECT {_COLUMNS}, max(weight) OVER (PARTITION BY v.plate) AS plate_weight {_FROM} WHERE {where})"
    )
    found = store.query(
        f"WITH o AS ({ordered}), me AS (SELECT coalesce(max(n), 0) AS n FROM o WHERE case_id = $me) "
        "SELECT max(o.case_id) FILTER (me.n > 0 AND o.n = me.n - 1), max(o.case_id) FILTER (o.n = me.n + 1) FROM o, me",
        {**values, "me": case_id},
    )
    before, after = found.row(0)
    return before or "", after or ""


def case(store: Store, actor: Actor, case_id: str) -> dict[str, Any] | None:
    """One case with its violation's columns, evidence and facts; None outside the scope."""
    where, values = _where(actor, Filter(), 0)
    found = store.query(
        f"SELECT {_COLUMNS}, c.reviewers, v.trip_id, v.permit_no, v.lon, v.lat, v.site_id, v.scored_under, "
        f"v.rule_version, v.evidence, v.facts {_FROM} WHERE {where} AND v.violation_id = $case_id",
        {**values, "case_id": case_id},
    )
    return found.row(0, named=True) if len(found) else None


def history(store: Store, case_id: str) -> list[dict[str, Any]]:
    """Every event of a case, in order, with the actor's name."""
    found = store.query(
        "SELECT d.step, d.action, d.from_state, d.to_state, d.actor, coalesce(u.name, d.actor) AS name, d.role, "
        "d.reason, d.note, d.at_ms, d.revision FROM kept.decisions d LEFT JOIN kept.users u ON u.user_id = d.actor "
        "WHERE d.case_id = ? ORDER BY d.step",
        [case_id],
    )
    return list(found.iter_rows(named=True))


def others_of_truck(store: Store, actor: Actor, plate: str, but: str) -> list[dict[str, Any]]:
    """The truck's other cases within the scope, the newest first, fifty at most."""
    where, values = _where(actor, Filter(), 0)
    found = store.query(
        f"SELECT {_COLUMNS} {_FROM} WHERE {where} AND v.plate = $truck AND v.violation_id <> $but "
        "ORDER BY v.start_ms DESC LIMIT 50",
        {**values, "truck": plate, "but": but},
    )
    return list(found.iter_rows(named=True))


def choices(store: Store) -> dict[str, list[tuple[str, str]]]:
    """What can be filtered by: companies as (id, name)."""
    found = store.query(
        "SELECT subject_id, name FROM kept.subjects WHERE subject = 'company' ORDER BY name, subject_id"
    )
    return {"companies": found.rows()}


def disagreements(store: Store) -> int:
    """Violations whose status is not what their last event says; always 0, for both are written in one transaction."""
    return int(
        store.query(
            "SELECT count(*) FROM kept.violations v JOIN cases c ON c.case_id = v.violation_id "
            "JOIN kept.states s USING (state) WHERE s.status <> v.status AND c.step >= 0"
        ).item()
    )


def _where(actor: Actor, wanted: Filter, now_ms: int) -> tuple[str, dict[str, Any]]:
    """The condition of a filter within the scope of who asks; values only ever as parameters."""
    parts = [f"({TABS.get(wanted.tab, 'true')})"]
    values: dict[str, Any] = {}
    if actor.role == "company":
        parts.append("v.company_id = $own AND c.state IN ('notified', 'appealed', 'upheld', 'overturned', 'voided')")
        values["own"] = actor.company_id
    elif actor.districts:
        parts.append("list_contains($districts, v.district_id)")
        values["districts"] = list(actor.districts)
    for name, column in (("rule", "v.rule"), ("district", "v.district_id"), ("company", "v.company_id")):
        if value := getattr(wanted, name):
            parts.append(f"{column} = ${name}")
            values[name] = value
    if wanted.plate:
        parts.append("contains(v.plate, $plate)")
        values["plate"] = wanted.plate.strip().upper()
    if wanted.confidence:
        parts.append("v.confidence >= $confidence")
        values["confidence"] = wanted.confidence
    if wanted.age_days:
        parts.append("v.recorded_ms <= $older")
        values["older"] = now_ms - wanted.age_days * DAY_MS
    return " AND ".join(parts), values
