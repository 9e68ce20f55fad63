"""A disk that is full under the store and its archive, and records that Kafka no longer has: told, and nothing lost."""

from __future__ import annotations

import json
import resource
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import polars as pl
from few_trucks import SAMPLES
from kafka import TopicPartition

from bench.stream_city import PARTITIONS, City, city, send_late
from bench.stream_verdict import kept_by, told_by
from ingest.kafka.client import administration
from ingest.kafka.plates import partition_of
from ingest.kafka.publishing import records_of
from reports.archive import damaged
from reports.ledger.verify import verify
from reports.store import Store
from tools.broker import Broker

REGISTRY = SAMPLES / "registry"


def soon(holds: Callable[[], bool], town: City, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, (town.folder / "serve.log").read_text("utf-8")
        time.sleep(0.1)


def send(town: City, tracks: Path) -> int:
    """Publishes the fixes of three trucks; gives how many."""
    rows = pl.read_parquet(tracks)
    rows = rows.filter(pl.col("plate").is_in(rows["plate"].unique(maintain_order=True).to_list()[:3]))
    by_partition: dict[int, list[bytes]] = {}
    for partition, _, value in records_of(rows, PARTITIONS, 100):
        by_partition.setdefault(partition, []).append(value)
    for partition, values in by_partition.items():
        send_late(town.address, town.topics, values, partition)
    return rows.height


def fill_the_disk(town: City) -> None:
    """A limit on the size of files stands for the disk of `serve`; the kernel refuses either in the same way."""
    resource.prlimit(town.processes["serve"].pid, resource.RLIMIT_FSIZE, (10_000, 10_000))


def last_line(town: City, name: str) -> str:
    return (town.folder / f"{name}.log").read_text("utf-8").splitlines()[-1]


def test_a_full_disk_stops_serve_with_the_file_and_loses_nothing(broker: Broker, few: Path, tmp_path: Path) -> None:
    with city(tmp_path / f"f{uuid.uuid4().hex[:6]}", REGISTRY, [], broker) as town:
        sent = send(town, few)
        # Fixes are gathered, and cannot be archived when it ends.
        town.serve()
        soon(lambda: bool(town.health().get("intake", {}).get("fixes_ends")), town)
        soon(lambda: town.health()["intake"]["fixes_lag"] == 0, town)
        fill_the_disk(town)
        assert town.end("serve", signal.SIGTERM) == 1
        assert f"{town.store / 'fixes'}" in last_line(town, "serve") and "MB are free" in last_line(town, "serve")
        assert not list(town.store.glob("fixes/2*/.*"))
        # Findings arrive, and the database cannot grow: it stops by itself.
        town.serve()
        soon(lambda: "intake" in town.health(), town)
        fill_the_disk(town)
        town.worker(0)
        assert town.processes.pop("serve").wait(120) == 1
        assert f"{town.store}" in last_line(town, "serve") and "muckwatch.duckdb" in last_line(town, "serve")
        # There is room again.
        town.serve()
        town.drain(120)
        assert town.end("worker0") == 0
        town.taken_in(60)
        said = told_by(town.findings())
    kept = kept_by(town.store, said.said)
    assert set(kept.facts) == set(said.facts) and kept.facts and max(kept.said.values()) == 1
    with Store.open(town.store) as store:
        received, repeated, aside, missing = store.query(
            "SELECT sum(received), sum(repeated), sum(set_aside), sum(missing) FROM stream_balance"
        ).row(0)
        assert (received, missing) == (sent, 0)
        assert sum(f.rows for f in store.manifest()) == sent - repeated - aside
        assert not damaged(store.path, store.manifest())


def test_records_that_kafka_no_longer_holds_stop_both_until_somebody_says_so(broker: Broker, tmp_path: Path) -> None:
    with city(tmp_path / f"g{uuid.uuid4().hex[:6]}", REGISTRY, [], broker) as town:
        home = partition_of("苏A99999", PARTITIONS)

        def say(first: int, last: int) -> None:
            for n in range(first, last):
                fix = {"plate": "苏A99999", "time": 1_795_000_000_000 + n * 1000, "lon": 118.8, "lat": 32.0}
                send_late(town.address, town.topics, [json.dumps(fix).encode()], home)

        say(0, 2)
        town.serve()
        town.worker(0)
        soon(lambda: town.lag() == 0, town)
        soon(lambda: town.health().get("intake", {}).get("fixes_ends", {}).get(str(home)) == 2, town)
        soon(lambda: town.health()["intake"]["fixes_lag"] == 0, town)
        for name in ("serve", "worker0"):
            town.processes[name].send_signal(signal.SIGSTOP)
        say(2, 6)  # the first answers a request that is under way, the others wait
        with administration(town.address) as admin:
            admin.delete_records({TopicPartition(town.topics.fixes, home): 6})
        for name in ("serve", "worker0"):
            town.processes[name].send_signal(signal.SIGCONT)
        where = f"{town.topics.fixes}, partition {home}: offset "
        for name, hint in (("serve", "--skip-lost"), ("worker0", "--rejudge-hours")):
            assert town.processes.pop(name).wait(60) == 1
            told = last_line(town, name)
            assert where in told and "is wanted, but the log holds 6 to 6" in told and hint in told
        town.serve()  # a supervisor starts it again: a stop is no skip
        assert town.processes.pop("serve").wait(60) == 1 and where in last_line(town, "serve")
        more = ("--registry", REGISTRY)
        town.start("worker0", "worker", *more, "--rejudge-hours", 1)
        town.start("serve", "serve", "--store", town.store, *more, "--listen", "127.0.0.1:0", "--skip-lost")
        say(6, 9)
        soon(lambda: town.lag() == 0, town)
        assert town.end("worker0") == 0
        town.taken_in(60)
    with Store.open(town.store) as store:
        assert sum(f.rows for f in store.manifest()) in (5, 6)  # what came before the gap, and behind it
        logged = store.query("SELECT body FROM ledger.entries WHERE subject LIKE 'lost:%'")["body"].to_list()
        assert len(logged) == 1 and verify(store).sound
