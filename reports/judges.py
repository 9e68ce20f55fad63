"""Judging buckets of whole trucks: in this process, and beside it in one for every further core."""

from __future__ import annotations

import gc
import hashlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingest.spool import Bucket, Buckets
from reports import frames
from reports.archive import ArchiveFile, archive_fixes
from reports.crew import JUDGE, PREPARE, SUSPECT, Crew, Member
from reports.memory import no_gc
from reports.suspected import Told, find_suspected
from rules.engine import Counts, judge_all
from rules.extent import turned
from rules.fleet import Fleet, on_time
from rules.ground import Ground
from rules.health import learn, with_marks
from rules.points import share_points
from rules.readings import with_readings
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
    """Who judges buckets: this process, and beside it the crew if there is more than one bucket."""

    def __init__(self, registry_folder: Path, registry: Registry, store: Path, crew: Crew, cores: int) -> None:
        self._registry_folder, self._registry, self._store = registry_folder, registry, store
        self._crew, self._cores = crew, cores

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
                    try:
                        judged[number] = judge(bucket)
                    except BaseException:
                        waiting.clear()  # nobody needs the rest
                        raise
                    bar.advance(task)

            self._work_side_by_side(work, fleet, min(self._cores, len(buckets)))
            return [judged[number] for number in sorted(judged)]

    def seek(self, told: Told) -> Callable[[], pl.DataFrame]:
        """Lets one of the crew, if there is any, find suspected places; gives what waits for them."""
        if not self._crew.members:
            return partial(find_suspected, told, self._registry)
        helper = self._crew.members[0]
        helper.begin(SUSPECT, told)
        return helper.answer

    def _work_side_by_side(
        self, work: Callable[[Callable[[Bucket], Judged]], None], fleet: Fleet, processes: int
    ) -> None:
        """Lets every process take buckets until none is left; a thread here waits for each of the others."""
        if processes > 1 and not self._crew.members:
            self._crew.hire(processes - 1)
            self._crew.begin(PREPARE, self._registry_folder)
        ground = Ground(self._registry)

        def judge_here(bucket: Bucket) -> Judged:
            return judge_bucket(bucket, ground, self._store, fleet)

        def judge_there(member: Member) -> Callable[[Bucket], Judged]:
            def judge(bucket: Bucket) -> Judged:
                judged: Judged = member.do(JUDGE, bucket, self._store, fleet)
                return judged

            return judge

        if processes <= 1:
            return work(judge_here)
        with ThreadPoolExecutor(processes, thread_name_prefix="judge") as threads, no_gc():
            others = [threads.submit(work, judge_there(member)) for member in self._crew.members]
            work(judge_here)
            for other in others:
                other.result()


_ground: Ground


def prepare(registry: Path) -> None:
    """Lays the ground once, in a process of the crew."""
    gc.disable()  # as in `no_gc`, for good: the process is short-lived
    global _ground
    _ground = Ground(load(registry))


def judge_in_crew(bucket: Bucket, store: Path, fleet: Fleet) -> Judged:
    """`judge_bucket` on the ground that was laid."""
    return judge_bucket(bucket, _ground, store, fleet)


def suspect_in_crew(told: Told) -> pl.DataFrame:
    """`find_suspected` under the registry that was read."""
    return find_suspected(told, _ground.registry)


def judge_bucket(bucket: Bucket, ground: Ground, store: Path, fleet: Fleet) -> Judged:
    """Learns, judges and archives the whole history of a bucket's trucks."""
    fixes, repeated = bucket.load()
    fixes, turned_back = turned(on_time(fixes, fleet), ground.extent)
    fleet = replace(fleet, otherwise=(*fleet.otherwise, *turned_back))
    knowledge, health = learn(fixes, ground, fleet)
    findings, counts = judge_all(fixes, ground, knowledge)
    findings.health = with_marks(with_readings(health, fleet), findings.marks)
    findings.violations = share_points(findings.violations, ground.policy)
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
