"""The store: a folder with the DuckDB database of findings, the archive of fixes and the registries they rest on.

muckwatch.duckdb      findings, decisions, manifest; touched by DuckDB alone
.lock                 many readers or one writer
fixes/<day>/*.parquet the archive; the manifest says which files count
registry/<digest>/    an exact copy of every registry folder used
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import polars as pl

from reports.archive import FIXES_FOLDER, ArchiveFile, sweep, write_empty
from reports.database import (
    DATABASE_FILE,
    DUCKDB_MIN,
    SCHEMA_VERSION,
    connect,
    fixes_view,
    make_database,
    shut_in,
    told,
    upgrade,
)
from reports.errors import StoreError, StoreUnusable
from reports.lock import LOCK_FILE, FolderLock
from reports.recording import Recording, RecordResult, RunHead, RunRecord
from reports.registry_copies import REGISTRY_FOLDER, sweep_registries

__all__ = ["SCHEMA_VERSION", "Store", "StoreError", "StoreUnusable"]


class Store:
    """An open store. `Store.open` gives the one writer, `Store.read` one of many readers; both are context managers."""

    def __init__(self, path: Path, lock: FolderLock | None, *, writable: bool) -> None:
        """Use `Store.open` or `Store.read`."""
        self.path = path
        self.writable = writable
        self._lock = lock
        self._con = connect(path / DATABASE_FILE, read_only=not writable)
        try:
            version, folder = self._check_version()
            if writable and version < SCHEMA_VERSION:
                upgrade(self._con, version)
            self._settle_folder(folder)
            shut_in(self._con, path)
            if writable:
                sweep(path, (f.path for f in self.manifest()))
                sweep_registries(path)
        except BaseException:
            self._con.close()
            raise

    @classmethod
    def open(cls, path: Path, *, create: bool = False) -> Store:
        """Opens a store as its one writer.

        Args:
            path: the store's folder.
            create: make a new store if there is none; the folder must then be new or empty.

        Raises:
            StoreError: no store there, not a store, of a newer version, not writable, or in use by another process.
        """
        path = _resolved(path)
        if create:
            _make_folder(path)
        elif not (path / DATABASE_FILE).is_file():
            raise StoreUnusable(_no_store(path))
        lock = FolderLock(path, shared=False)
        try:
            if not (path / DATABASE_FILE).is_file():
                _make_store(path)
            return cls(path, lock, writable=True)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def read(cls, path: Path) -> Store:
        """Opens a store for reading, beside other readers.

        Raises:
            StoreError: no store there, not a store, of a newer version, or a writer holds it.
        """
        path = _resolved(path)
        if not (path / DATABASE_FILE).is_file():
            raise StoreUnusable(_no_store(path))
        # A copy without a lock file, on a medium that cannot be written say, has no writer to be guarded from.
        lock = FolderLock(path, shared=True) if (path / LOCK_FILE).exists() else None
        try:
            return cls(path, lock, writable=False)
        except BaseException:
            if lock:
                lock.release()
            raise

    def beside(self) -> Store:
        """A reader of the same open database for another thread; it sees what is committed, and holds no lock.

        Close it before this store. `reports/shared.py` hands them out.
        """
        other = object.__new__(Store)
        other.path, other.writable, other._lock = self.path, False, None
        other._con = self._con.cursor()
        other._con.execute("SET TimeZone = 'UTC'")
        return other

    def close(self) -> None:
        """Closes the database, writing out what its log still holds, and lets the next one in."""
        self._con.close()
        if self._lock:
            self._lock.release()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def query(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> pl.DataFrame:
        """Rows as a frame; instants are Datetime in UTC, JSON is text.

        Raises:
            StoreError: if DuckDB cannot answer.
        """
        with told(self.path):
            table = self._con.sql(sql, params=parameters).to_arrow_table()
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        return frame

    def rows(self, sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """A few rows as plain tuples, at a third of what a frame costs; not for instants, which come out as they are.

        Raises:
            StoreError: if DuckDB cannot answer.
        """
        with told(self.path):
            return self._con.execute(sql, parameters).fetchall()

    def batches(self, sql: str, rows: int) -> Iterator[pl.DataFrame]:
        """The same, some rows at a time, for what may not fit in memory."""
        with told(self.path):
            reader = self._con.sql(sql).to_arrow_reader(rows)
            for batch in reader:
                frame = pl.from_arrow(batch)
                assert isinstance(frame, pl.DataFrame)
                yield frame

    def manifest(self) -> list[ArchiveFile]:
        """The files of the fix archive that count, by path."""
        found = self.query("SELECT path, day, rows, sha256, first_ms, last_ms, plates FROM kept.archive ORDER BY path")
        return [ArchiveFile(**{**row, "plates": tuple(row["plates"])}) for row in found.iter_rows(named=True)]

    @contextmanager
    def recording(self, head: RunHead) -> Iterator[Recording]:
        """Takes in one run, in pieces of any size; commits at the end of the block, or nothing if it raised."""
        recording = Recording(self, head)
        yield recording
        recording.commit()

    def record(self, run: RunRecord) -> RecordResult:
        """Takes in one run at once, in one transaction."""
        with self.recording(run.head) as recording:
            recording.add(run.findings, run.spans)
            recording.add_archive(run.archive)
            recording.set_tally(run.tally)
        assert recording.result
        return recording.result

    # What recordings (and, one day, decisions) are made of. Statements are ours; values go in as parameters or frames.

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing of it."""
        with told(self.path):
            self._con.execute("BEGIN")
            try:
                yield
                self._con.execute("COMMIT")
            except BaseException:
                # After a fatal error (a full disk) there is no transaction left to roll back.
                with suppress(duckdb.Error):
                    self._con.execute("ROLLBACK")
                raise

    @contextmanager
    def lending(self, frames: Mapping[str, pl.DataFrame]) -> Iterator[None]:
        """Lets statements in the block read each frame as `new_<name>`."""
        for name, frame in frames.items():
            self._con.register(f"new_{name}", frame.to_arrow())
        try:
            yield
        finally:
            for name in frames:
                self._con.unregister(f"new_{name}")

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> int:
        """Runs a statement; gives the number of rows that it changed."""
        row = self._con.execute(sql, parameters).fetchone()
        return int(row[0]) if row else 0

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """Adds rows to a table, by column name."""
        with self.lending({"rows": frame}):
            self.execute(f"INSERT INTO {table} BY NAME SELECT * FROM new_rows")

    def replace(self, table: str, frame: pl.DataFrame) -> None:
        """Makes a table hold exactly these rows."""
        self.execute(f"DELETE FROM {table}")
        self.append(table, frame)

    def _check_version(self) -> tuple[int, str]:
        """Refuses what is not a store of a version that this program knows; gives it and the folder it last was in."""
        try:
            version, folder = self._con.execute("SELECT schema_version, folder FROM kept.meta").fetchone() or (None, "")
        except duckdb.CatalogException as error:
            raise StoreUnusable(f"{self.path}: {DATABASE_FILE} is not a muckwatch database") from error
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            raise StoreUnusable(
                f"{self.path}: a store of schema version {version}, but this muckwatch knows versions up to "
                f"{SCHEMA_VERSION}; use a newer one"
            )
        return version, str(folder)

    def _settle_folder(self, folder: str) -> None:
        """Points the view `fixes` at where the store is now: for good by the writer, for itself by a reader."""
        if folder == str(self.path):
            return
        self._con.execute(fixes_view(self.path, "" if self.writable else "TEMP"))
        if self.writable:
            self._con.execute("UPDATE kept.meta SET folder = ?", [str(self.path)])
            self._con.execute("CHECKPOINT")


def _resolved(path: Path) -> Path:
    if tuple(int(n) for n in re.findall(r"\d+", duckdb.__version__)[:3]) < DUCKDB_MIN:
        wanted = ".".join(map(str, DUCKDB_MIN))
        raise StoreError(f"duckdb {duckdb.__version__} can lose rows on a full disk; install {wanted} or newer")
    try:
        resolved = path.resolve()
        (resolved / DATABASE_FILE).exists()
    except OSError as error:
        raise StoreUnusable(f"{path}: cannot be a store: {error.strerror}") from error
    if "?" in str(resolved):
        raise StoreUnusable(f"{path}: DuckDB misreads a '?' in a path; name another folder")
    return resolved


def _no_store(path: Path) -> str:
    if not path.exists():
        return f"{path}: there is no store; `muckwatch run --out` makes one"
    return f"{path}: not a store: it has no {DATABASE_FILE}"


def _make_folder(path: Path) -> None:
    """Makes the folder of a new store; refuses one that holds other people's files."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        ours = {DATABASE_FILE, LOCK_FILE, FIXES_FOLDER, REGISTRY_FOLDER}
        names = {p.name for p in path.iterdir() if not p.name.startswith(DATABASE_FILE)}
    except (FileExistsError, NotADirectoryError) as error:
        raise StoreUnusable(f"{path}: not a folder; a store is one") from error
    except OSError as error:
        raise StoreUnusable(f"{path}: cannot make a store here: {error.strerror}") from error
    if not (path / DATABASE_FILE).exists() and names - ours:
        raise StoreUnusable(f"{path}: not a store, and not empty (it holds {min(names - ours)}); name a new folder")


def _make_store(path: Path) -> None:
    try:
        write_empty(path)
        (path / REGISTRY_FOLDER).mkdir(exist_ok=True)
        make_database(path)
    except OSError as error:
        raise StoreUnusable(f"{path}: cannot make a store here: {error.strerror or error}") from error
