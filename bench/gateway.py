"""The gateway under load, with a real Kafka: how soon frames are acknowledged, and that none acknowledged is lost.

    python -m bench.gateway [--terminals 3000] [--seconds 60] [--away 20] [--loris 1000]

The gateway has one core to itself; the terminals and the broker share the others. Every terminal reports each ten
seconds. Four phases, each as long as `--seconds` says, the third as long as `--away`: all is well; a thousand more
connections send a byte each five seconds, and one frame in a hundred is rubbish; the broker is stopped (SIGSTOP); it is
back. At the end the topic is read, and every acknowledged fix must be there, in order.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kafka import TopicPartition

from ingest.gateway.limits import raise_files
from ingest.jt808.encode import DONE, Report
from ingest.jt808.terminal import Terminal
from ingest.kafka.client import consumer
from tools.broker import Broker

ROOT = Path(__file__).resolve().parent.parent
INTERVAL_S = 10.0
_BUCKET = 'keeping_seconds_bucket{{le="{}"}}'
_START_MS = 1_794_837_600_000


@dataclass
class Fleet:
    """Terminals, what was acknowledged to each, and how soon, by phase."""

    phase: str = "signing on"
    rubbish: bool = False
    acknowledged: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    waits_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    unanswered: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    signed_on: int = 0
    stopping: bool = False


@contextlib.contextmanager
def gateway_process(
    kafka: str, folder: Path, core: int | None
) -> Iterator[tuple[subprocess.Popen[str], tuple[str, int], str]]:
    """A gateway as people start it, on one core; gives the process, where to call it and the page of its figures."""

    def prepare() -> None:  # the limit of open files is what most systems begin with
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        if core is not None:
            os.sched_setaffinity(0, {core})

    command = [sys.executable, str(ROOT / "muckwatch.py"), "gateway", "--listen", "127.0.0.1:0", "--kafka", kafka]
    command += ["--journal", str(folder), "--watch", "127.0.0.1:0"]
    with (folder.parent / "gateway.log").open("a") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, preexec_fn=prepare)
    try:
        assert process.stdout
        host, _, port = process.stdout.readline().split()[-1].rpartition(":")
        page = process.stdout.readline().split()[-1]
        yield process, (host, int(port)), page
    finally:
        process.kill()
        process.wait()


async def drive(fleet: Fleet, number: int, address: tuple[str, int], interval_s: float) -> None:
    """One terminal: signs on, and reports until the fleet stops, whatever happens to its connection."""
    chance = random.Random(number)
    truck = Terminal(f"0139{number:08d}", f"苏A{number:05d}", answer_s=30.0)
    loop, sent = asyncio.get_running_loop(), 0
    await asyncio.sleep(interval_s * chance.random())
    while not fleet.stopping:
        try:
            await truck.connect(*address)
            await truck.sign_on()
            fleet.signed_on += 1
            while not fleet.stopping:
                begun_s, phase = loop.time(), fleet.phase
                if fleet.rubbish and chance.random() < 0.01:
                    truck.write(b"\x7e\x02\x00" + chance.randbytes(40).replace(b"\x7e", b"") + b"\x7e")
                time_ms = _START_MS + 1000 * sent
                sent += 1
                try:
                    if await truck.report(Report(time_ms, 118.78 + sent * 1e-5, 32.04, 36.0, load="full")) == DONE:
                        fleet.acknowledged[truck.plate].append(time_ms)
                        fleet.waits_s[phase].append(loop.time() - begun_s)
                except ConnectionError:
                    fleet.unanswered[phase] += 1
                    raise
                await asyncio.sleep(max(0.0, interval_s - (loop.time() - begun_s)))
        except OSError:
            await asyncio.sleep(1.0)
        finally:
            await truck.close()


async def dribble(address: tuple[str, int]) -> None:
    """A connection that begins a frame and never ends it; calls again when it is closed."""
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(*address)
            try:
                writer.write(b"\x7e")
                while True:
                    writer.write(b"\x02")
                    await writer.drain()
                    await asyncio.sleep(5.0)
            finally:
                writer.close()
        await asyncio.sleep(1.0)


def kept(kafka: str) -> dict[str, list[int]]:
    """The times of every plate's fixes in the topic, in order, each the first time it comes."""
    reader = consumer(kafka)
    parts = [TopicPartition("fixes", number) for number in reader.partitions_for_topic("fixes")]
    ends = reader.end_offsets(parts)
    reader.assign(parts)
    reader.seek_to_beginning(*parts)
    found: dict[str, dict[int, None]] = defaultdict(dict)
    while any(reader.position(part) < ends[part] for part in parts):
        for records in reader.poll(1000).values():
            for record in records:
                for line in record.value.split(b"\n"):
                    fix = json.loads(line)
                    found[fix["plate"]].setdefault(fix["time"])
    reader.close()
    return {plate: list(times) for plate, times in found.items()}


def losses(acknowledged: dict[str, list[int]], there: dict[str, list[int]]) -> tuple[int, int]:
    """How many acknowledged fixes are not there, and how many plates' fixes are not in order."""
    lost = sum(len(set(times) - set(there.get(plate, ()))) for plate, times in acknowledged.items())
    return lost, sum(times != sorted(times) for times in there.values())


def figures(page: str) -> dict[str, float]:
    """The gateway's own metrics."""
    text = urllib.request.urlopen(page, timeout=30).read().decode()
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#")
    return {name.removeprefix("muckwatch_gateway_"): float(value) for name, value in lines}


def memory_mb(pid: int) -> float:
    """Peak resident memory of a process, MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    told = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def spread(waits_s: list[float]) -> str:
    ordered = sorted(waits_s)
    at = lambda share: f"{1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]:7.1f}"
    return f"{len(ordered):8,}  median {at(0.5)}  p99 {at(0.99)}  worst {at(1.0)} ms"


async def load(
    chosen: argparse.Namespace, broker: Broker, process: subprocess.Popen[str], address: tuple[str, int], page: str
) -> Fleet:
    fleet = Fleet()
    trucks = [asyncio.create_task(drive(fleet, n, address, chosen.interval)) for n in range(chosen.terminals)]
    while fleet.signed_on < chosen.terminals:
        await asyncio.sleep(0.1)
    await asyncio.sleep(chosen.interval)

    async def phase(name: str, seconds: float) -> None:
        fleet.phase, before_s, begun_s = name, cpu_s(process.pid), time.monotonic()
        before = await asyncio.to_thread(figures, page)
        await asyncio.sleep(seconds)
        used = (cpu_s(process.pid) - before_s) / (time.monotonic() - begun_s)
        told = await asyncio.to_thread(figures, page)
        kept_in = {limit: told[_BUCKET.format(limit)] - before[_BUCKET.format(limit)] for limit in ("0.2", "+Inf")}
        print(
            f"{name:14}{spread(fleet.waits_s[name])}  unanswered {fleet.unanswered[name]}"
            f"  kept within 200 ms {kept_in['0.2'] / max(1, kept_in['+Inf']):7.2%}  core {used:4.0%}",
            flush=True,
        )

    await phase("calm", chosen.seconds)
    loris = [asyncio.create_task(dribble(address)) for _ in range(chosen.loris)]
    fleet.rubbish = True
    await asyncio.sleep(min(5.0, chosen.seconds))
    await phase("under attack", chosen.seconds)
    fleet.rubbish = False
    for one in loris:
        one.cancel()
    broker.send(signal.SIGSTOP)
    await phase("broker away", chosen.away)
    broker.send(signal.SIGCONT)
    await phase("broker back", chosen.seconds)
    fleet.stopping = True
    await asyncio.gather(*trucks)
    while (await asyncio.to_thread(figures, page))["journal_bytes"]:
        await asyncio.sleep(0.2)
    return fleet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--terminals", type=int, default=3000)
    parser.add_argument("--interval", type=float, default=INTERVAL_S)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--away", type=float, default=20.0)
    parser.add_argument("--loris", type=int, default=1000)
    chosen = parser.parse_args()
    raise_files(chosen.terminals + chosen.loris + 512)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, set(cores[1:]))  # the broker inherits it
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "kafka")
        broker.start()
        try:
            with gateway_process(broker.address, Path(folder) / "journal", cores[0]) as (process, address, page):
                print(f"{chosen.terminals:,} terminals, one report each {chosen.interval:g} s; gateway on one core")
                fleet = asyncio.run(load(chosen, broker, process, address, page))
                told = figures(page)
                print(
                    f"memory of the gateway {memory_mb(process.pid):,.0f} MB, frames off balance",
                    told["frames_off_balance"],
                )
                print(f"drained from the journal {told['records_drained_total']:,.0f} records")
                lost, disordered = losses(fleet.acknowledged, kept(broker.address))
                count = sum(map(len, fleet.acknowledged.values()))
                print(f"acknowledged {count:,}, lost {lost}, plates out of order {disordered}")
                print(f"memory of the terminals {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")
        finally:
            broker.send(signal.SIGCONT)
            broker.kill()
    if lost or disordered or told["frames_off_balance"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
