"""Judging buckets of whole trucks: in this process, and beside it in one for every further core."""

from __future__ import annotations

import gc
import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingest.spool import Bucket, Buckets
from reports import frames
from reports.archive import ArchiveFile, archive_fixes
from rules.engine import Counts, judge_all
from rules.fleet import Fleet, on_time
from rules.ground import Ground
from rules.health import learn, with_clocks
from rules.points import share_points
from rules.registry import Registry, load


@dataclass(frozen=True)
class Judged:
    """What one bucket gave: what was found as `reports.frames` says, and what became of the fixes."""

    found: dict[str, pl.DataFrame]
    archive: list[ArchiveFile]
    counts: Counts
    repeated: int
    digest: str


class Judges:
    """Who judges buckets: this process, and beside it one for every further core if there is more than one bucket."""

    def __init__(self, registry_folder: Path, registry: Registry, store: Path, cores: int) -> None:
        self._registry_folder, self._registry, self._store, self._cores = registry_folder, registry, store, cores
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Judges:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self.dismiss()

    def hire(self) -> None:
        """Starts the processes, so that they are ready once the tracks are read."""
        if self._cores > 1 and self._pool is None:
            os.environ.setdefault("POLARS_MAX_THREADS", "1")  # one core each; this process has read its own already
            about = (self._registry_folder, self._store)
            self._pool = ProcessPoolExecutor(self._cores - 1, get_context("spawn"), _prepare, about)
            for _ in range(self._cores - 1):
                self._pool.submit(_ready)

    def dismiss(self) -> None:
        """Ends the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def judge(self, buckets: Buckets, fleet: Fleet, console: Console) -> list[Judged]:
        """Judges every bucket; the answers are in the order of the buckets."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with buckets, Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("judging", total=len(buckets))
            waiting = deque(enumerate(buckets.buckets))
            judged: dict[int, Judged] = {}

            def work(judge: Callable[[Bucket], Judged]) -> None:
                while waiting:
                    try:
                        number, bucket = waiting.popleft()
                    except IndexError:  # another was quicker
                        return
                    judged[number] = judge(bucket)
                    bar.advance(task)

            try:
                if len(buckets) > 1:
                    self.hire()
                ground = Ground(self._registry)
                if self._pool is None or len(buckets) <= 1:
                    work(lambda bucket: judge_bucket(bucket, ground, self._store, fleet))
                else:
                    self._work_side_by_side(work, ground, fleet)
            finally:
                waiting.clear()
                self.dismiss()
            return [judged[number] for number in sorted(judged)]

    def _work_side_by_side(
        self, work: Callable[[Callable[[Bucket], Judged]], None], ground: Ground, fleet: Fleet
    ) -> None:
        """Lets every process take buckets until none is left; a thread here waits for each of the others."""
        pool = self._pool
        assert pool is not None
        with ThreadPoolExecutor(self._cores - 1, thread_name_prefix="judge") as threads, no_gc():
            others = [
                threads.submit(work, lambda bucket: pool.submit(_judge_here, bucket, fleet).result())
                for _ in range(self._cores - 1)
            ]
            work(lambda bucket: judge_bucket(bucket, ground, self._store, fleet))
            for other in others:
                other.result()


@contextmanager
def no_gc() -> Iterator[None]:
    """Rows come by the hundred thousand and hold no cycles: looking for some takes a tenth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _prepare(registry: Path, store: Path) -> None:
    """Lays the ground once in a worker process."""
    gc.disable()  # as in `no_gc`, for good: the process is short-lived
    global _ground, _store
    _ground, _store = Ground(load(registry)), store


def _ready() -> None:
    """Does nothing: asking for it makes a process start and prepare."""


_ground: Ground
_store: Path


def _judge_here(bucket: Bucket, fleet: Fleet) -> Judged:
    return judge_bucket(bucket, _ground, _store, fleet)


def judge_bucket(bucket: Bucket, ground: Ground, store: Path, fleet: Fleet) -> Judged:
    """Learns, judges and archives the whole history of a bucket's trucks."""
    fixes, repeated = bucket.load()
    fixes = on_time(fixes, fleet)
    knowledge, health = learn(fixes, ground)
    findings, counts = judge_all(fixes, ground, replace(knowledge, fleet=fleet))
    findings.health = with_clocks(health, fleet)
    findings.violations = share_points(findings.violations)
    archive = archive_fixes(store, fixes, ground.registry.zone)
    hashed = hashlib.sha256("".join(f.sha256 for f in archive).encode())
    found = {**frames.of_findings(findings), "spans": _spans(fixes)}
    return Judged(found, archive, counts, repeated, hashed.hexdigest())


def _spans(fixes: pl.DataFrame) -> pl.DataFrame:
    """Each truck's first and last fix; the fixes are sorted by truck and time."""
    runs = fixes["plate"].rle().struct.unnest()
    last = runs["len"].cum_sum() - 1
    time_ms = fixes["time_ms"]
    first = last - runs["len"] + 1
    return pl.DataFrame({"plate": runs["value"], "first_ms": time_ms.gather(first), "last_ms": time_ms.gather(last)})
