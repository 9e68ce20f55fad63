"""How the stream stands, read from Kafka alone: lag, what became of every fix, lateness, by partition."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import msgspec
from kafka import TopicPartition

from ingest.kafka.client import StreamBroken, consumer, told
from ingest.kafka.topics import Topics, ensure
from stream.memory import PART_KEY, Accounts, read_state


@dataclass(frozen=True)
class Standing:
    """One partition as its worker last committed it. What a step counts is booked on one partition of its batch."""

    partition: int
    lag: int
    received: int
    judged: int
    repeated: int
    late: int
    set_aside: int
    other: int
    open_words: int
    clock_ms: int
    read_ms: int
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def behind_s(self) -> float:
        """How far the newest fix was behind the present when it was read; 0 before any fix."""
        return (self.read_ms - self.clock_ms) / 1000 if self.clock_ms else 0.0


def standings(bootstrap: str, topics: Topics) -> list[Standing]:
    """Every partition as the workers last committed it.

    Raises:
        KafkaTrouble: if Kafka cannot be reached.
        StreamBroken: if accounts cannot be read.
    """
    partitions = ensure(bootstrap, topics)
    kept = read_state(bootstrap, topics, range(partitions), trucks=False)
    reader = consumer(bootstrap)
    try:
        with told(bootstrap):
            ends = reader.end_offsets([TopicPartition(topics.fixes, p) for p in range(partitions)])
    finally:
        reader.close()
    found = []
    for partition in range(partitions):
        end = ends[TopicPartition(topics.fixes, partition)]
        if PART_KEY not in kept[partition]:
            found.append(Standing(partition, end, 0, 0, 0, 0, 0, 0, 0, 0, 0))
            continue
        try:
            accounts = msgspec.msgpack.decode(kept[partition][PART_KEY], type=Accounts)
        except msgspec.DecodeError as error:
            raise StreamBroken(f"{topics.state}, partition {partition}: accounts cannot be read: {error}") from error
        counts, tally = accounts.counts, accounts.tally
        reasons = {why: int(r["count"]) for why, r in tally["rejected"].items()}
        found.append(
            Standing(
                partition, end - accounts.offset, tally["received"], counts["judged"], counts["repeated"],
                counts["late"], sum(reasons.values()), counts["invalid"] + counts["other_device"],
                sum(map(len, accounts.words.values())), accounts.clock_ms, accounts.read_ms, reasons,
            )
        )  # fmt: skip
    return found


def rate_per_s(bootstrap: str, topics: Topics, seconds: float) -> tuple[list[Standing], float]:
    """How the stream stands, and how many fixes a second the workers took in over the seconds before."""
    before = sum(s.received for s in standings(bootstrap, topics))
    began_s = time.monotonic()
    time.sleep(seconds)
    now = standings(bootstrap, topics)
    return now, (sum(s.received for s in now) - before) / (time.monotonic() - began_s)
