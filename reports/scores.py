"""Violation scores per vehicle and company, and the violations behind every point.

The rule itself is the macro `score_lines_as_of` in `schema.sql`: within the policy's `score_days` up to the date asked
for, confirmed violations count; of one act only the gravest; flagged ones are shown apart as provisional. A score is a
function of the store and the date, never of the clock.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import polars as pl

from reports.errors import StoreUnusable
from reports.store import Store

SUBJECTS = ("vehicle", "company")
_COLUMNS = "subject, subject_id, as_of, points, grade, violations, provisional_points, provisional_violations, name"


def latest_date(store: Store) -> date | None:
    """The local date of the last fix recorded, as of which scores are given when no date is asked for."""
    day = store.query("FROM latest_date").item()
    assert day is None or isinstance(day, date)
    return day


def scores(store: Store, as_of: date | None = None) -> pl.DataFrame:
    """Scores of every vehicle and company of the registry, also those without a point, the most points first.

    Args:
        store: an open store.
        as_of: local date up to and with which violations count; None is the latest recorded date.

    Returns:
        `subject` (`vehicle` or `company`), `subject_id`, `as_of`, `points`, `grade`, `violations` (confirmed),
        `provisional_points`, `provisional_violations` (flagged), `name`.
    """
    day = as_of or latest_date(store)
    return store.query(
        f"SELECT {_COLUMNS} FROM scores_as_of($1::DATE) WHERE as_of IS NOT NULL "
        "ORDER BY subject, points DESC, provisional_points DESC, subject_id",
        [day],
    )


def score_lines(store: Store, subject: str, subject_id: str, as_of: date | None = None) -> pl.DataFrame:
    """Every violation of one vehicle or company, with what it adds to the score and why, by start.

    Returns:
        `violation_id`, `rule`, `plate`, `company_id`, `start_time`, `end_time`, `points` (what the rule carries),
        `status`, `counted` (its points are in the score), `provisional` (they would be), `why`.

    Raises:
        StoreUnusable: if `subject` is none of `SUBJECTS`.
    """
    if subject not in SUBJECTS:
        raise StoreUnusable(f"{subject!r} has no score; allowed: {', '.join(SUBJECTS)}")
    column = {"vehicle": "plate", "company": "company_id"}[subject]
    return store.query(
        "SELECT violation_id, rule, plate, company_id, at_ms(start_ms) AS start_time, at_ms(end_ms) AS end_time, "
        "points, status, counted, provisional, why "
        f"FROM score_lines_as_of($1::DATE) WHERE {column} = $2 ORDER BY start_ms, violation_id",
        [as_of or latest_date(store), subject_id],
    )


def scores_json(store: Store, as_of: date | None = None) -> str:
    """The scores as the credit system gets them: a JSON array, each with the violations that its points come from."""
    found = scores(store, as_of)
    day = as_of or latest_date(store)
    lines = store.query(
        "SELECT violation_id, rule, plate, company_id, points, status, counted, provisional "
        "FROM score_lines_as_of($1::DATE) WHERE counted OR provisional ORDER BY start_ms, violation_id",
        [day],
    )
    behind: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in lines.iter_rows(named=True):
        shown = {name: line[name] for name in ("violation_id", "rule", "plate", "points", "status", "counted")}
        behind.setdefault(("vehicle", line["plate"]), []).append(shown)
        if line["company_id"] is not None:
            behind.setdefault(("company", line["company_id"]), []).append(shown)
    rows = [
        {**row, "as_of": row["as_of"].isoformat(), "lines": behind.get((row["subject"], row["subject_id"]), [])}
        for row in found.iter_rows(named=True)
    ]
    return json.dumps(rows, ensure_ascii=False, indent=1)


def scores_table(frame: pl.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Scores as headings and rows of text, for a terminal."""
    headings = ["subject", "id", "name", "grade", "points", "confirmed", "provisional points", "flagged"]
    names = ["subject", "subject_id", "name", "grade", "points", "violations"]
    names += ["provisional_points", "provisional_violations"]
    return headings, [["" if v is None else str(v) for v in row] for row in frame.select(names).iter_rows()]
