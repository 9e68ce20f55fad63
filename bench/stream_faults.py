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
from pathlib import Path

from bench.stream_city import City, city, judged, plant, run_reference, teach, with_clocks

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
        town.drain(600)
        time.sleep(8)  # early words of the silent, and their way into the store
        for slot in range(WORKERS):
            town.end(f"worker{slot}")
        time.sleep(3)
        town.end("serve")
        found = town.findings()
        verdict, seen = judged(reference, found, town.store), judged(reference, plant(town, found), None)
        print(f"{trial.name}: {len(faults)} faults in {time.monotonic() - began_s:.0f} s; {verdict}")
        print(f"planted: lost {len(seen.lost)}, doubled {len(seen.doubled)}, extra {len(seen.extra)}")
        sighted = len(seen.lost) == len(seen.doubled) == len(seen.extra) == 1
        return 0 if verdict.clean and sighted else 1


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
