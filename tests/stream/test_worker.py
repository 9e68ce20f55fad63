"""Workers, store and a real broker in processes of their own, killed and stopped: what `run` finds, id for id."""

from __future__ import annotations

import json
import signal
import time
import uuid
from pathlib import Path

from cli_town import muckwatch
from few_trucks import SAMPLES

from bench.stream_city import City, city, know, run_reference, send_late, teach, with_clocks
from bench.stream_verdict import judged, kept_by, plant, told_by
from ingest.kafka.client import StreamBroken, administration
from ingest.kafka.plates import partition_of
from ingest.kafka.topics import ensure
from reports.settle import judge_days, record_days
from reports.store import Store
from tools.broker import Broker


def test_kills_and_stops_change_nothing_and_settling_agrees(broker: Broker, few: Path, tmp_path: Path) -> None:
    registry = SAMPLES / "registry"
    with city(tmp_path / f"c{uuid.uuid4().hex[:6]}", registry, [few], broker) as town:
        clocks = with_clocks([few], tmp_path / "clocks.jsonl")
        reference = run_reference(tmp_path, registry, [few, clocks])
        teach(town.address, town.topics, reference)
        know(town.store, reference)
        town.serve()
        for slot in (0, 1):
            town.worker(slot)
        publish(town, few, "--batch", 20)
        for name in ("worker0", "serve", "worker1"):
            time.sleep(1.0)
            town.end(name, signal.SIGKILL)
            town.serve() if name == "serve" else town.worker(int(name[-1]))
        broker.send(signal.SIGSTOP)
        time.sleep(1.5)
        broker.send(signal.SIGCONT)
        broker.kill()
        broker.start()
        publish(town, clocks)
        town.drain(180)
        deadline = time.monotonic() + 120
        while judged(reference, told_by(town.findings())).lost and time.monotonic() < deadline:
            time.sleep(1)  # early words of the silent
        for slot in (0, 1):
            assert town.end(f"worker{slot}") == 0
        town.taken_in(120)
        figures = town.figures
        assert 'muckwatch_stream_fixes_off_balance{partition="3"} 0.0' in figures
        assert 'muckwatch_stream_lag_records{partition="3"} 0.0' in figures
        assert 'muckwatch_rejected_fixes{reason="time_in_future"} 1.0' in figures
        told = kept_by(town.store, told_by(town.findings()).said)
        verdict = judged(reference, told, town.store)
        assert verdict.clean and verdict.expected > 10 and verdict.received > 50_000, str(verdict)
        planted = judged(reference, plant(told))
        assert [len(x) for x in (planted.lost, planted.doubled, planted.extra, planted.altered)] == [1, 1, 1, 1]
    with Store.open(town.store) as store:
        days = sorted({f.day for f in store.manifest()})
        before = store.query("SELECT violation_id, facts FROM kept.violations ORDER BY 1").rows()
        for _ in range(2):
            result = record_days(store, judge_days(store, registry, days[0], days[-1], 1_795_600_000_000))
            assert (result.new, result.removed) == (0, 0)
        assert result.revised == 0
        assert store.query("SELECT violation_id, facts FROM kept.violations ORDER BY 1").rows() == before
    told = muckwatch("status", "--store", town.store)
    assert told.code == 0 and " 0 missing from the balance" in told.out


def publish(town: City, tracks: Path, *more: object) -> None:
    town.start("publish", "publish", "--tracks", tracks, "--speed", 0, *more)
    assert town.processes["publish"].wait(120) == 0
    del town.processes["publish"]


def test_poison_late_and_foreign_records_are_set_aside_and_the_rest_goes_on(broker: Broker, tmp_path: Path) -> None:
    plate, at = "苏A99999", 1_795_000_000_000
    home = partition_of(plate, 8)
    fix = lambda s: json.dumps({"plate": plate, "time": at + s * 1000, "lon": 118.8, "lat": 32.0}).encode()
    with city(tmp_path / f"p{uuid.uuid4().hex[:6]}", SAMPLES / "registry", [], broker) as town:
        town.worker(0)
        send_late(town.address, town.topics, [fix(0), b"poison", b"", fix(600), b"[" * 50_000], home)
        send_late(town.address, town.topics, [fix(10)], (home + 1) % 8)
        town.drain(180)
        send_late(town.address, town.topics, [fix(-5)], home)
        town.drain(180)
        said = town.findings()
        assert town.end("worker0") == 0
        told = muckwatch("status", "--kafka", town.address, "--prefix", town.topics.prefix, "--seconds", 0)
        assert told.code == 0 and "7 received" in told.out
        assert "set aside: empty_record 1, not_an_object 2, wrong_partition 1" in told.out
    late = [s for s in said if s["kind"] == "late"]
    assert [(s["plate"], s["fixes"]) for s in late] == [(plate, 1)]
    last = {s["partition"]: s for s in said if s["kind"] == "tally"}
    reasons = {why: r[0] for s in last.values() for why, r in s["rejected"].items()}
    assert reasons == {"not_an_object": 2, "empty_record": 1, "wrong_partition": 1}
    received = sum(s["received"] for s in last.values())
    assert received == 7 == sum(sum(s["counts"].values()) + s["held"] for s in last.values()) + 4


def test_a_topic_made_anew_stops_the_worker_with_the_reason(broker: Broker, tmp_path: Path) -> None:
    with city(tmp_path / f"d{uuid.uuid4().hex[:6]}", SAMPLES / "registry", [], broker) as town:
        town.worker(0)
        send_late(town.address, town.topics, [b"poison"], 0)
        town.drain(180)
        assert town.end("worker0") == 0
        with administration(town.address) as admin:
            admin.delete_topics([town.topics.fixes])
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                ensure(town.address, town.topics, 8)
                break
            except (RuntimeError, StreamBroken):
                time.sleep(0.5)
        town.worker(0)
        assert town.processes.pop("worker0").wait(180) == 1
        assert "deleted and made again" in (town.folder / "worker0.log").read_text("utf-8").splitlines()[-1]
