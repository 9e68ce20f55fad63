"""Small files of the archive are joined: the same fixes in fewer files, whole after a kill at any step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from small_store import make_fixes

from ingest.fix import FIX_IDENTITY
from reports import compaction, frames
from reports.archive import archive_fixes, damaged, read_file
from reports.compaction import join_some
from reports.ledger.verify import verify
from reports.settling import Settling
from reports.shared import SharedStore
from reports.store import Store
from rules.policy import Policy

ZONE = Policy().zone
FIRST, LAST = date(2026, 11, 16), date(2026, 11, 17)
PIECES = 12


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Store]:
    """A store with three days of fixes in many small files, as the intake leaves them."""
    fixes = make_fixes(["苏A1", "苏A2"]).sort("time_ms")
    with Store.open(tmp_path / "store", create=True) as opened:
        files = []
        for part in fixes.iter_slices(fixes.height // PIECES):
            files += archive_fixes(opened.path, part, ZONE)
        with opened.transaction():
            opened.replace("kept.archive", frames.of_archive(files))
        yield opened


def held(store: Store) -> pl.DataFrame:
    assert not damaged(store.path, store.manifest())
    listed = {f.path for f in store.manifest()}
    there = {p.relative_to(store.path / "fixes").as_posix() for p in store.path.glob("fixes/2*/*")}
    assert there == listed, "what is listed is there, and nothing else"
    return pl.concat([read_file(store.path, f) for f in store.manifest()]).sort(list(FIX_IDENTITY))


def files_by_day(store: Store) -> list[int]:
    return store.query("SELECT count(*) AS n FROM kept.archive GROUP BY day ORDER BY day")["n"].to_list()


def test_the_days_asked_for_become_one_file_each_with_the_same_fixes(pieces: Store) -> None:
    before, counts = held(pieces), files_by_day(pieces)
    assert counts == [4, 4, 4]
    assert [join_some(pieces, FIRST, LAST, ZONE, 1) for _ in range(3)] == [4, 4, 0]
    assert files_by_day(pieces) == [1, 1, 4]
    assert held(pieces).equals(before)
    assert pieces.query("SELECT count(*) FROM fixes").item() == before.height
    assert verify(pieces).sound


def test_a_file_takes_no_more_than_fits_and_it_ends(pieces: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = held(pieces)
    monkeypatch.setattr(compaction, "SMALL_FIXES", 1_000)  # the files have 720 fixes
    joined = []
    while n := join_some(pieces, FIRST, date(2026, 11, 18), ZONE, 1):
        joined.append(n)
    assert joined == [2] * 6 and files_by_day(pieces) == [2, 2, 2] and held(pieces).equals(before)


KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
from reports import compaction
from reports.store import Store
from rules.policy import Policy
kill = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "the commit":
    def listed(self, table, frame, *, was=Store.replace):
        was(self, table, frame)
        kill()
    Store.replace = listed
else:
    setattr(compaction, sys.argv[2], kill)
with Store.open(Path(sys.argv[1])) as store:
    compaction.join_some(store, date(2026, 11, 16), date(2026, 11, 17), Policy().zone, 1)
"""


@pytest.mark.parametrize(("step", "first_day"), [("_together", 4), ("append_all", 4), ("the commit", 4), ("sweep", 1)])
def test_a_kill_leaves_the_small_files_or_the_one(pieces: Store, step: str, first_day: int) -> None:
    before, folder = held(pieces), pieces.path
    pieces.close()
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder), step], env=env, check=False)
    assert done.returncode == -signal.SIGKILL
    with Store.open(folder) as again:
        assert held(again).equals(before) and files_by_day(again) == [first_day, 4, 4]
        while join_some(again, FIRST, LAST, ZONE, 1):
            pass
        assert held(again).equals(before) and files_by_day(again) == [1, 1, 4]
        assert verify(again).sound


def test_serve_joins_the_files_of_a_day_that_it_settles(pieces: Store, town: Path) -> None:
    before = held(pieces)
    settling = Settling(SharedStore(pieces), town, local_now=lambda: datetime(2026, 11, 17, 5, tzinfo=ZONE))
    settling.settle_due()
    assert (settling.days, settling.due()) == (1, [])
    assert files_by_day(pieces) == [1, 4, 4] and held(pieces).equals(before)
