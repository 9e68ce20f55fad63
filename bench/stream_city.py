"""A whole stream in processes of its own: broker, publisher, workers and store, to be stopped, killed and compared."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from kafka import TopicPartition

from ingest.files import read_rows
from ingest.kafka.client import consumer, producer
from ingest.kafka.plates import partition_of
from ingest.kafka.topics import Topics, ensure
from ingest.tally import Tally
from reports.knowledge import knowledge_of
from reports.store import Store
from stream.early import GONE_MS
from stream.knowledge import publish_knowledge
from tools.broker import Broker

PROGRAM = (sys.executable, "-m", "muckwatch")
ROOT = Path(__file__).resolve().parent.parent
PARTITIONS = 8
SAMPLES = ROOT / "sample_tracks"


@dataclass
class Verdict:
    """What of `run`'s violations the stream lost, doubled or altered; and whether the balance of fixes closes."""

    expected: int
    lost: list[str]
    doubled: list[str]
    extra: list[str]
    altered: list[str]
    received: int = 0
    missing: int = 0
    late: int = 0

    @property
    def clean(self) -> bool:
        """Nothing lost, doubled, extra, altered or missing."""
        return not (self.lost or self.doubled or self.extra or self.altered or self.missing)

    def __str__(self) -> str:
        return (
            f"{self.expected} violations expected: lost {len(self.lost)}, doubled {len(self.doubled)}, extra "
            f"{len(self.extra)}, altered {len(self.altered)}; {self.received} fixes received, {self.missing} missing "
            f"from the balance, {self.late} late"
        )


@dataclass
class City:
    """One run of the stream. `folder` holds everything; processes are ended with the block of `city`."""

    folder: Path
    registry: Path
    tracks: list[Path]
    broker: Broker
    topics: Topics
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Of the broker."""
        return self.broker.address

    @property
    def store(self) -> Path:
        """Where the stream's findings go."""
        return self.folder / "stream"

    def start(self, name: str, *arguments: object) -> None:
        """Starts a command of the program."""
        command = [*PROGRAM, *map(str, arguments), "--kafka", self.address, "--prefix", self.topics.prefix]
        quiet = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, cwd=ROOT, env=quiet, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def worker(self, slot: int) -> None:
        """Starts a worker."""
        self.start(f"worker{slot}", "worker", "--registry", self.registry, "--slot", slot)

    def serve(self) -> None:
        """Starts the taker-in."""
        listen = ("--listen", "127.0.0.1:0")
        self.start("serve", "serve", "--store", self.store, "--registry", self.registry, *listen)

    def end(self, name: str, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends a process; gives its exit code."""
        process = self.processes.pop(name)
        process.send_signal(number)
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def keep_up(self) -> list[str]:
        """Starts again what has ended by itself; gives the names."""
        gone = [n for n, p in self.processes.items() if p.poll() is not None and n.startswith(("serve", "worker"))]
        for name in gone:
            del self.processes[name]
            self.serve() if name == "serve" else self.worker(int(name.removeprefix("worker")))
        return gone

    def lag(self) -> int:
        """Records of fixes that no worker has committed yet."""
        reader = consumer(self.address, group_id=self.topics.group)
        try:
            inputs = [TopicPartition(self.topics.fixes, p) for p in range(PARTITIONS)]
            ends = reader.end_offsets(inputs)
            return sum(ends[tp] - (reader.committed(tp) or 0) for tp in inputs)
        finally:
            reader.close()

    def findings(self) -> list[dict[str, Any]]:
        """Everything that workers have committed so far."""
        reader = consumer(self.address)
        found = []
        try:
            inputs = [TopicPartition(self.topics.findings, p) for p in range(PARTITIONS)]
            reader.assign(inputs)
            reader.seek_to_beginning(*inputs)
            ends = reader.end_offsets(inputs)
            while any(reader.position(tp) < ends[tp] for tp in inputs):
                for tp, records in reader.poll(timeout_ms=200).items():
                    found += [{**json.loads(r.value), "_at": (tp.partition, r.offset)} for r in records]
        finally:
            reader.close()
        return found

    def drain(self, within_s: float) -> None:
        """Waits until everything published is judged, said and, where `serve` runs, taken in.

        Raises:
            TimeoutError: if it is not in time.
        """
        deadline = time.monotonic() + within_s
        quiet = 0
        while quiet < 3:
            self.keep_up()
            if time.monotonic() > deadline:
                raise TimeoutError(f"the stream is {self.lag()} records behind; see the logs in {self.folder}")
            time.sleep(1.0)
            quiet = quiet + 1 if self.lag() == 0 else 0


@contextmanager
def city(folder: Path, registry: Path, tracks: list[Path], broker: Broker | None = None) -> Iterator[City]:
    """A stream with topics of its own; whatever was started ends with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    own = broker or Broker(folder / "kafka")
    own.start()
    made = City(folder, registry, tracks, own, Topics(f"{folder.name}-{os.getpid()}."))
    ensure(own.address, made.topics, PARTITIONS)
    try:
        yield made
    finally:
        for name in list(made.processes):
            made.end(name, signal.SIGKILL)
        if broker is None:
            own.kill()


def with_clocks(tracks: list[Path], to: Path) -> Path:
    """A file with one fix for each partition, a day after the tracks: by it every truck is known to have gone."""
    last = max(
        int(frame["time"].dt.epoch("ms").max())  # type: ignore[arg-type]
        for frame in read_rows(list(tracks), tally=Tally(), batch_rows=500_000)
    )
    plates: dict[int, str] = {}
    number = 0
    while len(plates) < PARTITIONS:
        plates.setdefault(partition_of(f"钟{number:05d}", PARTITIONS), f"钟{number:05d}")
        number += 1
    lines = [
        {"plate": plate, "time": last + GONE_MS + 3_600_000, "lon": 118.8, "lat": 32.0} for plate in plates.values()
    ]
    to.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    return to


def run_reference(folder: Path, registry: Path, tracks: list[Path]) -> Path:
    """What `run` finds on the same fixes."""
    out = folder / "run"
    command = [*PROGRAM, "run", "--registry", str(registry), "--tracks", *map(str, tracks), "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return out


def teach(address: str, topics: Topics, reference: Path) -> None:
    """Publishes what `run` had learnt of the terminals."""
    with Store.read(reference) as store:
        publish_knowledge(address, topics, knowledge_of(store))


def judged(reference: Path, found: list[dict[str, Any]], stream: Path | None) -> Verdict:
    """Compares what the stream said, and what its store holds, with the store of `run`."""
    with Store.read(reference) as store:
        wanted = _facts(store)
    final = Counter(f["id"] for f in found if f["kind"] == "violation" and not f["open"])
    standing = set(final)
    for f in found:
        if f["kind"] == "violation":
            standing.add(f["id"])
        elif f["kind"] == "withdrawn":
            standing.discard(f["id"])
    held = standing
    altered: list[str] = []
    doubled = [i for i, count in final.items() if count > 1]
    received = missing = late = 0
    if stream is not None:
        with Store.read(stream) as store:
            facts = _facts(store)
            rows = store.query("SELECT violation_id, count(*) AS n FROM kept.violations GROUP BY ALL HAVING n > 1")
            sums = store.query("SELECT sum(received), sum(missing), sum(late) FROM stream_balance").row(0)
        held = set(facts)
        doubled += rows["violation_id"].to_list()
        altered = [i for i in facts.keys() & wanted.keys() if facts[i] != wanted[i]]
        received, missing, late = (int(n or 0) for n in sums)
    lost, extra = sorted(wanted.keys() - held), sorted(held - wanted.keys())
    return Verdict(len(wanted), lost, doubled, extra, sorted(altered), received, missing, late)


def _facts(store: Store) -> dict[str, str]:
    rows: pl.DataFrame = store.query("SELECT violation_id, facts FROM kept.violations")
    return dict(rows.iter_rows())


def plant(city_: City, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was found with one violation less, one doubled and one more: a check that sees nothing here sees nothing."""
    violations = [f for f in found if f["kind"] == "violation" and not f["open"]]
    first, second = violations[0], violations[1]
    rest = [f for f in found if f.get("id") != first["id"]]
    return [*rest, second, {**second, "id": "0" * 20}]


def send_late(address: str, topics: Topics, values: list[bytes], partition: int) -> None:
    """Sends records and waits for them."""
    sender = producer(address)
    for future in [sender.send(topics.fixes, value, partition=partition) for value in values]:
        future.get(timeout=60)
    sender.close(timeout=5)
