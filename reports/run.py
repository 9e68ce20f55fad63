"""`muckwatch run`: stored tracks through the engine into a store, in buckets of whole trucks, on every core."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from ingest.files import read_fixes
from ingest.progress import watch
from ingest.second_look import SecondLook
from ingest.spool import gather
from ingest.tally import Tally, TracksError
from reports.crew import Crew, cores
from reports.judges import Judged, Judges
from reports.memory import no_gc
from reports.recording import RecordResult, RunHead
from reports.recording import Tally as StoredTally
from reports.store import Store
from rules.engine import Counts
from rules.extent import extent_of
from rules.fleet import Survey
from rules.registry import load_with_files
from rules.tags import Tag

#: A bucket is judged in one piece by one process, which needs about 600 bytes a fix for it.
BUCKET_FIXES = 1_000_000
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
    tagged: dict[str, int] = field(default_factory=dict)
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


def run_stored(
    registry_folder: Path,
    tracks: Sequence[str | Path],
    out: Path,
    *,
    console: Console,
    now_ms: int | None = None,
    workers: int | None = None,
    bucket_fixes: int = BUCKET_FIXES,
    crew: Crew | None = None,
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
        crew: processes that were hired for this run before; else they are hired once there is enough to do.

    Raises:
        RegistryError: the registry has faults.
        TracksError: tracks that cannot be read at all; the store is left as it was.
        StoreError: the store cannot be used or written; it is left as it was.
    """
    started_s = time.monotonic()
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    registry, registry_files = load_with_files(registry_folder)
    with Crew() as own_crew, _Opening(out) as opening:
        with watch(console, "reading tracks") as on_progress:
            tally = Tally()
            survey = Survey()
            look = SecondLook(extent_of(registry))
            frames = read_fixes(
                tracks, now_ms=now_ms, tally=tally, on_progress=on_progress, coded=True, second_look=look
            )
            buckets = gather(survey.watch(frames), memory_fixes=bucket_fixes, folder=opening.spool)
        store = opening.store
        judges = Judges(registry_folder, registry, store.path, crew or own_crew, workers or cores())
        fleet = replace(survey.learnt(), otherwise=tuple(look.found))
        judged = judges.judge(buckets, fleet, console)
        tally.found_repeated(sum(j.repeated for j in judged))
        tally.check()
        head = RunHead(
            registry=registry,
            registry_folder_files=registry_files,
            input_digest=_digest(tally, judged),
            engine_version=version("muckwatch"),
            started_at_ms=now_ms,
            command="run",
        )
        with no_gc(), store.recording(head) as recording:
            for j in judged:
                recording.add_frames(j.found)
                recording.add_archive(j.archive)
            recording.set_tally(_stored(tally))
            recording.set_fleet(fleet)
            recording.seek_beside(judges.seek)
        assert recording.result
    by_rule = Counter(rule for j in judged for rule in j.found["violations"]["rule"])
    return RunSummary(
        tally=tally,
        counts=sum((j.counts for j in judged), Counts()),
        result=recording.result,
        trips=sum(j.found["trips"].height for j in judged),
        stops=sum(j.found["stops"].height for j in judged),
        violations=dict(by_rule),
        tagged=_tagged(judged),
        seconds=time.monotonic() - started_s,
    )


def _tagged(judged: list[Judged]) -> dict[str, int]:
    """How many fixes bear each tag."""
    counts: Counter[str] = Counter()
    for j in judged:
        for tag, fixes in j.found["tagged"].select("tag", "fixes").iter_rows():
            counts[tag] += fixes
    return {tag.word: counts[tag.word] for tag in Tag if counts[tag.word]}


class _Opening:
    """A store that is opened, and made if need be, while the first tracks are read; a context manager that closes it.

    It has a folder for fixes that do not fit in memory; what a killed run left of it is removed.
    """

    def __init__(self, out: Path) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="open")
        self._opened = self._thread.submit(self._open, out)
        self._root: Path | None = None

    def _open(self, out: Path) -> Store:
        store = Store.open(out, create=True)
        shutil.rmtree(store.path / SPOOL_FOLDER, ignore_errors=True)
        return store

    @property
    def store(self) -> Store:
        """The store; waits for it.

        Raises:
            StoreError: it cannot be used.
        """
        return self._opened.result()

    def spool(self) -> Path:
        """The folder for fixes, new; raises as `store` does."""
        self._root = self.store.path / SPOOL_FOLDER
        self._root.mkdir()
        return self._root

    def __enter__(self) -> _Opening:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: object) -> None:
        self._thread.shutdown()
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
        if self._opened.exception() is None:
            self._opened.result().close()
        elif kind is None or issubclass(kind, TracksError):
            self._opened.result()  # the store's fault comes first


def _digest(tally: Tally, judged: list[Judged]) -> str:
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
