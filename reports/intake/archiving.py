"""Fixes from Kafka into the archive: gathered, written as Parquet, listed together with the offsets that they reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from ingest.arrange import arrange
from ingest.fix import FIX_SCHEMA
from ingest.kafka.records import Record, decode
from reports import frames
from reports.archive import ArchiveFile, archive_fixes, reconcile, sweep
from reports.intake.merging import Offsets, set_offsets
from reports.knowledge import knowledge_of
from reports.ledger.entries import Entry, append_all
from reports.shared import SharedStore
from rules.fleet import on_time
from rules.registry import Registry


class Gathered:
    """Usable fixes that are not archived yet, and the offsets that they reach. Late ones are kept like any other."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._frames: list[pl.DataFrame] = []
        self.next_offset: dict[int, int] = {}
        self.fixes = 0

    def add(self, records: Mapping[int, Sequence[Record]], now_ms: int) -> None:
        """Takes records in; what the worker sets aside is no fix here either."""
        fixes = decode(records, self._partitions, now_ms=now_ms).fixes
        if fixes.height:
            self._frames.append(fixes)
            self.fixes += fixes.height
        for partition, several in records.items():
            if several:
                self.next_offset[partition] = several[-1].offset + 1

    def write(self, shared: SharedStore, registry: Registry, topic: str, topic_id: str, now_ms: int) -> int:
        """Archives everything and forgets it; gives how many fixes.

        Files are written first, aside; the manifest, the last places of terminals and the offsets follow in one
        transaction. A kill before it leaves files that nobody lists, and the fixes come again.

        Raises:
            StoreError: if the store cannot be written.
        """
        if not self.next_offset:
            return 0
        fixes, _ = arrange(pl.concat([pl.DataFrame(schema=FIX_SCHEMA), *self._frames]))
        offsets = Offsets(topic, topic_id, dict(self.next_offset))
        with shared.writing(()) as store:
            fixes = on_time(fixes, knowledge_of(store).fleet)
            files = archive_fixes(store.path, fixes, registry.zone)
            manifest = reconcile(store.path, store.manifest(), files)
            with store.transaction(), store.lending({"last": _last(fixes)}):
                store.replace("kept.archive", frames.of_archive(manifest))
                store.execute(_KEEP_LAST)
                store.execute(_ADD_LAST)
                set_offsets(store, offsets)
                if files:
                    append_all(store, [_entry(topic, files)], at_ms=now_ms)
            if len(manifest) < len(files) + len(store.manifest()):
                sweep(store.path, (f.path for f in manifest))
        self._frames, self.fixes, self.next_offset = [], 0, {}
        return fixes.height


def _entry(topic: str, files: Sequence[ArchiveFile]) -> Entry:
    said = [[f.path, f.rows, f.sha256] for f in files]
    return Entry("run", f"archive:{files[0].sha256[:20]}", "intake", {"topic": topic, "archive": said})


def _last(fixes: pl.DataFrame) -> pl.DataFrame:
    """Each terminal's last place, and how many fixes it sent."""
    return fixes.group_by("plate", "terminal", maintain_order=True).agg(
        pl.col("time_ms").last(), pl.col("lon").last(), pl.col("lat").last(), fixes=pl.len().cast(pl.Int64)
    )


_KEEP_LAST = (
    "UPDATE kept.last_fix k SET fixes = k.fixes + n.fixes, time_ms = greatest(k.time_ms, n.time_ms), "
    "lon = CASE WHEN n.time_ms >= k.time_ms THEN n.lon ELSE k.lon END, "
    "lat = CASE WHEN n.time_ms >= k.time_ms THEN n.lat ELSE k.lat END "
    "FROM new_last n WHERE n.plate = k.plate AND n.terminal = k.terminal"
)
_ADD_LAST = (
    "INSERT INTO kept.last_fix BY NAME SELECT * FROM new_last n WHERE NOT EXISTS "
    "(FROM kept.last_fix k WHERE k.plate = n.plate AND k.terminal = n.terminal)"
)
