"""One worker's judgement: polls of several partitions in, messages out; no Kafka, so that it can be tested alone.

All trucks of a worker are judged in one step, because a step has a fixed cost; trucks do not touch each other, so it
does not matter which are judged together.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import polars as pl

from ingest.fix import FIX_SCHEMA
from ingest.kafka.plates import partition_of
from ingest.kafka.records import Decoded, Record, decode
from rules.engine import Counts, step
from rules.findings import Findings
from rules.fleet import on_time
from rules.ground import Ground
from stream import messages
from stream.early import EARLY_RULES, GONE_MS, RECHECK_S, as_if_ended, suspicious
from stream.knowledge import Known
from stream.packing import Bucket
from stream.parts import COUNTS, Part, Said
from stream.trucks import Span, Trucks, spans_of

#: Trucks of a step: more of them at once would all have to be unpacked at once.
STEP_TRUCKS = 1_000
#: Early words are looked for in so many trucks at once, and in so many that a backlog hid.
LOOK_TRUCKS, MANY = 50, 500
#: Silent trucks are looked for so seldom, and so seldom, behind a backlog, those of which early words stand.
SEARCH_S, BACKLOG_LOOK_S = 1.0, 5.0


class Judge:
    """The trucks of a worker's partitions and their accounts."""

    def __init__(self, ground: Ground, known: Known, partitions: int) -> None:
        self.ground, self.known, self.partitions = ground, known, partitions
        self.knowledge = known.latest
        self.hold_ms = ground.policy.allowed_lateness_s * 1000
        self.trucks = Trucks(self.partition)
        self.parts: dict[int, Part] = {}
        self.newest_ms: dict[str, int] = {}
        self._checked_s: dict[str, float] = {}
        self._waiting: dict[str, None] = {}
        self._unseen: dict[str, None] = {}  # judged behind a backlog, or by somebody else, and not looked at since
        self._quiet: dict[str, int] = {}
        self._searched_s = -SEARCH_S  # when silent trucks were last looked for
        self._looked_s = -BACKLOG_LOOK_S  # when trucks were last looked at for early words
        self._fresh = pl.DataFrame(schema=FIX_SCHEMA)

    def partition(self, plate: str) -> int:
        """The partition of a truck."""
        return partition_of(plate, self.partitions)

    def gain(self, parts: Mapping[int, Part], trucks: Sequence[Bucket]) -> None:
        """Takes partitions over with their trucks."""
        self.trucks.gain(trucks)
        self.parts |= parts
        for bucket in trucks:
            self.newest_ms |= bucket.judged_ms
            self._unseen |= dict.fromkeys(bucket.judged_ms)
            self._hear(spans_of(bucket.pending))

    def lose(self, partitions: Iterable[int]) -> None:
        """Forgets partitions and their trucks."""
        gone = set(partitions)
        for partition in gone:
            self.parts.pop(partition, None)
        for plate in self.trucks.lose(gone) | {p for p in self.newest_ms if self.partition(p) in gone}:
            for held in (self.newest_ms, self._checked_s, self._waiting, self._unseen, self._quiet):
                held.pop(plate, None)

    def read(self, records: Mapping[int, Sequence[Record]], now_ms: int) -> Decoded:
        """Reads the records of a batch; changes nothing yet.

        Args:
            records: by partition, in order; only of partitions that were gained.
            now_ms: the present, epoch ms.
        """
        return decode(records, self.partitions, now_ms=now_ms)

    def take(self, decoded: Decoded, ends: Mapping[int, int], now_ms: int) -> Said:
        """Judges one batch and books it.

        Args:
            decoded: what was read of it.
            ends: by partition, the offset after its last record.
            now_ms: the present that it was read by, epoch ms.
        """
        fixes, spans = self._heard(decoded)
        found, counts, late = self._judge(fixes, spans, booked=True)
        said = Said(aside=decoded.aside, fixes=sum(t.received for t in decoded.tallies.values()))
        for plate, first_ms, last_ms, count in late:
            said.add(self.partition(plate), messages.late(plate, first_ms, last_ms, count))
        self._book(decoded, ends, now_ms, counts, spans if fixes is decoded.fixes else spans_of(decoded.fixes))
        for v in found.violations:
            self.parts[self.partition(v.plate)].words.settled(found=Findings([v]))
        for plate, message in messages.of_findings(found):
            said.add(self.partition(plate), message)
        said.violations = len(found.violations)
        self._waiting |= dict.fromkeys(self._standing(decoded.fixes))
        self._fresh = decoded.fixes
        return said

    def present_ms(self) -> int:
        """The present, epoch ms, but later than that of every batch before: clocks may jump back, batches do not."""
        before = [part.read_ms for part in self.parts.values()]
        return max(time.time_ns() // 1_000_000, *(ms + 1 for ms in before), 0)

    def again(self, records: Mapping[int, Sequence[Record]], now_ms: int, digest: str) -> None:
        """Takes in what was taken in before, to bring trucks to where they were; says and books nothing.

        Args:
            records: of one batch.
            now_ms: the present that it was read by, epoch ms.
            digest: of the knowledge that it was judged by.
        """
        self.knowledge = self.known.of(digest)
        self._judge(*self._heard(self.read(records, now_ms)))
        self.knowledge = self.known.latest

    def speak_early(self, said: Said, budget_s: float, *, live: bool) -> None:
        """Adds early words about open stretches and silent trucks, as far as time allows.

        Args:
            said: of the batch just taken.
            budget_s: how long it may take.
            live: whether the newest fixes are being judged; behind a backlog, open stretches close soon enough. Those
                that have not when it is over are said then.
        """
        deadline = time.monotonic() + budget_s
        if live:
            self._waiting |= dict.fromkeys(suspicious(self._fresh, self.trucks.laden, self.ground))
            self._find_silent()
        else:
            self._unseen |= dict.fromkeys(self._fresh["plate"].unique().to_list())
        self._fresh = self._fresh.clear()
        now_s = time.monotonic()
        if not live and now_s - self._looked_s < BACKLOG_LOOK_S:
            return
        self._looked_s = now_s
        due = [p for p in self._waiting if now_s - self._checked_s.get(p, -RECHECK_S) >= RECHECK_S or not live]
        if live:  # what a backlog hid comes last
            due += [p for p in islice(self._unseen, MANY) if p not in self._waiting]
        for at in range(0, len(due), LOOK_TRUCKS):
            if at and time.monotonic() > deadline:
                break
            self._look_at(due[at : at + LOOK_TRUCKS], said)

    def figures(self, partition: int) -> dict[str, Any]:
        """The accounts of a partition, as they are published."""
        part = self.parts[partition]
        return {
            "offset": part.offset,
            "received": part.tally.received,
            "usable": part.tally.usable,
            "rejected": {why: [r.count, r.first_ms, r.last_ms, r.example] for why, r in part.tally.rejected.items()},
            "counts": part.counts,
            "held": self.trucks.waiting.get(partition, 0),
            "clock_ms": part.clock_ms,
            "open": sum(map(len, part.words.standing.values())),
        }

    def _heard(self, decoded: Decoded) -> tuple[pl.DataFrame, list[Span]]:
        """The fixes with the clocks put right that are known to be off, and their spans."""
        fixes = on_time(decoded.fixes, self.knowledge.fleet)
        spans = spans_of(fixes)
        self._hear(spans)
        return fixes, spans

    def _judge(
        self, fixes: pl.DataFrame, spans: Sequence[Span], *, booked: bool = False
    ) -> tuple[Findings, dict[int, Counts], list[tuple[str, int, int, int]]]:
        """Takes fixes in, and makes steps of the trucks among them that are due; the others are not touched.

        Returns:
            What was found, counts by partition where they are `booked`, and by truck what came late.
        """
        plates, none = self.trucks.hold(fixes, spans, self.hold_ms), fixes.clear()
        found, counts, late = Findings(), dict[int, Counts](), list[tuple[str, int, int, int]]()
        for at in range(0, len(plates), STEP_TRUCKS):
            some = plates[at : at + STEP_TRUCKS]
            before = self.trucks.state(some)
            found_here, after, counted = step(none, before, self.ground, self.knowledge, self.hold_ms)
            self.trucks.put(after, some)
            if booked:
                if any(c.late for c in counted.values()):
                    late += self._late(before.pending, before.judged_ms)
                for plate, more in counted.items():
                    counts[self.partition(plate)] = counts.get(self.partition(plate), Counts()) + more
            found += found_here
        return found, counts, late

    def _late(self, fixes: pl.DataFrame, judged_ms: Mapping[str, int]) -> list[tuple[str, int, int, int]]:
        """By truck, the span and number of the fixes whose time has been judged."""
        done = pl.DataFrame(
            {"plate": list(judged_ms), "done_ms": list(judged_ms.values())},
            schema={"plate": pl.String, "done_ms": pl.Int64},
        )
        behind = fixes.select("plate", "time_ms").join(done, on="plate").filter(pl.col("time_ms") <= pl.col("done_ms"))
        spans = behind.group_by("plate", maintain_order=True).agg(
            first=pl.col("time_ms").min(), last=pl.col("time_ms").max(), fixes=pl.len()
        )
        return spans.rows()

    def _book(
        self,
        decoded: Decoded,
        ends: Mapping[int, int],
        now_ms: int,
        counts: Mapping[int, Counts],
        spans: Sequence[Span],
    ) -> None:
        for partition, end in ends.items():
            part = self.parts[partition]
            part.offset = end
            part.cuts.append((end, now_ms, self.known.digest))
            part.read_ms = now_ms
            if partition in decoded.tallies:
                part.tally += decoded.tallies[partition]
                part.fixes_since += decoded.tallies[partition].received
        for partition, counted in counts.items():
            for name in COUNTS:
                self.parts[partition].counts[name] += getattr(counted, name)
        for plate, _, time_ms, _ in spans:
            part = self.parts[self.partition(plate)]
            part.clock_ms = max(part.clock_ms, time_ms)

    def _hear(self, spans: Iterable[Span]) -> None:
        for plate, _, time_ms, _ in spans:
            if time_ms > self.newest_ms.get(plate, 0):
                self.newest_ms[plate] = time_ms
                self._quiet.pop(plate, None)

    def _standing(self, fixes: pl.DataFrame) -> set[str]:
        """The trucks among the fixes of which early words stand."""
        spoken = {plate for part in self.parts.values() for plate in part.words.standing}
        return spoken & set(fixes["plate"].unique().to_list()) if spoken else spoken

    def _find_silent(self) -> None:
        """Trucks that have been silent by the clock of their partition: their outings are over, as far as is known.

        Every truck is looked at, so not with every batch.
        """
        if time.monotonic() - self._searched_s < SEARCH_S:
            return
        self._searched_s = time.monotonic()
        silence_ms = self.ground.policy.silence_min_s * 1000
        for plate, newest_ms in self.newest_ms.items():
            behind_ms = self.parts[self.partition(plate)].clock_ms - newest_ms
            level = 2 if behind_ms > GONE_MS else 1 if behind_ms > silence_ms + self.hold_ms else 0
            if level > self._quiet.get(plate, 0):
                self._quiet[plate] = level
                self._waiting[plate] = None

    def _look_at(self, plates: Sequence[str], said: Said) -> None:
        now = as_if_ended(self.trucks.state(plates), self.ground, self.knowledge)
        now_s = time.monotonic()
        for plate in plates:
            self._waiting.pop(plate, None)
            self._unseen.pop(plate, None)
            self._checked_s[plate] = now_s
            whole = self._quiet.get(plate) == 2
            mine = [v for v in now.violations if v.plate == plate and (whole or v.rule in EARLY_RULES)]
            partition = self.partition(plate)
            by_id = {v.violation_id: messages.violation(v, still_open=True) for v in mine}
            new, gone = self.parts[partition].words.compare(plate, by_id, whole=whole)
            for violation_id in new:
                said.add(partition, by_id[violation_id])
            for violation_id in sorted(gone):
                said.add(partition, messages.withdrawn(violation_id, plate))
            said.early += len(new)
            if whole:
                rest = Findings(
                    trips=[t for t in now.trips if t.plate == plate], stops=[s for s in now.stops if s.plate == plate]
                )
                for _, message in messages.of_findings(rest):
                    said.add(partition, message)
