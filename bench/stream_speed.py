"""How fast one worker on one core is, from one-fix JSON records and from NDJSON of 100, beside a bare consumer.

The bare consumer is kafka-python as it comes: poll, look at every value, nothing else. Same topic, same core, same
broker on the other core. Prints fixes/s of each, by the clock and by processor time, for on a shared machine only the
second tells anything; and the worker's memory at the end.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

from kafka import TopicPartition

from bench.stream_city import PARTITIONS, SAMPLES
from ingest.kafka.client import consumer
from ingest.kafka.publishing import publish
from ingest.kafka.topics import Topics
from tools.broker import Broker


def bare(address: str, topics: Topics) -> tuple[float, float]:
    """Seconds until kafka-python has given every record, and of those the seconds of processor time."""
    reader = consumer(address)
    inputs = [TopicPartition(topics.fixes, p) for p in range(PARTITIONS)]
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


def work(address: str, topics: Topics, registry: Path, fixes: int) -> tuple[float, float]:
    """Seconds from the first batch until everything is committed, and of those the seconds of processor time."""
    from rules.ground import Ground
    from rules.registry import load
    from stream.knowledge import Known
    from stream.worker import Worker, WorkerPlan

    worker = Worker(WorkerPlan(address, 0, topics), Ground(load(registry)), Known)
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


def _told(fixes: int, wall_s: float, cpu_s: float) -> str:
    return f"{fixes / wall_s:,.0f} fixes/s, {cpu_s / fixes * 1e6:.2f} us of processor a fix ({fixes / cpu_s:,.0f} a s)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trial", type=Path, default=SAMPLES, help="a folder with registry/ and tracks/")
    given = parser.parse_args()
    tracks = sorted((given.trial / "tracks").glob("*.parquet"))[:1]
    with tempfile.TemporaryDirectory(prefix="speed") as folder:
        broker = Broker(Path(folder) / "kafka")
        broker.start()
        try:
            sent = {n: publish(tracks, broker.address, Topics(f"n{n}."), speed=0, batch=n, partitions=PARTITIONS)
                    for n in (1, 100)}  # fmt: skip
            os.sched_setaffinity(0, {0})
            for batch, done in sent.items():
                topics = Topics(f"n{batch}.")
                bare_s, bare_cpu_s = bare(broker.address, topics)
                wall_s, cpu_s = work(broker.address, topics, given.trial / "registry", done.rows)
                print(
                    f"{batch:3d} fixes a record: bare kafka-python {_told(done.rows, bare_s, bare_cpu_s)}; worker "
                    f"{_told(done.rows, wall_s, cpu_s)}"
                )
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{sent[1].rows:,} fixes; largest memory {peak_mb:.0f} MB")
        finally:
            broker.kill()
    return 0


if __name__ == "__main__":
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    sys.exit(main())
