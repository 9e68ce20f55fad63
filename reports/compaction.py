"""Joins the many small files that the intake writes into the archive: a day's fixes in few files, sorted by truck.

What is joined is written aside, synced and renamed, then listed in the place of the small files in one transaction,
with an entry in the log; the small files go last. A kill at any moment leaves the one or the other listed, and the
next writer sweeps what nobody lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

import polars as pl

from reports import frames
from reports.archive import ArchiveFile, archive_fixes, read_file, sweep
from reports.ledger.entries import Entry, append_all
from reports.store import Store

#: Files of fewer fixes are joined, up to twice as many: 150 MB in memory.
SMALL_FIXES = 500_000


def join_some(store: Store, first: date, last: date, zone: ZoneInfo, now_ms: int) -> int:
    """Joins some small files of one of the local days `first` to `last`; gives how many, 0 when nothing is left to do.

    One transaction a call, so that others who wait to write get their turn between two.

    Raises:
        StoreError: if a file cannot be read or written; the archive is as before then.
    """
    manifest = store.manifest()
    small = _together([f for f in manifest if first <= f.day <= last and f.rows < SMALL_FIXES])
    if not small:
        return 0
    made = archive_fixes(store.path, pl.concat([read_file(store.path, f) for f in small]), zone)
    gone = {f.path for f in small}
    kept = sorted([f for f in manifest if f.path not in gone] + made, key=lambda f: f.path)
    said = {"joined": [f.sha256 for f in small], "archive": [[f.path, f.rows, f.sha256] for f in made]}
    with store.transaction():
        store.replace("kept.archive", frames.of_archive(kept))
        append_all(store, [Entry("run", f"archive:{made[0].sha256[:20]}", "settle", said)], at_ms=now_ms)
    sweep(store.path, (f.path for f in kept))
    return len(small)


def _together(small: Sequence[ArchiveFile]) -> list[ArchiveFile]:
    """The first files of one day that fit into one, two at least; none if there are no such.

    Two neighbours that do not fit make more than `SMALL_FIXES` each time, so joining comes to an end.
    """
    held: list[ArchiveFile] = []
    for file in sorted(small, key=lambda f: (f.day, f.first_ms, f.path)):
        if held and (file.day != held[0].day or sum(f.rows for f in held) + file.rows > 2 * SMALL_FIXES):
            if len(held) > 1:
                return held
            held = []
        held.append(file)
    return held if len(held) > 1 else []
