"""A worker with 20,000 trucks: its memory, and how long it takes to be back after a kill -9.

`python -m bench.stream_fleet --trial FOLDER [--trucks 20000] [--rate 5000] [--seconds 30]`. A trial's trucks are judged
up to the middle of their tracks; copies of their states under other plates are put into the state topic as a worker
writes them, and what follows in the tracks is published for all of them, at a rate. One worker in a process of its own
takes all partitions. Prints what a truck takes packed, the largest memory of the worker, and the seconds from its start
until it has judged what waits: after a first start, and after a kill -9 with what came meanwhile.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import signal
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import msgspec
import polars as pl

from bench.stream_city import PARTITIONS, SAMPLES, City, city
from ingest.arrange import arrange
from ingest.kafka.client import producer
from ingest.kafka.plates import partition_of
from ingest.kafka.publishing import records_of
from ingest.kafka.quick import Raw
from ingest.kafka.records import decode
from ingest.kafka.topics import ids
from rules.engine import State, step
from rules.ground import Ground
from rules.health import Knowledge
from rules.registry import load
from stream.memory import PART_KEY, TRUCKS_KEY, accounts_record, mark_snapshot
from stream.parts import Part
from stream.trucks import Trucks

SLICE = 20_000


def copied(state: State, copies: int) -> State:
    """The state of so many times the trucks, which all did the same."""

    def names(plate: str) -> list[str]:
        return [f"{plate}·{copy}" for copy in range(copies)]

    return State(
        {
            name: msgspec.structs.replace(truck, plate=name)
            for plate, truck in state.trucks.items()
            for name in names(plate)
        },
        {name: voice for plate, voice in state.voices.items() for name in names(plate)},
        {name: ms for plate, ms in state.judged_ms.items() for name in names(plate)},
        several(state.pending, copies),
        several(state.context, copies),
    )


def several(rows: pl.DataFrame, copies: int) -> pl.DataFrame:
    """The same rows of each copy of a truck."""
    numbers = pl.DataFrame({"copy": [f"·{copy}" for copy in range(copies)]})
    return numbers.join(rows, how="cross").with_columns(plate=pl.col("plate") + pl.col("copy")).drop("copy")


def seed(town: City, state: State, copies: int, ground: Ground) -> float:
    """Writes the fleet's state as a worker does; gives the kB that a truck takes there, before compression."""
    trucks = Trucks(lambda plate: partition_of(plate, PARTITIONS))
    made = copied(state, copies)
    trucks.put(made, made.judged_ms)
    sender = producer(town.address)
    registry = f"{ground.registry.digest}/{ground.policy.digest}"
    topic_id = ids(town.address, town.topics)[town.topics.fixes]
    sent, size = [], 0
    for p in range(PARTITIONS):
        part = Part(0, 0)
        mark_snapshot(part, 0.0, 0)
        for n, value in enumerate(trucks.buckets(p, 0)):
            size += int.from_bytes(value[:8], "big")
            sent.append(sender.send(town.topics.state, value, key=TRUCKS_KEY + b"%02d" % n, partition=p))
        record = accounts_record(part, registry, topic_id, PARTITIONS)
        sent.append(sender.send(town.topics.state, record, key=PART_KEY, partition=p))
    for future in sent:
        future.get(timeout=120)
    sender.close(timeout=5)
    return size / len(trucks) / 1000


def publish(town: City, rows: pl.DataFrame, copies: int, rate: float = math.inf) -> int:
    """Publishes what the copies send, each row once, at a rate; gives how many fixes."""
    sender = producer(town.address, linger_ms=20)
    began_s, sent, done = time.monotonic(), [], 0
    for row in rows.iter_slices(1):
        for partition, _, value in records_of(several(row, copies), PARTITIONS, 100):
            sent.append(sender.send(town.topics.fixes, value, partition=partition))
        done += copies
        time.sleep(max(0.0, began_s + done / rate - time.monotonic()))
    for future in sent:
        future.get(timeout=120)
    sender.close(timeout=5)
    return done


def caught_up(town: City, within_s: float = 120.0) -> float:
    """Seconds until nothing waits any more."""
    began_s = time.monotonic()
    while lag := town.lag():
        if time.monotonic() - began_s > within_s or town.processes["worker0"].poll() is not None:
            raise TimeoutError(f"{lag} records wait; {(town.folder / 'worker0.log').read_text('utf-8')[-500:]}")
        time.sleep(0.5)  # asking costs a client's start each time
    return time.monotonic() - began_s


def start(town: City) -> None:
    """Starts the worker, with its figures."""
    town.start("worker0", "worker", "--registry", town.registry, "--slot", 0, "--metrics", "127.0.0.1:0")


def reading_s(town: City) -> float:
    """How long the worker took to read back what the one before it left."""
    address = re.findall(r"figures at (http://\S+)", (town.folder / "worker0.log").read_text("utf-8"))[-1]
    with urllib.request.urlopen(address, timeout=10) as answer:
        told = str(answer.read(), "utf-8")
    return float(re.findall(r"^muckwatch_worker_recovery_seconds{.*} (\S+)", told, re.MULTILINE)[0])


def processor_s(pid: int) -> float:
    """The processor time of a process so far, s."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def largest_mb(pid: int) -> float:
    """The largest memory of a process so far."""
    told = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(told.split("VmHWM:")[1].split()[0]) / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trial", type=Path, default=SAMPLES, help="a folder with registry/ and tracks/")
    parser.add_argument("--trucks", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=5_000.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    ground = Ground(load(given.trial / "registry"))
    rows = pl.read_parquet(sorted((given.trial / "tracks").glob("*.parquet"))[0], hive_partitioning=False)
    rows = rows.filter(pl.col("plate").is_not_null()).sort("time")
    half = rows.height // 2
    fixes = _decoded(rows[:half])
    hold_ms = ground.policy.allowed_lateness_s * 1000
    state = State()
    for part in arrange(fixes)[0].sort("time_ms").iter_slices(SLICE):
        state = step(part, state, ground, Knowledge(), hold_ms)[1]
    copies = given.trucks // len(state.judged_ms)
    print(f"{len(state.judged_ms)} trucks, {copies} of each", file=sys.stderr, flush=True)
    trial = given.trial / "registry"
    with tempfile.TemporaryDirectory(prefix="fleet") as folder, city(Path(folder) / "city", trial, []) as town:
        packed_kb = seed(town, state, copies, ground)
        publish(town, rows[half : half + 64], copies)
        start(town)
        first_s, first_read_s = caught_up(town), reading_s(town)
        count = int(given.rate * given.seconds) // copies
        began_cpu_s = processor_s(town.processes["worker0"].pid)
        sent = publish(town, rows[half + 64 : half + 64 + count], copies, given.rate)
        behind_s = caught_up(town)
        live_cpu_s = processor_s(town.processes["worker0"].pid) - began_cpu_s
        live_mb = largest_mb(town.processes["worker0"].pid)
        town.end("worker0", signal.SIGKILL)
        publish(town, rows[half + 64 + count : half + 128 + count], copies)
        start(town)
        back_s, read_s = caught_up(town), reading_s(town)
        back_cpu_s = processor_s(town.processes["worker0"].pid)
        again_mb = largest_mb(town.processes["worker0"].pid)
    print(
        f"{copies * len(state.judged_ms):,} trucks, {packed_kb:.1f} kB each packed; started and caught up in "
        f"{first_s:.1f} s (of it {first_read_s:.1f} s reading state); "
        f"{sent:,} fixes at {given.rate:,.0f}/s: {behind_s:.1f} s behind at their end, "
        f"{live_cpu_s:.1f} s of processor, largest memory {live_mb:.0f} MB; killed, started again and caught up "
        f"in {back_s:.1f} s ({back_cpu_s:.1f} s of processor; {read_s:.1f} s reading "
        f"state and what came since) with {again_mb:.0f} MB; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    return 0


def _decoded(rows: pl.DataFrame) -> pl.DataFrame:
    records: dict[int, list[Raw]] = {p: [] for p in range(PARTITIONS)}
    for part in rows.iter_slices(SLICE):
        for p, _, value in records_of(part, PARTITIONS, 100):
            records[p].append(Raw(len(records[p]), 0, value))
    return decode(records, PARTITIONS, now_ms=time.time_ns() // 1_000_000).fixes


if __name__ == "__main__":
    sys.exit(main())
