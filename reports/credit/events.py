"""Score events: what a decision changes in the points, appended in the transaction of the decision.

A violation is told of from the moment it is confirmed. From then on every change of its status or of the points that it
carries is one more event; of one act only the gravest confirmed violation carries points (decision 0009), so a decision
about one may change what another carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from reports.credit.outbox import put_out
from reports.store import Store
from rules.findings import stable_id

#: Every violation of the act, what it carries now, and what was told of it last.
_OF_THE_ACT = """
WITH act AS (
    SELECT coalesce(nullif(scored_under, ''), violation_id) AS act FROM kept.violations WHERE violation_id = $1
), members AS (
    SELECT v.*, act.act FROM kept.violations v, act
    WHERE coalesce(nullif(v.scored_under, ''), v.violation_id) = act.act
), carriers AS (
    SELECT *, first_value(violation_id) OVER (
        PARTITION BY status = 'confirmed' ORDER BY points DESC, violation_id = act DESC, violation_id
    ) AS carrier FROM members
), told AS (
    SELECT violation_id, arg_max(status, seq) AS told_status, arg_max(points, seq) AS told_points, max(seq) AS told_seq
    FROM credit.events WHERE violation_id IN (SELECT violation_id FROM members) GROUP BY violation_id
)
SELECT c.violation_id, c.status, CASE WHEN c.status = 'confirmed' AND carrier = c.violation_id THEN points ELSE 0 END
    AS points, act, rule, rule_version, points AS rule_points, plate, company_id,
    (at_ms(start_ms) AT TIME ZONE (SELECT timezone FROM kept.settings))::DATE AS day,
    told_status, told_points, told_seq
FROM carriers c LEFT JOIN told USING (violation_id)
ORDER BY c.violation_id = $1 DESC, c.violation_id
"""
_COLUMNS = {
    "seq": pl.Int64(), "event_id": pl.String(), "op": pl.String(), "ref_seq": pl.Int64(), "at_ms": pl.Int64(),
    "violation_id": pl.String(), "status": pl.String(), "points": pl.Int32(), "delta": pl.Int32(),
    "act": pl.String(), "rule": pl.String(), "rule_version": pl.String(), "rule_points": pl.Int32(),
    "plate": pl.String(), "company_id": pl.String(), "day": pl.Date(),
}  # fmt: skip
#: An event as the API says it: every column, the two instants as text.
_NAMES = [*(name for name in _COLUMNS if name not in ("at_ms", "day")), "at", "date"]
_SAID = ", ".join(_NAMES[:-2]) + ", strftime(at_ms(at_ms), '%Y-%m-%dT%H:%M:%S.%g+00:00') AS at, day::VARCHAR AS date"
#: The kind of a webhook, by the status before and now.
_HOOKS = {
    ("", "confirmed"): "case.confirmed",
    ("appealed", "confirmed"): "case.upheld",
    ("confirmed", "appealed"): "case.appealed",
    ("confirmed", "overturned"): "case.voided",
    ("appealed", "overturned"): "case.voided",
}


@dataclass(frozen=True)
class Reckoning:
    """What counts as of a date, in three figures and a hash that a client can take of its own mirror."""

    last_seq: int
    count: int
    points: int
    sha256: str


def publish(store: Store, violation_id: str, *, at_ms: int) -> int:
    """Appends the score events and webhook deliveries that the violation's new status asks for; gives how many events.

    To be called in the transaction that changed `kept.violations.status`, after it; harmless when nothing changed.

    Args:
        store: the writer, in a transaction.
        violation_id: whose status was decided.
        at_ms: when, epoch ms.
    """
    rows: list[dict[str, Any]] = []
    seq = last_seq(store)
    for found in store.query(_OF_THE_ACT, [violation_id]).iter_rows(named=True):
        op = _op(found)
        if op:
            rows.append(_event(found, op, seq + len(rows) + 1, at_ms))
            kind = _HOOKS.get((found["told_status"] or "", found["status"]))
            if kind:
                put_out(store, kind, rows[-1], at_ms)
    if rows:
        store.append("credit.events", pl.DataFrame(rows, schema=_COLUMNS))
    return len(rows)


def last_seq(store: Store) -> int:
    """The number of the newest event; 0 before the first."""
    return int(store.rows("SELECT coalesce(max(seq), 0) FROM credit.events")[0][0])


def events_after(store: Store, seq: int, limit: int) -> list[dict[str, Any]]:
    """The next events, the oldest first, in the names of the API; `at` is an instant and `date` a date, as text."""
    found = store.rows(f"SELECT {_SAID} FROM credit.events WHERE seq > ? ORDER BY seq LIMIT ?", [seq, limit])
    return [dict(zip(_NAMES, row, strict=True)) for row in found]


def event_id_at(store: Store, seq: int) -> str:
    """The id of the event of that number; empty if there is none."""
    found = store.rows("SELECT event_id FROM credit.events WHERE seq = ?", [seq])
    return str(found[0][0]) if found else ""


def reckoning(store: Store, day: date, up_to_seq: int) -> Reckoning:
    """What counts of violations up to and on a local date, after the events up to a number.

    The hash is the SHA-256 of one line for each confirmed violation, its id, a space, the points that it carries and a
    line feed, in the order of the ids.
    """
    row = store.query(
        "WITH now AS (SELECT violation_id, arg_max(status, seq) AS status, arg_max(points, seq) AS points, "
        "any_value(day) AS day FROM credit.events WHERE seq <= $2 GROUP BY violation_id) "
        "SELECT count(*), coalesce(sum(points), 0)::BIGINT, "
        "sha256(coalesce(string_agg(violation_id || ' ' || points || chr(10), '' ORDER BY violation_id), '')) "
        "FROM now WHERE status = 'confirmed' AND day <= $1",
        [day, up_to_seq],
    ).row(0)
    return Reckoning(min(up_to_seq, last_seq(store)), *row)


def _op(found: Mapping[str, Any]) -> str:
    """What kind of event a violation needs, if any."""
    before, now = found["told_status"], found["status"]
    if (before, found["told_points"]) == (now, found["points"]) or (before is None and now != "confirmed"):
        return ""
    if now == "confirmed" and before != "confirmed":
        return "add"
    return "revoke" if before == "confirmed" and now != "confirmed" else "adjust"


def _event(found: Mapping[str, Any], op: str, seq: int, at_ms: int) -> dict[str, Any]:
    same = {name: found[name] for name in _COLUMNS if name in found}
    event_id = stable_id("score event", found["violation_id"], str(seq), str(at_ms))
    delta = found["points"] - (found["told_points"] or 0)
    return {
        **same,
        "seq": seq,
        "event_id": event_id,
        "op": op,
        "ref_seq": found["told_seq"],
        "at_ms": at_ms,
        "delta": delta,
    }
