"""A whole stream in processes of its own: broker, publisher, workers and store, to be stopped, killed and compared."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
class City:
    """One run of the stream. `folder` holds everything; processes are ended with the block of `city`."""

    folder: Path
    registry: Path
    tracks: list[Path]
    broker: Broker
    topics: Topics
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    figures: str = ""  # what `serve` told Prometheus last

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

    def health(self) -> dict[str, Any]:
        """What `serve` says of what runs beside its pages; empty while it does not answer."""
        try:
            services: dict[str, Any] = json.loads(self._asked("healthz"))["services"]
            return services
        except (IndexError, OSError, ValueError):
            return {}

    def _asked(self, path: str) -> str:
        told = re.findall(r"serving .* at (http://\S+)", (self.folder / "serve.log").read_text("utf-8"))
        with urllib.request.urlopen(told[-1] + path, timeout=10) as answer:
            return str(answer.read(), "utf-8")

    def taken_in(self, within_s: float) -> None:
        """Waits until `serve` has taken everything in that is there, then ends it: it archives what it gathered.

        Raises:
            TimeoutError: if it is not in time.
        """
        deadline, looks = time.monotonic() + within_s, 0
        while looks < 4:
            self.keep_up()
            figures = self.health().get("intake", {})
            looks = looks + 1 if figures.get("findings_lag") == figures.get("fixes_lag") == 0 else 0
            if time.monotonic() > deadline:
                raise TimeoutError(f"serve is behind: {figures}; see {self.folder / 'serve.log'}")
            time.sleep(0.3)
        self.figures = self._asked("metrics")
        if code := self.end("serve"):
            raise RuntimeError(f"serve ended with {code}; see {self.folder / 'serve.log'}")

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
                    found += [
                        {**json.loads(line), "_at": (tp.partition, r.offset, n), "_ms": r.timestamp}
                        for r in records
                        for n, line in enumerate(r.value.split(b"\n"))
                    ]
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
    """A file with one fix for each partition, well after the tracks: by it every truck is known to have gone.

    Times in the future do not count: a clock that is later still would be set aside, and nobody would have gone.
    """
    now_ms, last = time.time_ns() // 1_000_000, 0
    for frame in read_rows(list(tracks), tally=Tally(), batch_rows=500_000):
        times = frame["time"].dt.epoch("ms")
        last = max(last, int(times.filter(times < now_ms).max() or 0))  # type: ignore[call-overload]
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


def know(stream: Path, reference: Path) -> None:
    """Gives the stream's store, which is made here, what `run` had learnt: as if it had judged these trucks before."""
    with Store.read(reference) as store:
        learnt = {name: store.query(f"FROM kept.{name}") for name in ("fleet", "health")}
    with Store.open(stream, create=True) as store, store.transaction():
        for name, rows in learnt.items():
            store.append(f"kept.{name}", rows)


def send_late(address: str, topics: Topics, values: list[bytes], partition: int) -> None:
    """Sends records and waits for them."""
    sender = producer(address)
    for future in [sender.send(topics.fixes, value, partition=partition) for value in values]:
        future.get(timeout=60)
    sender.close(timeout=5)
