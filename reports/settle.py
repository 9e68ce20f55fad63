"""`muckwatch settle`: days judged again from the whole archive, late fixes included; what changes is a new revision.

The trucks of the days are judged over a wider span, so that outings and hauls across midnight are whole and terminals
are known; of what is found, what began on the days is recorded, as a run would record it. Again on the same archive it
changes nothing.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from importlib.metadata import version
from math import ceil
from pathlib import Path

import polars as pl

from ingest.arrange import arrange
from ingest.fix import FIX_SCHEMA
from reports import frames
from reports.archive import ArchiveFile, read_file
from reports.calendar import date_start_ms
from reports.knowledge import knowledge_of
from reports.recording import RecordResult, RunHead
from reports.store import Store
from rules.engine import judge_all
from rules.findings import Findings, TerminalHealth
from rules.fleet import Fleet, Survey
from rules.ground import Ground
from rules.health import learn, marks_known, with_marks
from rules.points import share_points
from rules.readings import with_readings
from rules.registry import load_with_files

BEFORE_DAYS = 7  # what terminals are learnt from, and far more than a haul or an outing lasts
AFTER_DAYS = 2
#: Trucks are judged in buckets of about so many fixes.
BUCKET_FIXES = 1_000_000


@dataclass(frozen=True)
class Settled:
    """Days judged again: what is to be recorded of them, and how much there was."""

    head: RunHead
    found: list[dict[str, pl.DataFrame]]
    fleet: Fleet
    span_ms: tuple[int, int]
    fixes: int
    trucks: int


def judge_days(store: Store, registry_folder: Path, first: date, last: date, now_ms: int) -> Settled:
    """Judges the local days `first` to `last` anew; writes nothing, so a reader of the store will do.

    Raises:
        RegistryError: the registry has faults.
        StoreError: the archive cannot be read.
    """
    registry, files = load_with_files(registry_folder)
    policy = registry.policy
    span_ms = (date_start_ms(first, policy), date_start_ms(last + timedelta(days=1), policy) - 1)
    window = [
        f for f in store.manifest() if first - timedelta(days=BEFORE_DAYS) <= f.day <= last + timedelta(days=AFTER_DAYS)
    ]
    plates = {plate for f in window if first <= f.day <= last for plate in f.plates}
    survey = Survey()
    for file in window:
        survey.add(read_file(store.path, file))
    # The archive is in true time and order, and the right way round: what was known of all that stays.
    known = knowledge_of(store).fleet
    seen = survey.learnt()
    fleet = replace(known, roads=seen.roads, places=seen.places)
    ground = Ground(registry)
    found, fixes = [], 0
    for bucket in _buckets(store.path, window, plates):
        fixes += bucket.height
        found.append(_judge(bucket, ground, fleet, span_ms))
    said = hashlib.sha256("\n".join([first.isoformat(), last.isoformat(), *(f.sha256 for f in window)]).encode())
    head = RunHead(registry, files, f"settle:{said.hexdigest()}", version("muckwatch"), now_ms, "settle")
    return Settled(head, found, fleet, span_ms, fixes, len(plates))


def record_days(store: Store, settled: Settled) -> RecordResult:
    """Records what was found, in one transaction; late fixes of the days are settled then.

    Raises:
        StoreError: if the store cannot be written; nothing is recorded then.
    """
    with store.recording(settled.head) as recording:
        for found in settled.found:
            recording.add_frames(found)
        recording.set_fleet(settled.fleet)
    assert recording.result
    with store.transaction():
        store.execute("UPDATE kept.late SET settled = true WHERE first_ms >= ? AND last_ms <= ?", list(settled.span_ms))
    return recording.result


def late_days(store: Store, registry_folder: Path) -> list[date]:
    """The local days of late fixes that are not settled, in order."""
    zone = load_with_files(registry_folder)[0].policy.timezone
    rows = store.query(
        "SELECT DISTINCT (at_ms(unnest([first_ms, last_ms])) AT TIME ZONE $1)::DATE AS d "
        "FROM kept.late WHERE NOT settled ORDER BY d",
        [zone],
    )
    return rows["d"].to_list()


def _buckets(folder: Path, window: Sequence[ArchiveFile], plates: set[str]) -> Iterator[pl.DataFrame]:
    """The fixes of whole trucks, arranged, some trucks at a time."""
    count = max(1, ceil(sum(f.rows for f in window) / BUCKET_FIXES))
    for number in range(count):
        mine = [p for p in sorted(plates) if zlib.crc32(p.encode("utf-8", "surrogatepass")) % count == number]
        parts = [read_file(folder, f).filter(pl.col("plate").is_in(mine)) for f in window if set(f.plates) & set(mine)]
        if parts:
            yield arrange(pl.concat(parts).cast(pl.Schema(FIX_SCHEMA)))[0]


def _judge(fixes: pl.DataFrame, ground: Ground, fleet: Fleet, span_ms: tuple[int, int]) -> dict[str, pl.DataFrame]:
    """What began within the span, of trucks judged over all their fixes here."""
    first, last = span_ms
    knowledge, health = learn(fixes, ground, fleet)
    every, _ = judge_all(fixes, ground, knowledge)
    inside = fixes.filter(pl.col("time_ms").is_between(first, last))
    marks = [*marks_known(inside, knowledge), *(m for m in every.marks if first <= m.start_ms <= last)]
    found = Findings(
        [v for v in share_points(every.violations, ground.policy) if first <= v.start_ms <= last],
        [t for t in every.trips if first <= t.loaded_ms <= last],
        [s for s in every.stops if first <= s.start_ms <= last],
        with_marks(with_readings(_of_days(inside, ground, fleet, health), fleet), marks) if inside.height else [],
    )
    spans = fixes.select(pl.col("plate").unique(maintain_order=True)).with_columns(first_ms=first, last_ms=last)
    return {**frames.of_findings(found), "spans": spans.cast(pl.Schema(frames.SCHEMAS["spans"]))}


def _of_days(
    fixes: pl.DataFrame, ground: Ground, fleet: Fleet, health: Sequence[TerminalHealth]
) -> list[TerminalHealth]:
    """The health of the days' fixes; datum and faults as the wider span tells them."""
    wide = {(h.plate, h.terminal): h for h in health}
    return [
        replace(h, datum_found=wide[h.plate, h.terminal].datum_found, faults=wide[h.plate, h.terminal].faults)
        for h in learn(fixes, ground, fleet)[1]
    ]
