"""Merges what workers said into the store: rows and offsets in one transaction.

Ids are stable, so the same words taken in again change nothing. An early word is revision 0; the word of the closed
stretch makes it revision 1; one that is withdrawn goes, unless a person has decided on it: then it is in doubt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version

import polars as pl

from reports import frames
from reports.intake.words import Words
from reports.ledger.entries import Entry, append_all
from reports.ledger.findings import finding_changes
from reports.recording import UNTOUCHED, RunHead, RunRecord, doubt_and_remove
from reports.store import Store
from rules.findings import Findings, Violation
from rules.points import share_points
from rules.policy import Policy
from rules.registry import Registry

#: Acts reach no farther: violations of a truck within this time of a new one are looked at for who carries the points.
ACT_MS = 86_400_000
#: The input of the run that stands for the stream.
STREAM_DIGEST = "stream"
_GONE = "k.violation_id IN (SELECT id FROM new_withdrawn) AND k.revision = 0"


@dataclass(frozen=True)
class Offsets:
    """Where a topic's partitions stand after what is taken in; `topic_id` tells a topic made anew."""

    topic: str
    topic_id: str
    next_offset: Mapping[int, int]


def take_in(store: Store, words: Words, offsets: Offsets, now_ms: int, policy: Policy) -> int:
    """Takes words in; gives how many violations are new or changed.

    Args:
        store: the writer.
        words: of some records.
        offsets: of the topic `findings`, after those records.
        now_ms: the present, epoch ms: `recorded_at` of what changes.
        policy: the city's, which says what is one act.

    Raises:
        StoreError: if the store cannot be written; nothing is taken in then.
    """
    found = frames.of_findings(words.findings)
    found["violations"], early = _changed(store, words, policy)
    lent = {
        **{name: found[name] for name in ("violations", "trips", "stops")},
        "withdrawn": pl.DataFrame({"id": sorted(words.withdrawn)}, schema={"id": pl.String}),
        "early": pl.DataFrame({"id": sorted(early)}, schema={"id": pl.String}),
    }
    with store.transaction(), store.lending(lent):
        entries = [_as_said(e, early) for e in finding_changes(store, "worker", _GONE, UNTOUCHED)]
        _merge_violations(store, now_ms)
        for statement in _MERGE_REST:
            store.execute(statement)
        for plate, first_ms, last_ms, fixes in words.late:
            store.execute("INSERT INTO kept.late VALUES (?, ?, ?, ?, false)", [plate, first_ms, last_ms, fixes])
        for partition, said in words.tallies.items():
            _keep_tally(store, partition, said, now_ms)
        if words.tallies:
            _keep_run(store, now_ms)
        set_offsets(store, offsets)
        if entries:
            append_all(store, entries, at_ms=now_ms)
    return found["violations"].height


def offsets_of(store: Store, topic: str) -> tuple[dict[int, int], set[str]]:
    """The next offset of each partition of a topic, and the ids of the topic that they belong to."""
    rows = store.query("SELECT partition, next_offset, topic_id FROM kept.stream_offsets WHERE topic = ?", [topic])
    return dict(rows.select("partition", "next_offset").iter_rows()), set(rows["topic_id"].to_list())


def set_offsets(store: Store, offsets: Offsets) -> None:
    """Writes offsets, inside the caller's transaction."""
    for partition, at in offsets.next_offset.items():
        key = [offsets.topic, partition]
        store.execute("DELETE FROM kept.stream_offsets WHERE topic = ? AND partition = ?", key)
        store.execute("INSERT INTO kept.stream_offsets VALUES (?, ?, ?, ?)", [*key, at, offsets.topic_id])


def _changed(store: Store, words: Words, policy: Policy) -> tuple[pl.DataFrame, set[str]]:
    """The violations to write: new ones, those with other facts, and kept ones that others now share points with."""
    if not words.violations and not words.withdrawn:
        return frames.of_findings(words.findings)["violations"], set()
    around = [(v.plate, v.start_ms - ACT_MS, v.end_ms + ACT_MS) for v in words.violations.values()]
    kept = _kept(store, around, words.withdrawn)
    revisions = {row["violation_id"]: row["revision"] for row in kept.iter_rows(named=True)}
    facts = {row["violation_id"]: row["facts"] for row in kept.iter_rows(named=True)}
    early = {i for i in words.early if revisions.get(i, 0) == 0}
    whole = {
        row["violation_id"]: _violation(row)
        for row in kept.iter_rows(named=True)
        if not (row["violation_id"] in words.withdrawn and row["revision"] == 0)
    }
    whole |= {i: v for i, v in words.violations.items() if i not in words.early or i in early}
    shares = share_points(whole.values(), policy)
    shared = frames.of_findings(replace(words.findings, violations=shares))["violations"]
    final = {i for i in words.violations if i not in words.early}
    wanted = [
        facts.get(row["violation_id"]) != row["facts"]
        or (row["violation_id"] in final and revisions[row["violation_id"]] == 0)
        for row in shared.select("violation_id", "facts").iter_rows(named=True)
    ]
    still_early = early | {i for i, revision in revisions.items() if revision == 0 and i not in final}
    return shared.filter(pl.Series(wanted, dtype=pl.Boolean)), still_early


def _kept(store: Store, around: Iterable[tuple[str, int, int]], withdrawn: Iterable[str]) -> pl.DataFrame:
    """The kept violations of some trucks near some times, and near some that are withdrawn."""
    near = pl.DataFrame(list(around), schema={"plate": pl.String, "a": pl.Int64, "b": pl.Int64}, orient="row")
    ids = pl.DataFrame({"id": sorted(withdrawn)}, schema={"id": pl.String})
    with store.lending({"near": near, "ids": ids}):
        return store.query(
            "WITH spot AS (SELECT plate, a, b FROM new_near UNION ALL "
            f"SELECT plate, start_ms - {ACT_MS}, end_ms + {ACT_MS} "
            "FROM kept.violations WHERE violation_id IN (SELECT id FROM new_ids)) "
            "SELECT v.* FROM kept.violations v WHERE EXISTS (FROM spot s WHERE s.plate = v.plate "
            "AND v.start_ms <= s.b AND v.end_ms >= s.a) ORDER BY v.violation_id"
        )


def _violation(row: Mapping[str, object]) -> Violation:
    values = {name: row[name] for name in Violation.__struct_fields__ if name != "evidence"}
    return Violation(**values, evidence=json.loads(str(row["evidence"])))  # type: ignore[arg-type]


def _as_said(entry: Entry, early: set[str]) -> Entry:
    """An early word is revision 0 in the log too."""
    if entry.payload["op"] == "new" and entry.subject in early:
        return replace(entry, payload={**entry.payload, "revision": 0})
    return entry


def _merge_violations(store: Store, now_ms: int) -> None:
    columns = [c for c in frames.SCHEMAS["violations"] if c != "violation_id"]
    doubt_and_remove(store, _GONE, now_ms)
    still_early = "k.violation_id IN (SELECT id FROM new_early)"
    store.execute(
        f"UPDATE kept.violations k SET {', '.join(f'{c} = n.{c}' for c in columns)}, "
        f"revision = CASE WHEN {still_early} THEN k.revision ELSE k.revision + 1 END, recorded_ms = ? "
        "FROM new_violations n WHERE n.violation_id = k.violation_id AND k.status = 'flagged'",
        [now_ms],
    )
    store.execute(
        "INSERT INTO kept.violations BY NAME SELECT *, 'flagged' AS status, "
        "CASE WHEN violation_id IN (SELECT id FROM new_early) THEN 0 ELSE 1 END AS revision, false AS facts_changed, "
        "? AS recorded_ms FROM new_violations WHERE violation_id NOT IN (SELECT violation_id FROM kept.violations)",
        [now_ms],
    )


_MERGE_REST = (
    "DELETE FROM kept.trips WHERE trip_id IN (SELECT trip_id FROM new_trips)",
    "INSERT INTO kept.trips BY NAME SELECT * FROM new_trips",
    "DELETE FROM kept.stops WHERE (plate, start_ms) IN (SELECT (plate, start_ms) FROM new_stops)",
    "INSERT INTO kept.stops BY NAME SELECT * FROM new_stops",
)


def _keep_tally(store: Store, partition: int, said: Mapping[str, object], now_ms: int) -> None:
    counts, rejected = said["counts"], said["rejected"]
    assert isinstance(counts, dict) and isinstance(rejected, dict)
    set_aside = sum(r[0] for r in rejected.values())
    row = [partition, said["offset"], said["received"], set_aside]
    row += [counts[name] for name in ("judged", "repeated", "late", "invalid", "other_device")]
    row += [said["held"], said["open"], said["clock_ms"], now_ms]
    store.execute("DELETE FROM kept.stream_tally WHERE partition = ?", [partition])
    store.execute(f"INSERT INTO kept.stream_tally VALUES ({', '.join('?' * len(row))})", row)
    digest = f"stream:{partition}"
    reasons = {why: {"count": r[0], "first_ms": r[1], "last_ms": r[2], "example": r[3]} for why, r in rejected.items()}
    store.execute("DELETE FROM kept.rejected WHERE input_digest = ?", [digest])
    store.append("kept.rejected", frames.of_rejected(digest, reasons))


def _keep_run(store: Store, now_ms: int) -> None:
    """The stream as one run, so that what asks for the span of the data and its numbers finds them."""
    store.execute(
        "UPDATE kept.runs SET recorded_ms = ?, received = t.received, repeated = t.repeated, last_ms = t.clock_ms "
        "FROM (SELECT sum(received)::BIGINT AS received, sum(repeated)::BIGINT AS repeated, "
        "nullif(max(clock_ms), 0) AS clock_ms FROM kept.stream_tally) t WHERE input_digest = ?",
        [now_ms, STREAM_DIGEST],
    )


def begin(store: Store, registry: Registry, files: Mapping[str, bytes], now_ms: int) -> None:
    """Tells the store of the stream and of the registry that its fixes are judged by.

    Raises:
        StoreError: if the store cannot be written.
    """
    head = RunHead(registry, files, STREAM_DIGEST, version("muckwatch"), now_ms, "stream")
    store.record(RunRecord(head, Findings(), {}))
    with store.transaction():
        store.execute("DELETE FROM kept.runs WHERE input_digest = ? AND run_id <> ?", [STREAM_DIGEST, head.run_id])
        _keep_run(store, now_ms)
