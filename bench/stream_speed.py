"""How fast one worker on one core is, from one-fix JSON records and from NDJSON of 100, beside a bare consumer.

The bare consumer is kafka-python as it comes: poll, look at every value, nothing else. Same topic, same core, same
broker on the other core; consumer and worker are processes of their own, the worker set up as `muckwatch worker` is.
Prints fixes/s of each, by the clock and by processor time, for on a shared machine only the second tells anything, and
the worker's largest memory; and PROJ's speed at the time, which tells how fast the machine was.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

CORE = 0


def bare(address: str, prefix: str, fixes: int, trial: Path) -> tuple[float, float]:
    """Seconds until kafka-python has given every record, and of those the seconds of processor time."""
    from kafka import TopicPartition

    from bench.stream_city import PARTITIONS
    from ingest.kafka.client import consumer
    from ingest.kafka.topics import Topics

    reader = consumer(address)
    inputs = [TopicPartition(Topics(prefix).fixes, p) for p in range(PARTITIONS)]
    reader.assign(inputs)
    reader.seek_to_beginning(*inputs)
    total, count = sum(reader.end_offsets(inputs).values()), 0
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    while count < total:
        for records in reader.poll(timeout_ms=500).values():
            count += sum(1 for r in records if r.value)
    took_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    reader.close()
    return took_s


def work(address: str, prefix: str, fixes: int, trial: Path) -> tuple[float, float]:
    """Seconds from the first batch until everything is committed, and of those the seconds of processor time."""
    from reports.memory import keep_memory

    keep_memory(1, long_lived=True)
    from ingest.kafka.topics import Topics
    from rules.ground import Ground
    from rules.registry import load
    from stream.knowledge import Known
    from stream.worker import Worker, WorkerPlan

    worker = Worker(WorkerPlan(address, 0, Topics(prefix)), Ground(load(trial / "registry")), Known)
    took: list[float] = []

    def watch() -> None:
        while not worker.progress.recoveries or not worker.judge.parts:
            time.sleep(0.005)
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        while worker.progress.fixes < fixes:
            time.sleep(0.01)
        took.extend((time.monotonic() - began_s, time.process_time() - began_cpu_s))
        worker.stop()

    threading.Thread(target=watch, daemon=True).start()
    worker.run()
    return took[0], took[1]


MEASURES: dict[str, Callable[[str, str, int, Path], tuple[float, float]]] = {"bare": bare, "worker": work}


def measured(what: str, address: str, prefix: str, fixes: int, trial: Path) -> tuple[float, float, float]:
    """What a process of its own on one core says: seconds, seconds of processor time, MB at most."""
    asked = [sys.executable, "-m", "bench.stream_speed", "--trial", str(trial), "--measure", what]
    where = ["--kafka", address, "--prefix", prefix, "--fixes", str(fixes)]
    told = subprocess.run([*asked, *where], check=True, stdout=subprocess.PIPE, timeout=600)
    wall_s, cpu_s, largest_mb = json.loads(told.stdout)
    return wall_s, cpu_s, largest_mb


def _told(fixes: int, wall_s: float, cpu_s: float) -> str:
    return f"{fixes / wall_s:,.0f} fixes/s, {cpu_s / fixes * 1e6:.2f} us of processor a fix ({fixes / cpu_s:,.0f} a s)"


def lengthened(tracks: Path, weeks: int, folder: Path) -> Path:
    """The tracks so many times in a row, each time a week later, the last time as they are: as many trucks, longer."""
    import polars as pl

    rows = pl.concat([pl.read_parquet(f, hive_partitioning=False) for f in sorted(tracks.glob("*.parquet"))])
    folder.mkdir()
    for number in range(weeks):
        earlier = rows.with_columns(pl.col("time") - pl.duration(weeks=weeks - 1 - number))
        earlier.write_parquet(folder / f"{number}.parquet")
    return folder


def compare(trial: Path, sizes: list[int], rounds: int, weeks: int) -> None:
    """Publishes the trial with so many fixes a record, and prints what bare consumer and worker make of it."""
    from bench.run import proj_points_per_s
    from bench.stream_city import PARTITIONS
    from ingest.kafka.publishing import publish
    from ingest.kafka.topics import Topics
    from tools.broker import Broker

    os.sched_setaffinity(0, set(os.sched_getaffinity(0)) - {CORE} or {CORE})  # the broker's too, which is a child
    with tempfile.TemporaryDirectory(prefix="speed") as folder:
        tracks = lengthened(trial / "tracks", weeks, Path(folder) / "tracks")
        broker = Broker(Path(folder) / "kafka")
        broker.start()
        try:
            for size in sizes:
                for number in range(rounds):
                    prefix = f"n{size}.{number}."
                    done = publish([tracks], broker.address, Topics(prefix), speed=0, batch=size, partitions=PARTITIONS)
                    bare_s, bare_cpu_s, _ = measured("bare", broker.address, prefix, done.rows, trial)
                    wall_s, cpu_s, largest_mb = measured("worker", broker.address, prefix, done.rows, trial)
                    print(
                        f"{size:3d} fixes a record, {done.rows:,} fixes: bare kafka-python "
                        f"{_told(done.rows, bare_s, bare_cpu_s)}; worker {_told(done.rows, wall_s, cpu_s)}, "
                        f"largest memory {largest_mb:.0f} MB; PROJ {proj_points_per_s() / 1e6:.1f} M points/s",
                        flush=True,
                    )
        finally:
            broker.kill()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trial", type=Path, help="a folder with registry/ and tracks/; the samples without it")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 100], help="how many fixes go into a record")
    parser.add_argument("--rounds", type=int, default=1, help="how often each is measured, with a topic of its own")
    parser.add_argument("--weeks", type=int, default=4, help="the tracks so many times in a row")
    parser.add_argument("--measure", choices=MEASURES, help=argparse.SUPPRESS)
    parser.add_argument("--kafka", help=argparse.SUPPRESS)
    parser.add_argument("--prefix", help=argparse.SUPPRESS)
    parser.add_argument("--fixes", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.measure:
        from bench.stream_city import SAMPLES

        compare(given.trial or SAMPLES, given.sizes, given.rounds, given.weeks)
        return 0
    os.sched_setaffinity(0, {CORE})
    wall_s, cpu_s = MEASURES[given.measure](given.kafka, given.prefix, given.fixes, given.trial)
    print(json.dumps([wall_s, cpu_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
    return 0


if __name__ == "__main__":
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    sys.exit(main())
