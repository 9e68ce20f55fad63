"""What the command line says of a run and of a store: headings and rows of plain values, without any printing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from ingest.tally import REASONS
from reports import queries
from reports.calendar import Week, week_at
from reports.errors import StoreUnusable
from reports.scores import SUBJECTS, score_lines
from reports.store import Store

if TYPE_CHECKING:
    from reports.run import RunSummary

#: Headings, and rows of as many values.
Said = tuple[Sequence[str], Sequence[Sequence[Any]]]


def weeks_of(store: Store) -> list[Week]:
    """Every week that the store has tracks of, the earliest first.

    Raises:
        StoreUnusable: if nothing has been recorded yet.
    """
    span_ms = queries.span_ms(store)
    if span_ms is None:
        raise StoreUnusable(f"{store.path}: no fix has been recorded yet")
    policy = queries.registry_of(store).policy
    weeks = [week_at(span_ms[1], policy)]
    while weeks[0] > week_at(span_ms[0], policy):
        weeks.insert(0, weeks[0].back())
    return weeks


def balance(summary: RunSummary) -> Said:
    """Where every fix went (received is judged, repeated and set aside), and what was odd about how many."""
    reasons = sorted(summary.rejected.items(), key=lambda item: (-item[1], item[0]))
    rows = [
        ("received", summary.received),
        ("judged", summary.usable),
        ("repeated", summary.repeated),
        ("set aside", sum(summary.rejected.values())),
        *((f"  {reason}", count) for reason, count in reasons),
        *((f"judged without their {name}", each.count) for name, each in summary.tally.ignored_values.items()),
        *((f"tagged {tag}", fixes) for tag, fixes in summary.tagged.items()),
    ]
    return ("fixes", ""), rows


def set_aside(summary: RunSummary) -> list[str]:
    """Why fixes were set aside, what is allowed, and the first row of each kind; a line a reason."""
    rejected = sorted(summary.tally.rejected.items())
    return [f"set aside: {REASONS[reason]} ({r.count:,}), first {r.example}" for reason, r in rejected]


def found(summary: RunSummary) -> list[str]:
    """What a run did and found, in two lines."""
    rules = ", ".join(f"{rule} {count:,}" for rule, count in summary.violations.items() if count)
    return [
        f"{summary.received:,} fixes in {summary.seconds:.1f} s ({summary.fixes_per_s:,.0f} a second)",
        f"{summary.trips:,} trips, {sum(summary.violations.values()):,} violations flagged: {rules or 'none'}",
    ]


def explained(store: Store, subject_id: str, as_of: date | None) -> Said:
    """Every violation of a plate or a company, and whether and why its points are in the score.

    Raises:
        StoreUnusable: if there is none.
    """
    columns = ("violation_id", "start_time", "rule", "plate", "status", "points", "why")
    for subject in SUBJECTS:
        lines = score_lines(store, subject, subject_id, as_of)
        if len(lines):
            return columns, list(lines.select(columns).iter_rows())
    raise StoreUnusable(f"{store.path}: no violation of a plate or a company {subject_id!r}")
