"""What pages read of cases: one case, its history, all cases for the queue (board.py).

What is read for somebody carries his scope: districts of an officer, trucks of a company. Outside it nothing exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from reports.cases.deciding import Actor, Standing
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

_ONE_COLUMNS = (
    "case_id", "rule", "plate", "company_id", "company", "district_id", "start_ms", "end_ms", "recorded_ms",
    "confidence", "points", "status", "revision", "facts_changed", "trip_id", "permit_no", "lon", "lat", "site_id",
    "scored_under", "rule_version", "evidence", "facts",
)  # fmt: skip
_NAME = "(SELECT name FROM kept.subjects s WHERE s.subject = 'company' AND s.subject_id = v.company_id)"
_ONE = (
    "SELECT "
    + ", ".join({"case_id": "violation_id", "company": f"coalesce({_NAME}, '')"}.get(c, c) for c in _ONE_COLUMNS)
    + " FROM kept.violations v WHERE violation_id = ?"
)
_LAST_COLUMNS = (
    "step", "state", "first_reviewer", "reviewers", "reason", "last_actor", "last_ms", "decided_facts", "party",
)  # fmt: skip
_EVENTS = (
    "SELECT step, to_state, first_reviewer, reviewers, reason, actor, at_ms, facts, company_id FROM kept.decisions "
    "WHERE case_id = ?"
)
_UNTOUCHED = (-1, "flagged", "", "", "", "", None, None, None)
_EVENT_COLUMNS = (
    "step", "action", "from_state", "to_state", "actor", "role", "reason", "note", "at_ms", "revision",
)  # fmt: skip
_DOUBT = (
    "SELECT min(since_ms) FROM kept.doubts b WHERE case_id = ? AND NOT EXISTS (SELECT 1 FROM kept.decisions d "
    "WHERE d.case_id = b.case_id AND d.action = 'stand' AND d.at_ms >= b.since_ms)"
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
    found = one(store, case_id)
    return found if found and in_scope(actor, found) else None


def one(store: Store, case_id: str) -> dict[str, Any] | None:
    """A case straight from the tables, whoever asks: what `all_cases` says of it and more; None if there is none.

    The view `cases` says the same of all; for one, planning that costs ten times as much.
    """
    found = store.rows(_ONE, [case_id])
    if not found:
        return None
    values = dict(zip(_ONE_COLUMNS, found[0], strict=True))
    last = max(store.rows(_EVENTS, [case_id]), default=_UNTOUCHED)  # to have them sorted costs more than to read them
    values |= dict(zip(_LAST_COLUMNS, last, strict=True))
    decided, facts = values["decided_facts"], values["facts"]
    values["stale"] = decided not in (None, facts) and values["status"] == "flagged" and values["state"] != "flagged"
    values["decided_facts"] = decided or facts
    values["doubt_since_ms"] = store.rows(_DOUBT, [case_id])[0][0] if values["facts_changed"] else None
    values["weight"] = values["points"] * values["confidence"]
    return values


def standing_of(found: Mapping[str, Any]) -> Standing:
    """Where a case stands that `case` has read."""
    said = {name: found[name] for name in Standing.__dataclass_fields__ if name in found}
    party = found["company_id"] if found["party"] is None else found["party"]
    return Standing(**{**said, "company_id": party or "", "district_id": found["district_id"] or ""})


def in_scope(actor: Actor, found: Mapping[str, Any]) -> bool:
    """Whether a case exists for who asks."""
    if actor.role == "company":
        return found["company_id"] == actor.company_id and found["state"] in VISIBLE_TO_COMPANY
    return not actor.districts or found["district_id"] in actor.districts


def violation_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """A case that `case` has read as the row of the view `violations`."""
    times = {"start_time": "start_ms", "end_time": "end_ms", "recorded_at": "recorded_ms"}
    instants = {name: datetime.fromtimestamp(found[ms] / 1000, UTC) for name, ms in times.items()}
    return {**found, "violation_id": found["case_id"], **instants}


def history(store: Store, case_id: str) -> list[dict[str, Any]]:
    """Every event of a case, in order, with the actor's name."""
    found = store.rows(f"SELECT {', '.join(_EVENT_COLUMNS)} FROM kept.decisions WHERE case_id = ?", [case_id])
    events = [dict(zip(_EVENT_COLUMNS, row, strict=True)) for row in sorted(found)]
    actors = sorted({event["actor"] for event in events})
    names = dict(store.rows("SELECT user_id, name FROM kept.users WHERE list_contains(?, user_id)", [actors]))
    return [{**event, "name": names.get(event["actor"], event["actor"])} for event in events]


def companies(store: Store) -> list[tuple[str, str]]:
    """Every company as (id, name), by name."""
    return store.rows("SELECT subject_id, name FROM kept.subjects WHERE subject = 'company' ORDER BY name, subject_id")


def disagreements(store: Store) -> int:
    """Violations whose status is not what their last event says; always 0, for both are written in one transaction."""
    return int(
        store.query(
            "SELECT count(*) FROM kept.violations v JOIN cases c ON c.case_id = v.violation_id "
            "JOIN kept.states s USING (state) WHERE s.status <> v.status AND c.step >= 0"
        ).item()
    )
