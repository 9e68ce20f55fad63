"""Kills a process that writes a store, at the steps it takes and at random moments; prints what was left as JSON.

    python kill_store.py FOLDER STRIDE RANDOM_KILLS

A run is recorded in a child that kills itself (SIGKILL) before its n-th step, for every STRIDE-th n until a child
comes through; STRIDE 1 tries them all.
Steps are what touches the disk: statements, files written, synced, renamed, removed. After each kill the store must
hold the rows from before the run or those from after it, its archive must be sound, and the run, said again, must
leave what an undisturbed one leaves.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from small_store import DAY_MS, MONDAY_MS, make_findings, make_fixes, make_tally, make_violation, rows_of, span_of

from reports.archive import archive_fixes, damaged
from reports.recording import RunHead, RunRecord
from reports.store import Store, StoreError
from rules.findings import Findings
from rules.policy import Policy
from rules.registry import Registry, Vehicle, digest

POLICY = Policy()


def first_run(folder: Path) -> None:
    """Two trucks, three days, into a store that is made for it."""
    with Store.open(folder, create=True) as store:
        fixes = make_fixes(["苏A10001", "苏A10003"])
        files = archive_fixes(store.path, fixes, POLICY.zone)
        store.record(RunRecord(head("first"), make_findings(), span_of(fixes), make_tally(), files))


def second_run(folder: Path) -> None:
    """One of the trucks again, over days that overlap: files are rewritten, findings revised, removed and added."""
    with Store.open(folder) as store:
        fixes = make_fixes(["苏A10001"], MONDAY_MS + DAY_MS // 2)
        files = archive_fixes(store.path, fixes, POLICY.zone)
        found = Findings([make_violation(hour=22, confidence=0.5), make_violation(rule="quiet_zone", hour=30)])
        store.record(RunRecord(head("second"), found, span_of(fixes), make_tally(), files))


def head(name: str) -> RunHead:
    files = {"policy.toml": name.encode(), "vehicles.csv": b""}
    registry = Registry(POLICY, vehicles=(Vehicle("苏A10001", "c1", "", "ordinary"),), digest=digest(files))
    return RunHead(registry, files, name, "1.0", MONDAY_MS, "muckwatch run")


#: Tables that the schema itself fills: they say which moves and states there are, not what was recorded.
LAID = {"grants", "moves", "reasons", "states"}


def rows_in(folder: Path) -> str:
    """All rows, or the word for a store that is not there yet or holds nothing yet."""
    try:
        with Store.read(folder) as store:
            assert not damaged(store.path, store.manifest()), "a listed file is missing or torn"
            rows = rows_of(store)
            return repr(rows) if any(held for name, held in rows.items() if name not in LAID) else "none"
    except StoreError as error:
        if "there is no store" in str(error) or "not a store: it has no" in str(error):
            return "none"
        raise


def in_child(work: Callable[[], Any], kill_after_s: float | None = None) -> int:
    """Runs work in a child process; 0 if it came through, else how it ended."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def answer(work: Callable[[], str], scratch: Path) -> str:
    """What a child process says; this process itself never opens a store, so that its children start clean."""
    if in_child(lambda: scratch.write_text(work(), encoding="utf-8")):
        return "the child failed"
    return scratch.read_text(encoding="utf-8")


def killing_itself(run: Callable[[Path], None], folder: Path, step: int) -> None:
    """Runs until the step-th thing that touches the disk."""
    left = step

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return wrapped

    class Counted:
        """A connection whose statements are steps."""

        def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
            self._con = con
            self.execute, self.close = counted(con.execute), counted(con.close)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._con, name)

    connect = duckdb.connect
    duckdb.connect = lambda *args, **kwargs: Counted(connect(*args, **kwargs))  # type: ignore[assignment, return-value]
    for owner, names in (
        (Path, "rename unlink mkdir rmdir write_bytes"),
        (os, "fsync"),
        (pl.DataFrame, "write_parquet"),
    ):
        for name in names.split():
            setattr(owner, name, counted(getattr(owner, name)))
    run(folder)


def try_all(
    run: Callable[[Path], None], template: Path | None, work: Path, stride: int, random_kills: int
) -> dict[str, Any]:
    """Kills the run at every step and at random moments; counts how each attempt ended."""
    folder, scratch = work / "store", work / "answer"

    def fresh() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        if template:
            shutil.copytree(template, folder)

    fresh()
    before = answer(lambda: rows_in(folder), scratch)
    started = time.monotonic()
    assert in_child(lambda: run(folder)) == 0
    takes_s = time.monotonic() - started
    after = answer(lambda: rows_in(folder), scratch)
    counts = {"kills": 0, "before": 0, "after": 0, "torn": 0, "differs_after_rerun": 0}

    def look() -> None:
        left = answer(lambda: rows_in(folder), scratch)
        counts["before" if left == before else "after" if left == after else "torn"] += 1
        again = in_child(lambda: run(folder)) == 0 and answer(lambda: rows_in(folder), scratch) == after
        counts["differs_after_rerun"] += not again

    step = 1
    while True:
        fresh()
        ended = in_child(partial(killing_itself, run, folder, step))
        if ended != signal.SIGKILL:
            assert ended == 0, "the child failed instead of being killed"
            break
        counts["kills"] += 1
        look()
        step += stride
    seeded = random.Random(1)
    for _ in range(random_kills):
        fresh()
        if in_child(lambda: run(folder), seeded.uniform(0, takes_s * 1.2)) != 0:
            counts["kills"] += 1
            look()
    return {**counts, "steps": step, "changes": before != after}


def main() -> None:
    work, stride, random_kills = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    template = work / "template"
    first = try_all(first_run, None, work, stride, random_kills)
    assert in_child(lambda: first_run(template)) == 0
    second = try_all(second_run, template, work, stride, random_kills)
    print(json.dumps({"first": first, "second": second}))


if __name__ == "__main__":
    main()
