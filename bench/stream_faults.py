"""Streams a city's tracks while workers, broker and store are killed and stopped at random, and compares with `run`.

`python -m bench.stream_faults [--trial FOLDER] [--kills 50] [--stops 10] [--rebalances 10] [--serve-kills 10]`: a
folder with `registry/` and `tracks/`; the sample week by default. Prints one line of figures and exits 1 if anything
was lost, doubled or altered, or if the check does not see what is planted.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench.stream_city import City, city, know, run_reference, teach, with_clocks
from bench.stream_verdict import Told, Verdict, differences, judged, kept_by, plant, seen, told_by
from reports.settle import judge_days, record_days
from reports.store import Store

WORKERS = 3
SAMPLES = Path(__file__).resolve().parent.parent / "sample_tracks"


def one_fault(what: str, town: City, chance: random.Random) -> None:
    """Does one thing to the stream and lets it go on."""
    if what == "kill":
        slot = chance.randrange(WORKERS)
        town.end(f"worker{slot}", signal.SIGKILL)
        town.worker(slot)
    elif what == "serve":
        town.end("serve", signal.SIGKILL)
        town.serve()
    elif what == "rebalance":  # away for longer than the session: others take over, then it comes back
        slot = chance.randrange(WORKERS)
        town.end(f"worker{slot}", signal.SIGKILL)
        time.sleep(12)
        town.worker(slot)
    elif chance.random() < 0.5:
        town.broker.send(signal.SIGSTOP)
        time.sleep(chance.uniform(1, 8))
        town.broker.send(signal.SIGCONT)
    else:
        town.broker.kill()
        town.broker.start()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trial", type=Path, help="a folder with registry/ and tracks/")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--stops", type=int, default=10)
    parser.add_argument("--rebalances", type=int, default=10)
    parser.add_argument("--serve-kills", type=int, default=10)
    parser.add_argument("--pause", type=float, default=3.0, help="seconds between faults, about")
    parser.add_argument("--speed", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    trial = given.trial or SAMPLES
    registry = trial / "registry"
    tracks = sorted((trial / "tracks").glob("*.parquet"))[:1]
    chance = random.Random(given.seed)
    faults = ["kill"] * given.kills + ["stop"] * given.stops + ["rebalance"] * given.rebalances
    faults += ["serve"] * given.serve_kills
    chance.shuffle(faults)
    with tempfile.TemporaryDirectory(prefix="faults") as name, city(Path(name) / "city", registry, tracks) as town:
        clocks = with_clocks(tracks, town.folder / "clocks.jsonl")
        reference = run_reference(town.folder, registry, [*tracks, clocks])
        teach(town.address, town.topics, reference)
        know(town.store, reference)
        town.serve()
        for slot in range(WORKERS):
            town.worker(slot)
        began_s = time.monotonic()
        more = ("--batch", 100, "--resume", town.folder / "bookmark")
        town.start("publish", "publish", "--tracks", tracks[0], "--speed", given.speed or _speed(faults, given), *more)
        for what in faults:
            time.sleep(chance.uniform(0.5, 1.5) * given.pause)
            one_fault(what, town, chance)
            _publisher(town, tracks[0], given.speed or _speed(faults, given), more)
            print(f"{time.monotonic() - began_s:6.0f} s {what}, {town.keep_up()} came back", file=sys.stderr)
        while town.processes["publish"].poll() is None:
            time.sleep(1)
            _publisher(town, tracks[0], 0.0, more)
        assert town.processes.pop("publish").returncode == 0
        town.start("clocks", "publish", "--tracks", clocks, "--speed", 0)
        assert town.processes.pop("clocks").wait() == 0
        town.drain(900)
        told = _whole(town, reference)
        for slot in range(WORKERS):
            town.end(f"worker{slot}")
        town.taken_in(300)
        told = kept_by(town.store, told_by(town.findings()).said)
        verdict = judged(reference, told, town.store)
        print(f"{trial.name}: {len(faults)} faults in {time.monotonic() - began_s:.0f} s; {verdict}", flush=True)
        print("\n".join(differences(reference, town.store, verdict)), flush=True)
        planted = judged(reference, plant(told), town.store)
        print(f"planted one of each: {planted}", flush=True)
        if verdict.late:
            others = _unexplained(town.store, verdict, reference)
            print(f"of the differences {others} are of trucks without late fixes", flush=True)
            verdict = _settled(town, registry, reference, told.said)
            print(f"{trial.name}, late fixes settled: {verdict}", flush=True)
        return 0 if verdict.clean and seen(verdict, planted) else 1


def _whole(town: City, reference: Path, within_s: float = 120.0) -> Told:
    """What was found once the early words of the silent have come; or what there is when nothing more comes."""
    deadline = time.monotonic() + within_s
    while True:
        told = told_by(town.findings())
        if not judged(reference, told).lost or time.monotonic() > deadline:
            return told
        time.sleep(2)


def _unexplained(stream: Path, verdict: Verdict, reference: Path) -> int:
    """How many of the differences are of trucks of which nothing came late."""
    plates: dict[str, str] = {}
    for folder in (reference, stream):
        with Store.read(folder) as store:
            plates |= dict(store.query("SELECT violation_id, plate FROM kept.violations").iter_rows())
    with Store.read(stream) as store:
        late = set(store.query("SELECT DISTINCT plate FROM kept.late")["plate"].to_list())
    return sum(plates[i] not in late for i in {*verdict.lost, *verdict.extra, *verdict.altered})


def _settled(town: City, registry: Path, reference: Path, said: Counter[str]) -> Verdict:
    """What the store holds once all its days have been judged anew from the archive."""
    with Store.open(town.store) as store:
        days = sorted({f.day for f in store.manifest()})
        record_days(store, judge_days(store, registry, days[0], days[-1], time.time_ns() // 1_000_000))
    return judged(reference, kept_by(town.store, said), town.store)


def _speed(faults: list[str], given: argparse.Namespace) -> float:
    """So that the tracks of a week last about as long as the faults."""
    return 7 * 86_400 / max(30.0, len(faults) * (given.pause + 4))


def _publisher(town: City, tracks: Path, speed: float, more: tuple[object, ...]) -> None:
    """A publisher that gave up while the broker was away goes on from its bookmark."""
    process = town.processes["publish"]
    if process.poll() not in (None, 0):
        town.start("publish", "publish", "--tracks", tracks, "--speed", speed, *more)


if __name__ == "__main__":
    sys.exit(main())
