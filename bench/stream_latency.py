"""From the fix that passes a threshold to the row in the view `violations`, at 5,000 fixes a second.

`python -m bench.stream_latency [--rate 5000] [--probes 100]`. A real broker, a worker in a process of its own, and
`serve`'s intake with its store in this one. Trucks that stand, and a few that drive, make the load; probes drive too
fast from some moment on, a fix every second, and the clock runs from the fix at which that has lasted long enough until
the row is there. Prints median, 99th percentile and the largest.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from bench.stream_city import PARTITIONS, SAMPLES, City, city
from ingest.kafka.client import producer
from ingest.kafka.plates import partition_of
from reports.intake.service import Intake
from reports.shared import SharedStore
from reports.store import Store
from rules.registry import load_with_files

TICK_S, TICKS_A_S = 0.1, 10
#: A probe begins so many ticks after the one before; no divisor of a second, so that they fall anywhere in a batch.
PROBE_TICKS = 3
#: Of the trucks that make the load one in so many drives.
DRIVES = 50
THRESHOLD_MS = 30_000
LON, LAT = 118.78, 32.05


class Load(threading.Thread):
    """Sends what the trucks of the load and the probes report, ten times a second, until it has all been sent."""

    def __init__(self, town: City, rate: float, probes: int, warm_s: float) -> None:
        super().__init__(name="load")
        self._town, self._rate, self._warm_s = town, rate, warm_s
        self._plates = [f"载{n:05d}" for n in range(int(rate))]
        self.began = {f"测{n:05d}": round(warm_s / TICK_S) + n * PROBE_TICKS for n in range(probes)}
        self.passed_s: dict[str, float] = {}
        self.sent, self.took_s = 0, 0.0
        self.late_s = 0.0

    def run(self) -> None:
        sender = producer(self._town.address, linger_ms=5)
        start_s, futures, tick = time.time(), [], 0
        last_s = max(self.began.values()) * TICK_S + THRESHOLD_MS / 1000 + 3
        while tick * TICK_S < last_s:
            due_s = start_s + tick * TICK_S
            time.sleep(max(0.0, due_s - time.time()))
            self.late_s = max(self.late_s, time.time() - due_s)
            held: dict[int, list[str]] = {}
            share = int(self._rate * TICK_S)
            at = tick * share % len(self._plates)
            for number in range(at, min(at + share, len(self._plates))):
                plate = self._plates[number]
                lines = held.setdefault(partition_of(plate, PARTITIONS), [])
                lines.append(_fix(plate, due_s, 20.0 if number % DRIVES == 0 else 0.0, number, tick))
            for number, (plate, began_tick) in enumerate(self.began.items()):
                seconds, between = divmod(tick - began_tick, TICKS_A_S)
                if not between and 0 <= seconds <= THRESHOLD_MS // 1000 + 2:
                    lines = held.setdefault(partition_of(plate, PARTITIONS), [])
                    lines.append(_fix(plate, due_s, 90.0, number, seconds * TICKS_A_S))
                    if seconds * 1000 >= THRESHOLD_MS:
                        self.passed_s.setdefault(plate, time.time())
            for partition, lines in held.items():
                for k in range(0, len(lines), 100):
                    value = "\n".join(lines[k : k + 100]).encode()
                    futures.append(sender.send(self._town.topics.fixes, value, partition=partition))
                self.sent += len(lines)
            tick += 1
        self.took_s = time.time() - start_s
        for future in futures:
            future.get(timeout=60)
        sender.close(timeout=5)


def _fix(plate: str, at_s: float, speed_kmh: float, number: int, tick: int) -> str:
    """One report: on a line of its own north-eastwards, as far as the speed brings it in `tick` tenths of a second."""
    gone_deg = speed_kmh / 3.6 * tick * TICK_S / 111_000 / math.cos(math.radians(LAT))
    place = {"lon": round(LON + gone_deg, 6), "lat": round(LAT + number % 1000 * 1e-4, 6)}
    told = {"plate": plate, "time": int(at_s * 1000), **place, "speed_kmh": speed_kmh, "terminal": plate}
    return json.dumps(told, ensure_ascii=False)


def watch(shared: SharedStore, load: Load, within_s: float) -> dict[str, float]:
    """When each probe's row was first there, by the clock of this machine; waits so long after the load's end."""
    seen: dict[str, float] = {}
    deadline = math.inf  # the last probes pass the threshold shortly before the load ends
    while len(seen) < len(load.began) and time.monotonic() < deadline:
        with shared.reading() as store:
            rows = store.query("SELECT DISTINCT plate FROM violations WHERE rule = 'overspeed'")
        now_s = time.time()
        for plate in rows["plate"].to_list():
            if plate in load.began:
                seen.setdefault(plate, now_s)
        if deadline == math.inf and not load.is_alive():
            deadline = time.monotonic() + within_s
        time.sleep(0.03)
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=5_000.0)
    parser.add_argument("--probes", type=int, default=100)
    parser.add_argument("--warm", type=float, default=10.0, help="seconds of load before the first probe")
    given = parser.parse_args()
    registry, files = load_with_files(SAMPLES / "registry")
    where = SAMPLES / "registry"
    with tempfile.TemporaryDirectory(prefix="latency") as folder, city(Path(folder) / "city", where, []) as town:
        shared = SharedStore(Store.open(town.store, create=True))
        intake = Intake(shared, registry, files, town.address, town.topics)
        intake.start()
        town.worker(0)
        load = Load(town, given.rate, given.probes, given.warm)
        load.start()
        try:
            seen = watch(shared, load, 20.0)
            load.join()
        finally:
            intake.stop()
            shared.close()
        words = [w for w in town.findings() if w.get("rule") == "overspeed" and w["plate"] in load.passed_s]
    waits_s = np.array([seen[p] - load.passed_s[p] for p in seen])
    said_s = [w["_ms"] / 1000 - load.passed_s[w["plate"]] for w in words if w["open"]]
    middle, high = np.percentile(waits_s, [50, 99])
    print(
        f"{len(waits_s)} of {given.probes} probes seen at {load.sent / load.took_s:,.0f} fixes/s (never later than "
        f"{load.late_s:.1f} s): median {middle:.2f} s, p99 {high:.2f} s, largest {waits_s.max():.2f} s; written by the "
        f"worker after {np.median(said_s):.2f} s; load {os.getloadavg()[0]:.1f}"
    )
    for plate in sorted(load.passed_s.keys() - seen):
        print(f"{plate} passed at {load.passed_s[plate]:.1f}: {[w for w in words if w['plate'] == plate]}")
    return 0 if len(waits_s) == given.probes else 1


if __name__ == "__main__":
    sys.exit(main())
