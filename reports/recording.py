"""Recording a run: everything it found goes into the store in one transaction, or nothing does.

Said again, the same run changes nothing: ids are stable, rows are merged by id, tallies are kept by the input they
count. What a person has decided is never edited; later facts only set `facts_changed`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from reports import frames
from reports.archive import ArchiveFile, reconcile, sweep
from reports.ledger.entries import Entry, append_all
from reports.ledger.findings import finding_changes
from reports.registry_copies import keep_registry
from reports.suspected import Told, find_suspected, keep_suspected, told_by
from rules.findings import Findings, stable_id
from rules.fleet import Fleet
from rules.registry import Registry

if TYPE_CHECKING:
    from reports.store import Store

#: Begins to find suspected places by what the store tells; what it returns waits for them.
Seek = Callable[[Told], Callable[[], pl.DataFrame]]
#: Statuses that a person's decision stands behind; everything else is still the engine's to revise.
DECIDED = ("confirmed", "rejected", "appealed", "overturned")


@dataclass(frozen=True)
class RunHead:
    """What a run is: its input, its registry, its program.

    `input_digest` identifies the fixes read (a hash of the files' content, say), so that the same input recorded
    twice is counted once. `started_at_ms` (epoch ms) becomes the `recorded_at` of what the run adds or revises.
    `registry_folder_files` maps each file name of the registry folder to its exact bytes.
    """

    registry: Registry
    registry_folder_files: Mapping[str, bytes]
    input_digest: str
    engine_version: str
    started_at_ms: int
    command: str

    @property
    def run_id(self) -> str:
        """Stable: the same input judged by the same program under the same registry is the same run."""
        judged_by = (self.registry.digest, self.registry.policy.digest, self.engine_version)
        return stable_id("run", self.input_digest, *judged_by)


@dataclass
class Tally:
    """What became of the fixes received. `rejected` maps a reason to `{count, first_ms, last_ms, example}`."""

    received: int = 0
    repeated: int = 0
    rejected: dict[str, dict[str, Any]] = field(default_factory=dict)
    ignored_values: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """A whole run at once, for runs that fit in memory. `spans` gives each truck's first and last fix, epoch ms."""

    head: RunHead
    findings: Findings
    spans: Mapping[str, tuple[int, int]]
    tally: Tally = field(default_factory=Tally)
    archive: Iterable[ArchiveFile] = ()


@dataclass(frozen=True)
class RecordResult:
    """What a recording changed: violations `new`, `revised`, `unchanged`, `removed`, and decided ones now in doubt."""

    new: int
    revised: int
    unchanged: int
    removed: int
    facts_changed: int
    trips: int
    stops: int
    archived_fixes: int


class Recording:
    """One run on its way into the store; get it from `Store.recording`, which commits it at the end of the block."""

    def __init__(self, store: Store, head: RunHead) -> None:
        self._store = store
        self.head = head
        self._parts: dict[str, list[pl.DataFrame]] = {name: [] for name in frames.SCHEMAS}
        self._archive: list[ArchiveFile] = []
        self._tally = Tally()
        self._new_registry = 0
        self._fleet = ""
        self._seek: Seek = lambda told: lambda: find_suspected(told, head.registry)
        self.result: RecordResult | None = None

    def add(self, findings: Findings, spans: Mapping[str, tuple[int, int]]) -> None:
        """Adds what was found for some trucks and the span of fixes (first, last; epoch ms) that each was judged on."""
        self.add_frames({**frames.of_findings(findings), "spans": frames.of_spans(spans)})

    def add_frames(self, found: Mapping[str, pl.DataFrame]) -> None:
        """The same, said in the frames of `frames.SCHEMAS`."""
        for name, frame in found.items():
            self._parts[name].append(frame)

    def add_archive(self, files: Iterable[ArchiveFile]) -> None:
        """Adds archived fixes (`archive_fixes`) to what the manifest will list."""
        self._archive += files

    def set_tally(self, tally: Tally) -> None:
        """Says what became of the fixes received."""
        self._tally = tally

    def set_fleet(self, fleet: Fleet) -> None:
        """Says what was known of the whole fleet, for who judges later fixes."""
        self._fleet = fleet.to_json()

    def seek_beside(self, seek: Seek) -> None:
        """Lets somebody else find suspected places while the log is written."""
        self._seek = seek

    def commit(self) -> RecordResult:
        """Merges everything in one transaction; called by `Store.recording`.

        Raises:
            StoreError: if the store cannot be written; nothing of the run is recorded then.
        """
        store, found = self._store, {name: _joined(name, parts) for name, parts in self._parts.items()}
        keep_registry(store.path, self.head.registry.digest, self.head.registry_folder_files)
        manifest = reconcile(store.path, store.manifest(), self._archive)
        with store.transaction(), store.lending(found):
            said = finding_changes(store, self.head.command, _GONE, UNTOUCHED)
            counts = _merge_violations(store, self.head.started_at_ms)
            for statement in _MERGE_REST:
                store.execute(statement)
            self._replace_rejected()
            self._replace_head(found["spans"])
            store.replace("kept.archive", frames.of_archive(manifest))
            if self._fleet:
                store.replace("kept.fleet", pl.DataFrame({"body": [self._fleet]}))
            suspected = self._seek(told_by(store))
            append_all(store, [*self._heading(counts), *said], at_ms=self.head.started_at_ms)
            keep_suspected(store, suspected())
        sweep(store.path, (f.path for f in manifest))
        self.result = RecordResult(
            **counts,
            trips=len(found["trips"]),
            stops=len(found["stops"]),
            archived_fixes=sum(f.rows for f in self._archive),
        )
        return self.result

    def _heading(self, counts: Mapping[str, int]) -> list[Entry]:
        """What the log says of the run itself: by what it was judged, and which archived fixes it brought."""
        head = self.head
        registry, policy = head.registry.digest, head.registry.policy.digest
        run = {"input_digest": head.input_digest, "registry_digest": registry, "policy_digest": policy}
        archive = [[f.path, f.rows, f.sha256] for f in self._archive]
        said = {**run, "engine_version": head.engine_version, "violations": dict(counts), "archive": archive}
        entries = [Entry("run", head.run_id, head.command, said)]
        if self._new_registry:
            files = frames.hashes_of(head.registry_folder_files)
            entries.insert(0, Entry("registry", registry, head.command, {"policy_digest": policy, "files": files}))
        return entries

    def _replace_rejected(self) -> None:
        self._store.execute("DELETE FROM kept.rejected WHERE input_digest = ?", [self.head.input_digest])
        self._store.append("kept.rejected", frames.of_rejected(self.head.input_digest, self._tally.rejected))

    def _replace_head(self, spans: pl.DataFrame) -> None:
        head, store, tally = self.head, self._store, self._tally
        registry, policy = head.registry, head.registry.policy
        number = "(SELECT coalesce(max(number), 0) + 1 FROM kept.runs)"
        times = spans.select(pl.len(), pl.col("first_ms").min(), pl.col("last_ms").max()).row(0)
        who = (head.run_id, head.input_digest, registry.digest, policy.digest, head.engine_version, head.command)
        counts = (tally.received, tally.repeated, json.dumps(tally.ignored_values, sort_keys=True))
        store.execute("DELETE FROM kept.runs WHERE run_id = ?", [head.run_id])
        store.execute(
            f"INSERT INTO kept.runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {number})",
            [*who, head.started_at_ms, *times, *counts],
        )
        hashes = json.dumps(frames.hashes_of(head.registry_folder_files), sort_keys=True, ensure_ascii=False)
        self._new_registry = store.execute(
            "INSERT INTO kept.registries SELECT $1, $2, $3, $4 WHERE $1 NOT IN (SELECT digest FROM kept.registries)",
            [registry.digest, policy.digest, hashes, head.started_at_ms],
        )
        store.replace("kept.settings", pl.DataFrame({"timezone": [policy.timezone], "score_days": [policy.score_days]}))
        store.replace("kept.grades", frames.of_grades(policy.grades))
        store.replace("kept.subjects", frames.of_subjects(registry))


def _joined(name: str, parts: list[pl.DataFrame]) -> pl.DataFrame:
    """All parts of one kind, each thing once: of the same id or key the last said stays."""
    whole = pl.concat([pl.DataFrame(schema=frames.SCHEMAS[name]), *parts])
    if name == "spans":
        return whole.group_by("plate", maintain_order=True).agg(pl.col("first_ms").min(), pl.col("last_ms").max())
    return whole.unique(frames.KEYS[name], keep="last", maintain_order=True)


_IN_SPAN = "EXISTS (FROM new_spans s WHERE s.plate = k.plate AND {column} BETWEEN s.first_ms AND s.last_ms)"
#: A violation that nobody has begun to review: the engine may still take it back.
UNTOUCHED = "k.status = 'flagged' AND k.violation_id NOT IN (SELECT case_id FROM kept.decisions)"
#: A violation kept so far that lies in the span that was judged, and was not found again.
_GONE = f"{_IN_SPAN.format(column='k.start_ms')} AND k.violation_id NOT IN (SELECT violation_id FROM new_violations)"


def doubt_and_remove(store: Store, gone: str, recorded_ms: int) -> int:
    """Takes back what was not found again and nobody has touched; a case that people work on is only put in doubt.

    Args:
        store: the writer, in a transaction, with `new_violations` lent.
        gone: a condition on `k`, a violation kept so far: it was looked for, and is no violation any more.
        recorded_ms: when, epoch ms: a decided case is in doubt from then on.

    Returns:
        How many were removed.
    """
    removed = store.execute(f"DELETE FROM kept.violations k WHERE {UNTOUCHED} AND {gone}")
    store.execute(f"UPDATE kept.violations k SET facts_changed = true WHERE {gone}")
    store.execute(
        "UPDATE kept.violations k SET facts_changed = k.status <> 'flagged' AND k.facts <> n.facts "
        "FROM new_violations n WHERE n.violation_id = k.violation_id"
    )
    store.execute(
        "INSERT INTO kept.doubts SELECT k.violation_id, coalesce(n.facts, ''), ? FROM kept.violations k "
        f"LEFT JOIN new_violations n USING (violation_id) WHERE k.facts_changed AND k.status IN {DECIDED} "
        f"AND (n.violation_id IS NOT NULL OR {gone}) ON CONFLICT DO NOTHING",
        [recorded_ms],
    )
    return removed


def _merge_violations(store: Store, recorded_ms: int) -> dict[str, int]:
    """Merges `new_violations`, given as lent frames with `new_spans`; says how many rows went which way."""
    columns = [c for c in frames.SCHEMAS["violations"] if c != "violation_id"]
    removed = doubt_and_remove(store, _GONE, recorded_ms)
    revised = store.execute(
        f"UPDATE kept.violations k SET {', '.join(f'{c} = n.{c}' for c in columns)}, revision = k.revision + 1, "
        "recorded_ms = ? FROM new_violations n "
        "WHERE n.violation_id = k.violation_id AND k.status = 'flagged' AND k.facts <> n.facts",
        [recorded_ms],
    )
    new = store.execute(
        "INSERT INTO kept.violations BY NAME SELECT *, 'flagged' AS status, 1 AS revision, false AS facts_changed, "
        "? AS recorded_ms FROM new_violations WHERE violation_id NOT IN (SELECT violation_id FROM kept.violations)",
        [recorded_ms],
    )
    in_doubt, said = store.query(
        "SELECT count(*) FILTER (facts_changed), (SELECT count(*) FROM new_violations) FROM kept.violations"
    ).row(0)
    unchanged = said - new - revised
    return {"new": new, "revised": revised, "unchanged": unchanged, "removed": removed, "facts_changed": in_doubt}


#: A trip that a decided violation rests on stays, even where a later run does not see it any more.
_MERGE_REST = (
    f"DELETE FROM kept.trips k WHERE {_IN_SPAN.format(column='k.loaded_ms')} AND NOT EXISTS "
    f"(FROM kept.violations v WHERE v.trip_id = k.trip_id AND v.status IN {DECIDED})",
    "DELETE FROM kept.trips WHERE trip_id IN (SELECT trip_id FROM new_trips)",
    "INSERT INTO kept.trips BY NAME SELECT * FROM new_trips",
    f"DELETE FROM kept.stops k WHERE {_IN_SPAN.format(column='k.start_ms')}",
    "DELETE FROM kept.stops WHERE (plate, start_ms) IN (SELECT (plate, start_ms) FROM new_stops)",
    "INSERT INTO kept.stops BY NAME SELECT * FROM new_stops",
    f"DELETE FROM kept.health k WHERE {_IN_SPAN.format(column='k.first_ms')} AND {_IN_SPAN.format(column='k.last_ms')}",
    "DELETE FROM kept.health WHERE (plate, terminal, first_ms) IN (SELECT (plate, terminal, first_ms) FROM new_health)",
    "INSERT INTO kept.health BY NAME SELECT * FROM new_health",
    f"DELETE FROM kept.tagged k WHERE {_IN_SPAN.format(column='k.first_ms')} AND {_IN_SPAN.format(column='k.last_ms')}",
    "INSERT INTO kept.tagged BY NAME SELECT * FROM new_tagged",
)
