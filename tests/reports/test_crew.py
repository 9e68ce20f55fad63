"""Processes beside this one: they judge as one would alone, tell their errors, and leave nobody behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from cli_town import ROOT, drive, write_csv, write_registry
from rich.console import Console

from reports.crew import PREPARE, Crew
from reports.errors import StoreError
from reports.run import run_stored
from reports.store import Store

QUIET = Console(quiet=True)
TABLES = ("kept.violations", "kept.trips", "kept.stops", "kept.health", "fixes")
TRUCKS = 40


def everything(folder: Path) -> dict[str, list[str]]:
    with Store.read(folder) as store:
        told = {table: store.query(f"FROM {table}").drop("recorded_ms", strict=False) for table in TABLES}
    return {table: sorted(map(repr, rows.rows())) for table, rows in told.items()}


def test_several_processes_find_what_one_finds(tmp_path: Path) -> None:
    registry = write_registry(tmp_path / "registry")
    rows = [row for number in range(TRUCKS) for row in drive(plate=f"苏A{number:05d}")]
    tracks = write_csv(tmp_path / "tracks.csv", rows)
    alone = run_stored(registry, [tracks], tmp_path / "alone", console=QUIET)
    spread = run_stored(registry, [tracks], tmp_path / "spread", console=QUIET, workers=3, bucket_fixes=len(rows) // 8)
    assert alone.violations == spread.violations and sum(alone.violations.values()) >= TRUCKS
    assert everything(tmp_path / "spread") == everything(tmp_path / "alone")


def test_an_error_in_another_process_comes_back_in_words(tmp_path: Path) -> None:
    with Crew() as crew:
        crew.hire(1)
        crew.begin(PREPARE, tmp_path / "nowhere")
        with pytest.raises(StoreError, match=r"RegistryError.*nowhere"):
            crew.members[0].answer()
        assert crew.members[0].do("os:getpid") != os.getpid()  # it goes on


def test_a_process_that_is_gone_is_told_in_one_line() -> None:
    with Crew() as crew:
        crew.hire(2)
        first, second = crew.members
        os.kill(first.do("os:getpid"), signal.SIGKILL)
        with pytest.raises(StoreError, match="memory; nothing was recorded"):
            first.do("os:getpid")
        assert second.do("os:getppid") == os.getpid()


def test_nobody_is_left_behind_by_a_killed_process() -> None:
    program = """
        import os
        from reports.crew import Crew
        crew = Crew()
        crew.hire(3)
        print(*(m.do("os:getpid") for m in crew.members), crew.members[0].do("multiprocessing:parent_process").pid)
        os.kill(os.getpid(), 9)
    """
    command = [sys.executable, "-c", dedent(program)]
    killed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False, timeout=60)
    # Reading to the end of the pipe has waited until nobody held its other end, the members included.
    *members, parent = map(int, killed.stdout.split())
    assert killed.returncode == -signal.SIGKILL
    assert len(set(members)) == 3 and parent not in members


def test_memory_once_used_is_kept() -> None:
    program = """
        import resource, sys
        from reports.memory import keep_memory
        kept = sys.argv[1] == "keep" and keep_memory(2)
        import numpy as np
        for turn in range(6):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            three = [np.ones(2_000_000) for _ in range(3)]
            del three
        print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    """
    told = {
        how: subprocess.run(
            [sys.executable, "-c", dedent(program), how], cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=60
        ).stdout.split()
        for how in ("keep", "give")
    }
    if told["keep"][0] == b"False":
        pytest.skip("the C library is not glibc")
    assert int(told["keep"][1]) < 100 < int(told["give"][1])
