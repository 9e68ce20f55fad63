"""Fuzzes the JT/T 808 decoder: mutated frames in a stream of good ones.

    python -m bench.fuzz_jt808 [INPUTS] [--seed N]

Every mutant stands between good frames, behind the end of the first and before the beginning of the next. Three things
are asked of each: nothing but `BadFrame` is raised, by the decoder, the joining of parts or the reading of a dialect;
no input takes long; and every good frame comes out. Half of the mutants get a right checksum, so that they are not all
stopped at the door.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from ingest.jt808.dialect import load_dialects
from ingest.jt808.encode import (
    Report,
    auth_body,
    batch_body,
    frame,
    frames,
    location_body,
    muck_item,
    register_body,
)
from ingest.jt808.fixes import to_fix
from ingest.jt808.frames import BadFrame, Framer, sealed, unescape
from ingest.jt808.header import Header
from ingest.jt808.location import Batch, Location
from ingest.jt808.messages import Message, Part, decode, read_body
from ingest.jt808.parts import Joiner

MUTANTS_A_STREAM = 50
#: Two thousand bytes are read in microseconds; what takes longer than this does not end.
HANG_S = 1.0
MESSAGES = (0x0001, 0x0002, 0x0003, 0x0100, 0x0102, 0x0200, 0x0200, 0x0201, 0x0704, 0x0704, 0x0801)
_TIME_MS = 1_794_837_600_000
_EDGES = b"\x00\x01\x02\x7d\x7e\x7f\x80\xff"


@dataclass
class Found:
    """What came of fuzzing."""

    inputs: int = 0
    good: int = 0
    read: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    faults: list[str] = field(default_factory=list)


def seeds() -> list[bytes]:
    """One frame of every kind, as content behind flags."""
    report = Report(_TIME_MS, 118.78, 32.04, 36.5, 90, mileage_km=12.3, items=(muck_item(lift=True, cover=False),))
    many = [report] * 4
    found: list[bytes] = []
    for version, phone in ((2013, "013900000001"), (2019, "00000000013900000001")):
        head = lambda message_id, version=version, phone=phone: Header(message_id, version, version // 2019, phone, 7)
        found += [
            frame(head(0x0200), location_body(report)),
            frame(head(0x0704), batch_body(many, resent=True)),
            frame(head(0x0100), register_body(version, maker="E", model="EGS701", terminal_id="1", plate="苏A12345")),
            frame(head(0x0102), auth_body(version, "0123456789abcdef")),
            frame(head(0x0002)),
            frame(head(0x0801), bytes(range(256))),
            *frames(head(0x0704), batch_body(many * 10, resent=True)),
        ]
    return [wire[1:-1] for wire in found]


def mutant(chance: random.Random, pool: list[bytes]) -> bytes:
    """A changed frame, without its flags; may hold flags of its own."""
    if chance.random() < 0.3:
        return _right_outside(chance, pool)
    data = bytearray(chance.choice(pool))
    with_checksum = chance.random() < 0.5
    if with_checksum:
        data = bytearray(unescape(bytes(data))[:-1])
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at = chance.randrange(len(data)) if data else 0
        match chance.randrange(8):
            case 0 if data:
                data[at] ^= 1 << chance.randrange(8)
            case 1 if data:
                data[at] = chance.choice(_EDGES)
            case 2:
                data.insert(at, chance.randrange(256))
            case 3:
                del data[at : at + chance.choice((1, 2, 5, 40))]
            case 4:
                data[at:at] = data[at : at + chance.choice((1, 4, 30))]
            case 5:
                data[at:] = chance.choice(pool)[at:]
            case 6:
                data[at:at] = chance.randbytes(chance.choice((1, 3, 20, 300)))
            case _ if data:
                data[chance.randrange(min(21, len(data)))] = chance.randrange(256)
    if chance.random() < 0.02:
        data = bytearray(chance.randbytes(chance.choice((3, 15, 100, 3000))))
    return sealed(bytes(data))[1:-1] if with_checksum else bytes(data)


def _right_outside(chance: random.Random, pool: list[bytes]) -> bytes:
    """A frame whose envelope is right, around a part of another one's body or around chance."""
    body = unescape(chance.choice(pool))[12:-1] if chance.random() < 0.8 else chance.randbytes(chance.randrange(1024))
    body = body[chance.choice((0, 0, 1, 5)) : chance.randrange(1, 1024)]
    version = chance.choice((2013, 2019))
    parts = chance.choice((1, 1, 1, 2, 3))
    header = Header(
        message_id=chance.choice(MESSAGES),
        version=version,
        protocol=version // 2019,
        phone="013900000001",
        serial=chance.randrange(8),
        parts=parts,
        part=chance.randrange(1, parts + 1),
    )
    return frame(header, body)[1:-1]


def fuzz(inputs: int, seed: int) -> Found:
    """Tries so many mutants."""
    chance, pool, found = random.Random(seed), seeds(), Found()
    dialects = load_dialects()
    spoken = [dialects[name] for name in ("egs701", "jiutong", "gps51")]
    framer, joiner, serial = Framer(), Joiner(), 0
    body = location_body(Report(_TIME_MS, 118.78, 32.04))
    while found.inputs < inputs:
        wanted, stream = [], bytearray()
        for _ in range(MUTANTS_A_STREAM):
            serial = (serial + 1) % 65_536
            good = frame(Header(0x0200, 2013, 0, "013911112222", serial), body)
            wanted.append(good[1:-1])
            stream += mutant(chance, pool) + good
        came = []
        cut = chance.randrange(len(stream))
        for wire in framer.feed(bytes(stream[:cut])) + framer.feed(bytes(stream[cut:])):
            begun_s = time.thread_time()  # the machine may be busy with something else
            try:
                header, message = decode(wire)
                message = _joined(joiner, header, message, begun_s)
                for location in _locations(message):
                    to_fix(location, chance.choice(spoken), "苏A12345", header.phone)
                found.read[type(message).__name__] += 1
                came.append(wire)
            except BadFrame as error:
                found.refused[error.reason] += 1
            except Exception as error:  # what is looked for
                found.faults.append(f"{type(error).__name__}: {error}: {wire.hex()}")
            found.slowest_s = max(found.slowest_s, time.thread_time() - begun_s)
        found.inputs += MUTANTS_A_STREAM
        found.good += len(wanted)
        missing = Counter(wanted) - Counter(came)
        found.faults += [f"a good frame was not decoded: {wire.hex()} in {stream.hex()}" for wire in missing]
    if found.slowest_s > HANG_S:
        found.faults.append(f"an input took {found.slowest_s:.1f} s")
    return found


def _joined(joiner: Joiner, header: Header, message: Message, now_s: float) -> Message:
    if not isinstance(message, Part):
        return message
    joined, _ = joiner.add(header, message.data, now_s)
    return message if joined is None else read_body(joined.header, joined.body)


def _locations(message: Message) -> tuple[Location, ...]:
    if isinstance(message, Batch):
        return message.locations
    return (message,) if isinstance(message, Location) else ()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("inputs", type=int, nargs="?", default=5_000_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    begun_s = time.perf_counter()
    found = fuzz(chosen.inputs, chosen.seed)
    seconds = time.perf_counter() - begun_s
    print(f"{found.inputs:,} mutants and {found.good:,} good frames in {seconds:,.0f} s, seed {chosen.seed}")
    print("read:", ", ".join(f"{name} {count:,}" for name, count in found.read.most_common()))
    print("refused:", ", ".join(f"{name} {count:,}" for name, count in found.refused.most_common()))
    print(f"slowest input {found.slowest_s * 1000:.1f} ms; faults: {len(found.faults)}")
    for fault in found.faults[:10]:
        print(fault[:500])
    if found.faults:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
