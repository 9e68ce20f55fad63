"""The archive of usable fixes: Parquet files, one folder a local day, named by their content, listed in a manifest.

A file is written aside, synced, renamed, and only then listed, in the transaction that records what was found in it.
So a kill leaves at worst files that nobody lists, and the next writer sweeps them. A fix (`FIX_IDENTITY`) is in one
listed file at most; where two runs bring the same fix, the later run's word stays, because the findings rest on it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from ingest.fix import FIX_IDENTITY, FIX_SCHEMA
from reports.errors import StoreError

FIXES_FOLDER = "fixes"
#: Small enough that one truck's day is read without the rest of the fleet, large enough to compress well.
ROW_GROUP_ROWS = 65_536
#: The file that makes `fixes/*/*.parquet` match something in a store that has no fixes yet.
EMPTY_FILE = "empty/none.parquet"
_ORDER = ["plate", "time_ms", "terminal"]


@dataclass(frozen=True)
class ArchiveFile:
    """One file of the archive; `path` is relative to the folder `fixes`, `first_ms` and `last_ms` are inclusive."""

    path: str
    day: date
    rows: int
    sha256: str
    first_ms: int
    last_ms: int
    plates: tuple[str, ...]

    def may_share(self, other: ArchiveFile) -> bool:
        """Whether both files could hold the same fix, by their times and plates."""
        in_time = self.first_ms <= other.last_ms and other.first_ms <= self.last_ms
        return in_time and not set(self.plates).isdisjoint(other.plates)


def archive_fixes(store_folder: Path, frame: pl.DataFrame, tz: ZoneInfo) -> list[ArchiveFile]:
    """Writes fixes to a store that is open for writing, one file a local day; nothing is listed yet.

    The same fixes in any order give the same files. Needs no connection, so worker processes may call it; hand the
    result to `Recording.add_archive`.

    Args:
        store_folder: the store's folder; its writer must have been opened before, since opening sweeps unlisted files.
        frame: fixes in the columns of `FIX_SCHEMA`, no identity twice.
        tz: the policy's zone, which says where a day ends.

    Raises:
        StoreError: if a file cannot be written.
    """
    if frame.is_empty():
        return []
    fixes = _in_order(frame.select(list(FIX_SCHEMA)).cast(pl.Schema(FIX_SCHEMA)))
    try:
        return [_write(store_folder / FIXES_FOLDER, day, part) for day, part in _days(fixes, tz)]
    except OSError as error:
        raise StoreError(f"{store_folder}: cannot archive fixes: {error.strerror or error}") from error


def write_empty(store_folder: Path) -> None:
    """Writes the file without fixes that lets readers list a store that has none."""
    target = store_folder / FIXES_FOLDER / EMPTY_FILE
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        _put(target.parent, pl.DataFrame(schema=FIX_SCHEMA), target.name)


def reconcile(store_folder: Path, listed: Sequence[ArchiveFile], new: Iterable[ArchiveFile]) -> list[ArchiveFile]:
    """The manifest after a run: every new file, and of the listed ones what the new ones do not say again.

    A listed file that shares fixes with a new one is rewritten without them, or dropped if nothing is left.

    Raises:
        StoreError: if a new file is missing or an old one cannot be read.
    """
    current = {file.path: file for file in listed}
    for file in new:
        if file.path in current:
            continue
        if not (store_folder / FIXES_FOLDER / file.path).is_file():
            raise StoreError(f"{store_folder}: {FIXES_FOLDER}/{file.path} is gone; open the store first, then archive")
        for other in [o for o in current.values() if o.may_share(file)]:
            left = _without(store_folder, other, file)
            if left is other:
                continue
            del current[other.path]
            if left is not None:
                current[left.path] = left
        current[file.path] = file
    return sorted(current.values(), key=lambda f: f.path)


def read_file(store_folder: Path, file: ArchiveFile, columns: list[str] | None = None) -> pl.DataFrame:
    """The fixes of one file, in the columns of `FIX_SCHEMA` or some of them.

    Raises:
        StoreError: if it is missing or cannot be read.
    """
    path = store_folder / FIXES_FOLDER / file.path
    try:
        return pl.read_parquet(path, columns=columns, hive_partitioning=False, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{path}: the archive cannot be read: {str(error).splitlines()[0]}") from error


def sweep(store_folder: Path, listed: Iterable[str]) -> int:
    """Removes every file of the archive that the manifest does not list; returns how many. Writer only."""
    root = store_folder / FIXES_FOLDER
    keep = {EMPTY_FILE, *listed}
    removed = 0
    for path in sorted(root.glob("*/*")):
        if path.relative_to(root).as_posix() not in keep:
            path.unlink()
            removed += 1
    for folder in root.glob("*/"):
        if not any(folder.iterdir()):
            folder.rmdir()
    return removed


def damaged(store_folder: Path, listed: Iterable[ArchiveFile]) -> list[str]:
    """Paths of the listed files that are missing or do not have the SHA-256 of the manifest."""
    root = store_folder / FIXES_FOLDER
    return [f.path for f in listed if not (root / f.path).is_file() or sha256_of(root / f.path) != f.sha256]


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Makes renames in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _in_order(fixes: pl.DataFrame) -> pl.DataFrame:
    """Fixes by plate, time and terminal; a frame that is so already is not sorted again, for sorting costs most."""
    return fixes if _is_sorted(fixes) else fixes.sort(_ORDER)


def _is_sorted(fixes: pl.DataFrame) -> bool:
    later = pl.lit(False)
    for name in reversed(_ORDER):
        column = pl.col(name)
        later = (column < column.shift()) | ((column == column.shift()) & later)
    return not fixes.select(later.any()).item()


def _days(fixes: pl.DataFrame, tz: ZoneInfo) -> Iterable[tuple[date, pl.DataFrame]]:
    """The fixes of each local day, days ascending, order within a day kept."""
    times = fixes["time_ms"].to_numpy()
    first = datetime.fromtimestamp(int(times.min()) / 1000, tz).date()
    last = datetime.fromtimestamp(int(times.max()) / 1000, tz).date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    midnights = [datetime(d.year, d.month, d.day, tzinfo=tz).astimezone(UTC).timestamp() * 1000 for d in days]
    number = np.searchsorted(np.asarray(midnights, dtype=np.int64), times, side="right") - 1
    for n in np.flatnonzero(np.bincount(number)):
        yield days[n], fixes.filter(pl.Series(number == n))


def _without(store_folder: Path, old: ArchiveFile, new: ArchiveFile) -> ArchiveFile | None:
    """`old` less the fixes that `new` has too: itself if there are none, None if they are all."""
    was = read_file(store_folder, old)
    again = read_file(store_folder, new, list(FIX_IDENTITY))
    left = was.join(again, on=list(FIX_IDENTITY), how="anti", maintain_order="left")
    if len(left) == len(was):
        return old
    return None if left.is_empty() else _write(store_folder / FIXES_FOLDER, old.day, left)


def _write(root: Path, day: date, fixes: pl.DataFrame) -> ArchiveFile:
    folder = root / day.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    digest = _put(folder, fixes)
    return ArchiveFile(
        path=f"{folder.name}/{_name(digest)}",
        day=day,
        rows=len(fixes),
        sha256=digest,
        first_ms=int(fixes["time_ms"].min()),  # type: ignore[arg-type]
        last_ms=int(fixes["time_ms"].max()),  # type: ignore[arg-type]
        plates=tuple(fixes["plate"].unique().sort()),
    )


def _put(folder: Path, fixes: pl.DataFrame, name: str = "") -> str:
    """Writes one file, whole or not at all, by default under its content's name; gives its SHA-256."""
    aside = folder / f".{os.getpid()}.tmp"
    try:
        fixes.write_parquet(
            aside, compression="zstd", compression_level=1, statistics=True, row_group_size=ROW_GROUP_ROWS
        )
        with aside.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
            os.fsync(written.fileno())
        aside.rename(folder / (name or _name(digest)))
        sync_folder(folder)
    except (OSError, pl.exceptions.PolarsError) as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        # polars tells a full disk as a fault of the format, so what is left is told too
        left = f"{shutil.disk_usage(folder).free / 1e6:,.0f} MB are free there"
        raise StoreError(f"{folder}: cannot archive fixes: {str(error).splitlines()[0]}; {left}") from error
    return digest


def _name(digest: str) -> str:
    return f"{digest[:20]}.parquet"
