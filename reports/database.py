"""The DuckDB file of a store: made whole, opened with its doors shut, errors in one line. Only DuckDB touches it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from reports.archive import FIXES_FOLDER, sync_folder
from reports.errors import StoreError

#: Of the tables in `schema.sql`; a store of a newer version is refused.
SCHEMA_VERSION = 9
#: Older ones lose acknowledged rows on a full disk.
DUCKDB_MIN = (1, 5, 6)
DATABASE_FILE = "muckwatch.duckdb"
_NEW_DATABASE = f"{DATABASE_FILE}.new"
_SCHEMA = Path(__file__).with_name("schema.sql")
#: What each later version added, by the version that it makes.
_ADDED = {
    2: Path(__file__).with_name("suspected.sql"),
    3: Path(__file__).parent / "ledger" / "ledger.sql",
    4: Path(__file__).parent / "credit" / "credit.sql",
    5: Path(__file__).with_name("patrol.sql"),
    6: Path(__file__).parent / "intake" / "intake.sql",
    7: Path(__file__).with_name("fieldwork.sql"),
    8: Path(__file__).parent / "cases" / "cases.sql",
    9: Path(__file__).with_name("tagged.sql"),
}


def make_database(path: Path) -> None:
    """Makes the database aside and renames it, so that a kill leaves none or a whole one."""
    for leftover in path.glob(f"{_NEW_DATABASE}*"):
        leftover.unlink()
    with told(path):
        con = duckdb.connect(str(path / _NEW_DATABASE))
        try:
            con.execute(_SCHEMA.read_text(encoding="utf-8"))
            con.execute(fixes_view(path))
            con.execute("INSERT INTO kept.meta VALUES (?, ?)", [1, str(path)])
            upgrade(con, 1)
            con.execute("CHECKPOINT")
        finally:
            con.close()
    (path / _NEW_DATABASE).rename(path / DATABASE_FILE)
    sync_folder(path)


def upgrade(con: duckdb.DuckDBPyConnection, version: int) -> None:
    """Adds to a database of that version what later ones have, all of it or nothing."""
    con.execute("BEGIN")
    for added in range(version + 1, SCHEMA_VERSION + 1):
        con.execute(_ADDED[added].read_text(encoding="utf-8"))
    con.execute("UPDATE kept.meta SET schema_version = ?", [SCHEMA_VERSION])
    con.execute("COMMIT")


def connect(database: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Opens the database; instants come out in UTC.

    Raises:
        StoreError: if it is damaged, no database, or DuckDB finds it locked.
    """
    try:
        con = duckdb.connect(str(database), read_only=read_only)
        con.execute("SET TimeZone = 'UTC'")
    except duckdb.Error as error:
        raise StoreError(f"{database}: cannot be opened: {first_line(error)}") from error
    return con


def shut_in(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Lets statements reach the archive and nothing else on this machine or the net; cannot be undone.

    Connections of one process to one file share these settings.
    """
    if not con.execute("SELECT current_setting('enable_external_access')").fetchall()[0][0]:
        return
    con.execute("SET autoinstall_known_extensions = false")
    con.execute("SET autoload_known_extensions = false")
    archive = f"{folder / FIXES_FOLDER}/"  # as it is, and as `fixes_in` writes it in its glob
    con.execute("SET allowed_directories = " + _literal([archive, re.sub(r"([*?\[])", r"[\1]", archive)]))
    con.execute("SET enable_external_access = false")


def fixes_view(folder: Path, kind: str = "") -> str:
    """The statement that makes the view `fixes` (`kind` may be TEMP) over the archive in that folder."""
    return f"CREATE OR REPLACE {kind} VIEW fixes AS SELECT * FROM fixes_in({_literal(str(folder))})"


@contextmanager
def told(path: Path) -> Iterator[None]:
    """DuckDB's errors as a `StoreError` in one line."""
    try:
        yield
    except duckdb.Error as error:
        raise StoreError(f"{path}: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """The first line of what an error says."""
    return str(error).strip().splitlines()[0]


def _literal(value: str | list[str]) -> str:
    """Text as SQL, for the few statements that take no parameters."""
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return "'" + value.replace("'", "''") + "'"
