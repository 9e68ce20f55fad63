"""`muckwatch run`: stored tracks through the engine into a store, in buckets of whole trucks, on every core."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from tempfile import mkdtemp

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingest.files import read_fixes
from ingest.progress import watch
from ingest.spool import Bucket, Buckets, gather
from ingest.tally import Tally
from reports.archive import ArchiveFile, archive_fixes
from reports.recording import RecordResult, RunHead, RunRecord
from reports.recording import Tally as StoredTally
from reports.store import Store
from rules.engine import Counts, judge_all
from rules.findings import Findings
from rules.ground import Ground
from rules.health import learn
from rules.points import share_points
from rules.registry import Registry, load, load_with_files

#: A bucket is judged in one piece by one process, which needs about 600 bytes a fix while it does.
BUCKET_FIXES = 1_000_000
#: Tracks of this size are more than one bucket, most likely: the processes that judge are started while they are read.
MANY_BYTES = 12_000_000
SPOOL_FOLDER = "spool.tmp"


@dataclass(frozen=True)
class RunSummary:
    """What a run did, for whoever started it. `received` = `judged` + `repeated` + `set_aside`, always."""

    tally: Tally
    counts: Counts
    result: RecordResult
    trips: int
    stops: int
    violations: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def received(self) -> int:
        """Fixes read."""
        return self.tally.received

    @property
    def usable(self) -> int:
        """Fixes that went to the engine."""
        return self.tally.usable

    @property
    def repeated(self) -> int:
        """Fixes said more than once, beyond the first."""
        return self.tally.repeated

    @property
    def rejected(self) -> dict[str, int]:
        """Fixes set aside, by reason."""
        return {reason: r.count for reason, r in sorted(self.tally.rejected.items())}

    @property
    def fixes_per_s(self) -> float:
        """Fixes read a second, from start to closed store."""
        return self.received / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class _Judged:
    """What one bucket gave."""

    findings: Findings
    spans: dict[str, tuple[int, int]]
    archive: list[ArchiveFile]
    counts: Counts
    repeated: int
    digest: str


def run_stored(
    registry_folder: Path,
    tracks: Sequence[str | Path],
    out: Path,
    *,
    console: Console,
    now_ms: int | None = None,
    workers: int | None = None,
    bucket_fixes: int = BUCKET_FIXES,
) -> RunSummary:
    """Judges stored tracks and records what was found.

    Args:
        registry_folder: what is permitted.
        tracks: files, folders, or `-`.
        out: the store's folder; made when missing.
        console: where progress is drawn.
        now_ms: the present, epoch ms; fixes after it are set aside. The clock's by default.
        workers: processes that judge; as many as there are cores by default.
        bucket_fixes: how many fixes are judged in one piece.

    Raises:
        RegistryError: the registry has faults.
        TracksError: tracks that cannot be read at all; the store is left as it was.
        StoreError: the store cannot be used or written; it is left as it was.
    """
    started_s = time.monotonic()
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    registry, registry_files = load_with_files(registry_folder)
    cores = workers or len(os.sched_getaffinity(0))
    with Store.open(out, create=True) as store, _spool(store.path) as spool:
        judges = _Judges(registry_folder, registry, store.path, cores)
        with judges, watch(console, "reading tracks") as on_progress:
            tally = Tally()
            if _size_bytes(tracks) >= MANY_BYTES:
                judges.hire()
            frames = read_fixes(tracks, now_ms=now_ms, tally=tally, on_progress=on_progress)
            buckets = gather(frames, memory_fixes=bucket_fixes, folder=spool)
        judged = judges.judge(buckets, console)
        tally.found_repeated(sum(j.repeated for j in judged))
        tally.check()
        findings = Findings()
        spans: dict[str, tuple[int, int]] = {}
        for j in judged:
            findings += j.findings
            spans |= j.spans
        findings.violations = share_points(findings.violations)
        head = RunHead(
            registry=registry,
            registry_folder_files=registry_files,
            input_digest=_digest(tally, judged),
            engine_version=version("muckwatch"),
            started_at_ms=now_ms,
            command="run",
        )
        archive = [f for j in judged for f in j.archive]
        result = store.record(RunRecord(head, findings, spans, _stored(tally), archive))
    by_rule: dict[str, int] = {}
    for v in findings.violations:
        by_rule[v.rule] = by_rule.get(v.rule, 0) + 1
    return RunSummary(
        tally=tally,
        counts=_total([j.counts for j in judged]),
        result=result,
        trips=len(findings.trips),
        stops=len(findings.stops),
        violations=by_rule,
        seconds=time.monotonic() - started_s,
    )


@contextmanager
def _spool(store: Path) -> Iterator[Path]:
    """A folder in the store for fixes that do not fit in memory; what a killed run left of it is removed."""
    root = store / SPOOL_FOLDER
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    try:
        yield Path(mkdtemp(dir=root))
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _size_bytes(tracks: Sequence[str | Path]) -> int:
    """How much there is to read; standard input counts as nothing, what cannot be read has its error later."""
    files = (f for t in tracks for f in ([Path(t)] if Path(t).is_file() else Path(t).rglob("*")) if str(t) != "-")
    return sum(f.stat().st_size for f in files if f.is_file())


class _Judges:
    """The processes that judge buckets; none as long as there is one bucket."""

    def __init__(self, registry_folder: Path, registry: Registry, store: Path, cores: int) -> None:
        self._registry_folder, self._registry, self._store, self._cores = registry_folder, registry, store, cores
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> _Judges:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self.dismiss()

    def hire(self) -> None:
        """Starts the processes, so that they are ready once the tracks are read."""
        if self._cores > 1 and self._pool is None:
            os.environ.setdefault("POLARS_MAX_THREADS", "1")  # one core each; this process has read its own already
            about = (self._registry_folder, self._store)
            self._pool = ProcessPoolExecutor(self._cores, get_context("spawn"), _prepare, about)
            for _ in range(self._cores):
                self._pool.submit(_ready)

    def dismiss(self) -> None:
        """Ends the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def judge(self, buckets: Buckets, console: Console) -> list[_Judged]:
        """Judges every bucket; the answers are in the order of the buckets."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with buckets, Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("judging", total=len(buckets))
            try:
                if len(buckets) > 1:
                    self.hire()
                if self._pool is None or len(buckets) <= 1:
                    ground = Ground(self._registry)
                    return [
                        judge_bucket(bucket, ground, self._store) for bucket in bar.track(buckets.buckets, task_id=task)
                    ]
                waiting = [self._pool.submit(_judge_here, bucket) for bucket in buckets.buckets]
                for _ in bar.track(as_completed(waiting), task_id=task, total=len(waiting)):
                    pass
                return [future.result() for future in waiting]
            finally:
                self.dismiss()


def _prepare(registry: Path, store: Path) -> None:
    """Lays the ground once in a worker process."""
    gc.disable()  # plain rows by the hundred thousand, no cycles, and the process is short-lived
    global _ground, _store
    _ground, _store = Ground(load(registry)), store


def _ready() -> None:
    """Does nothing: asking for it makes a process start and prepare."""


_ground: Ground
_store: Path


def _judge_here(bucket: Bucket) -> _Judged:
    return judge_bucket(bucket, _ground, _store)


def judge_bucket(bucket: Bucket, ground: Ground, store: Path) -> _Judged:
    """Learns, judges and archives the whole history of a bucket's trucks."""
    fixes, repeated = bucket.load()
    knowledge, health = learn(fixes, ground)
    findings, counts = judge_all(fixes, ground, knowledge)
    findings.health = health
    ends = fixes.group_by("plate").agg(first=pl.col("time_ms").min(), last=pl.col("time_ms").max())
    spans = {plate: (first, last) for plate, first, last in ends.iter_rows()}
    archive = archive_fixes(store, fixes, ground.registry.zone)
    hashed = hashlib.sha256("".join(f.sha256 for f in archive).encode())
    return _Judged(findings, spans, archive, counts, repeated, hashed.hexdigest())


def _digest(tally: Tally, judged: list[_Judged]) -> str:
    """Identifies the input by what was said in it, whatever the order and the cut into files."""
    rejected = {reason: [r.count, r.first_ms, r.last_ms] for reason, r in sorted(tally.rejected.items())}
    parts = [json.dumps([tally.received, tally.repeated, rejected]), *sorted(j.digest for j in judged)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _stored(tally: Tally) -> StoredTally:
    return StoredTally(
        received=tally.received,
        repeated=tally.repeated,
        rejected={reason: asdict(r) for reason, r in tally.rejected.items()},
        ignored_values={name: i.count for name, i in tally.ignored_values.items()},
    )


def _total(counts: list[Counts]) -> Counts:
    names = asdict(Counts())
    return Counts(**{name: sum(asdict(c)[name] for c in counts) for name in names})
