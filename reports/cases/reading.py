"""What pages read of cases: one case, its history, all cases for the queue (board.py).

What is read for somebody carries his scope: districts of an officer, trucks of a company. Outside it nothing exists.
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
#: Groups of states that people work through: id -> condition on a frame of `all_cases`.
TABS = {
    "first": pl.col("state") == "flagged",
    "second": pl.col("state").is_in(["first_confirmed", "first_rejected"]),
    "notify": pl.col("state") == "confirmed",
    "notified": pl.col("state") == "notified",
    "appealed": pl.col("state") == "appealed",
    "doubt": pl.col("doubt_since_ms").is_not_null() | pl.col("stale"),
    "closed": pl.col("state").is_in(["rejected", "upheld", "overturned", "voided"]),
    "all": pl.col("case_id").is_not_null(),
}
#: A company learns of a case when it is notified.
VISIBLE_TO_COMPANY = ("notified", "appealed", "upheld", "overturned", "voided")
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


def all_cases(store: Store) -> pl.DataFrame:
    """Every case with what the queue shows of it; `weight` is points x confidence."""
    return store.query(f"SELECT {_COLUMNS} {_FROM}")


def case(store: Store, actor: Actor, case_id: str) -> dict[str, Any] | None:
    """One case with its violation's columns, evidence and facts; None outside the scope."""
    where, values = _scope(actor)
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


def _scope(actor: Actor) -> tuple[str, dict[str, Any]]:
    """The condition of what exists for who asks; values only ever as parameters."""
    if actor.role == "company":
        states = ", ".join(f"'{state}'" for state in VISIBLE_TO_COMPANY)
        return f"v.company_id = $own AND c.state IN ({states})", {"own": actor.company_id}
    if actor.districts:
        return "list_contains($districts, v.district_id)", {"districts": list(actor.districts)}
    return "true", {}
