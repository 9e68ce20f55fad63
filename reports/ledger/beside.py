"""Findings and decisions in the store beside what the log says of them: a row changed behind the log's back shows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from reports import frames
from reports.store import Store

ROWS_AT_ONCE = 20_000

#: The last word of the log on each violation: `facts` as found (empty: not found any more), `status` as decided.
_LAST_WORDS = """
WITH found AS (
    SELECT subject, arg_max(json_extract_string(body, '$.payload.facts'), idx) AS facts
    FROM ledger.entries WHERE kind = 'finding' AND json_extract_string(body, '$.payload.op') <> 'in_doubt'
    GROUP BY subject
), decided AS (
    SELECT subject, arg_max(json_extract_string(body, '$.payload.status'), idx) AS status
    FROM ledger.entries WHERE kind = 'decision' GROUP BY subject
)
SELECT coalesce(v.violation_id, f.subject) AS id, v.violation_id IS NULL AS missing, v.facts, v.status,
    f.facts AS logged_facts, coalesce(d.status, 'flagged') AS logged_status
FROM kept.violations v FULL JOIN found f ON f.subject = v.violation_id
LEFT JOIN decided d ON d.subject = coalesce(v.violation_id, f.subject)
"""


def beside_faults(store: Store) -> list[str]:
    """Every violation that the store has otherwise than the log, in words."""
    return [*_contradicted(store), *_altered(store)]


def _contradicted(store: Store) -> Iterator[str]:
    """Rows whose own digest or status is not the log's last word."""
    for row in store.query(f"{_LAST_WORDS} ORDER BY id").iter_rows(named=True):
        if row["missing"]:
            if row["logged_facts"]:
                yield f"violation {row['id']}: in the log, but missing from the store"
        elif row["logged_facts"] is None:
            yield f"violation {row['id']}: not in the log"
        elif row["logged_facts"] != row["facts"]:
            yield f"violation {row['id']}: not as it was found"
        elif row["status"] != row["logged_status"]:
            yield f"violation {row['id']}: {row['status']} in the store, {row['logged_status']} in the log"


def _altered(store: Store) -> Iterator[str]:
    """Rows whose digest is not that of what stands in them."""
    columns = ", ".join(c for c in frames.SCHEMAS["violations"] if c != "evidence")
    for batch in store.batches(
        f"SELECT {columns}, evidence::VARCHAR AS evidence FROM kept.violations ORDER BY violation_id", ROWS_AT_ONCE
    ):
        for row in batch.iter_rows(named=True):
            if facts_of(row) != row["facts"]:
                yield f"violation {row['violation_id']}: its columns are not what was found"


def facts_of(row: dict[str, Any]) -> str:
    """The digest over what the engine found of one violation, from the store's row."""
    found = [row[name] for name in frames.SCHEMAS["violations"] if name not in ("violation_id", "facts")]
    return hashlib.sha256(frames.json_text(found, row["violation_id"]).encode()).hexdigest()
