"""Who may open a store, and what is refused in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from small_store import (
    rows_of,
)

from reports.store import SCHEMA_VERSION, Store, StoreError, StoreUnusable

HOLD = """
import sys
from pathlib import Path
from reports.store import Store
with getattr(Store, sys.argv[2])(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize(
    ("theirs", "ours", "allowed"),
    [("open", "open", False), ("open", "read", False), ("read", "open", False), ("read", "read", True)],
)
def test_many_readers_or_one_writer(tmp_path: Path, theirs: str, ours: str, allowed: bool) -> None:
    Store.open(tmp_path / "store", create=True).close()
    command = [sys.executable, "-c", HOLD, str(tmp_path / "store"), theirs]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout and child.stdout.readline() == "held\n"
        try:
            if allowed:
                getattr(Store, ours)(tmp_path / "store").close()
            else:
                with pytest.raises(StoreError, match=f"in use by process {child.pid};"):
                    getattr(Store, ours)(tmp_path / "store")
        finally:
            child.communicate("\n")
    getattr(Store, ours)(tmp_path / "store").close()


def test_a_writer_in_this_process_is_named_too(store: Store) -> None:
    with pytest.raises(StoreError, match="this one"):
        Store.open(store.path)


@pytest.mark.parametrize("opening", [Store.open, Store.read])
def test_no_store(tmp_path: Path, opening: Callable[[Path], Store]) -> None:
    with pytest.raises(StoreUnusable, match="there is no store"):
        opening(tmp_path / "none")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreUnusable, match="not a store"):
        opening(tmp_path / "folder")
    assert not any((tmp_path / "folder").iterdir())


def test_a_new_store_is_not_made_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(StoreUnusable, match=r"not empty.*holiday\.jpg"):
        Store.open(tmp_path, create=True)
    with pytest.raises(StoreUnusable, match="not a folder"):
        Store.open(tmp_path / "holiday.jpg", create=True)
    with pytest.raises(StoreUnusable, match=r"cannot make a store|not a folder"):
        Store.open(tmp_path / "holiday.jpg" / "store", create=True)
    assert [p.name for p in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_name_that_duckdb_misreads_is_refused(tmp_path: Path) -> None:
    """It would put its write-ahead log in another folder."""
    with pytest.raises(StoreUnusable, match=r"'\?'"):
        Store.open(tmp_path / "what?", create=True)
    assert not any(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="cannot make a store here"):
        Store.open(Path("/proc/muckwatch"), create=True)


def test_a_name_that_no_folder_can_have(tmp_path: Path) -> None:
    for opening in (Store.read, Store.open, lambda path: Store.open(path, create=True)):
        with pytest.raises(StoreUnusable, match="cannot be a store"):
            opening(tmp_path / ("x" * 300))


FILLED = """
import resource, signal, sys
from pathlib import Path
from reports.recording import RunHead, RunRecord
from reports.store import Store, StoreError
from rules.findings import Findings
from rules.policy import Policy
from rules.registry import Registry, digest
from small_store import MONDAY_MS, make_violation
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store.open(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
found = Findings([make_violation(hour=n / 99, evidence={"x": f"{n:09}" * 99}) for n in range(9000)])
head = RunHead(Registry(Policy(), digest=digest({})), {}, "full", "1", MONDAY_MS, "run")
try:
    with store:
        store.record(RunRecord(head, found, {}))
except StoreError as error:
    print("told:", str(error).count(chr(10)), error)
"""


def test_a_disk_that_fills_up_is_told_and_loses_nothing(store: Store) -> None:
    """A limit on the size of files stands in for the full disk."""
    before = rows_of(store)
    store.close()
    limit = (store.path / "muckwatch.duckdb").stat().st_size + 100_000
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", FILLED, str(store.path), str(limit)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("told: 0 "), done.stdout + done.stderr
    with Store.open(store.path) as again:
        assert rows_of(again) == before


def test_a_newer_store_is_refused(store: Store) -> None:
    path = store.path
    store.execute("UPDATE kept.meta SET schema_version = ?", [SCHEMA_VERSION + 1])
    store.close()
    for opening in (Store.open, Store.read):
        with pytest.raises(StoreUnusable, match=f"version {SCHEMA_VERSION + 1}.*newer"):
            opening(path)


def test_another_database_is_refused(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "muckwatch.duckdb")) as con:
        con.execute("CREATE TABLE t (a INTEGER)")
    with pytest.raises(StoreUnusable, match="not a muckwatch database"):
        Store.open(tmp_path)


def test_a_damaged_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "muckwatch.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        Store.open(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_old_duckdb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb, "__version__", "1.4.5")
    with pytest.raises(StoreError, match=r"1\.4\.5 .*1\.5\.6"):
        Store.open(tmp_path / "store", create=True)
