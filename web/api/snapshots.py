"""Scores of everybody as of a date, worked out once for each state of the store and kept for whoever turns pages."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date
from typing import Any

from reports.credit.events import last_seq
from reports.scores import latest_date, scores
from reports.store import Store
from web.context import Context

#: Dates asked for in a short time; more are worked out again.
KEPT = 8
_COLUMNS = ["subject", "subject_id", "name", "as_of", "points", "grade", "violations"]
#: What scores rest on besides the decisions that events tell of.
_RESTS_ON = "SELECT max_by(registry_digest, number), max_by(policy_digest, number) FROM kept.runs"


@dataclass(frozen=True)
class Snapshot:
    """Everybody's score as of `day`, by subject and id. `version` names the state of the store that it was taken of."""

    day: str | None
    last_seq: int
    version: str
    rows: list[dict[str, Any]]

    def of(self, subject: str | None) -> list[dict[str, Any]]:
        """Only vehicles, only companies, or all."""
        return [row for row in self.rows if subject in (None, row["subject"])]


class _Kept:
    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.shots: OrderedDict[tuple[date | None, str], Snapshot] = OrderedDict()


def snapshot(context: Context, store: Store, as_of: date | None) -> Snapshot:
    """The snapshot as of a date (None: the last with data), of the store as it is now."""
    day, seq = as_of or latest_date(store), last_seq(store)
    state = f"{seq} {store.rows(_RESTS_ON)}"
    version = hashlib.sha256(state.encode()).hexdigest()[:16]
    kept = context.part("web.api.snapshots", _Kept)
    with kept.guard:  # one works it out, the others wait and have it
        shot: Snapshot | None = kept.shots.pop((day, version), None)
        if shot is None:
            shot = Snapshot(day.isoformat() if day else None, seq, version, _rows(store, day))
        kept.shots[day, version] = shot
        while len(kept.shots) > KEPT:
            kept.shots.popitem(last=False)
    return shot


def _rows(store: Store, day: date | None) -> list[dict[str, Any]]:
    if day is None:
        return []
    found = scores(store, day).select(_COLUMNS).sort("subject", "subject_id")
    return [{**row, "as_of": row["as_of"].isoformat()} for row in found.iter_rows(named=True)]
