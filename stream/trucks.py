"""The trucks of a worker between steps: those heard of lately as they are, all others packed.

A truck unpacked takes several times the memory of its bytes, and of a large fleet only some are touched by a batch. So
a step gets the state of its own trucks and no others, and costs nothing for the rest.

A truck costs a step as much for one fix as for ten. The engine holds a truck's newest fixes back anyway, and what it
finds does not depend on the cut; so a truck waits until some more of its fixes have come (`hold`). When is told
by its fixes alone: whoever takes a partition over and reads its input again judges the same trucks at the same places.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence

import polars as pl

from rules.engine import State
from rules.truck import Truck
from rules.voice import Voice
from stream.packing import Bucket, pack, pack_truck, unpack_truck

#: So many trucks stay unpacked; at 100 kB each.
WARM_TRUCKS = 1_000
#: Trucks of a partition are kept in so many records.
BUCKETS = 16
#: A frame in more pieces than this is put into one.
PIECES = 12
#: A truck waits for so many times as long as its newest fixes are held back, but not for more fixes than these.
WAIT_SHARE = 1.5
WAIT_FIXES = 64


Span = tuple[str, int, int, int]


class Trucks:
    """What is known of every truck of a worker's partitions; `partition_of` gives a plate's."""

    def __init__(self, partition_of: Callable[[str], int]) -> None:
        self._partition_of = partition_of
        self._warm: dict[str, Truck] = {}
        self._packed: dict[str, bytes] = {}
        self._voices: dict[str, Voice] = {}
        self._plates: dict[int, set[str]] = {}
        empty = State()
        self._pending, self._context = empty.pending, empty.context
        self.judged_ms: dict[str, int] = {}
        self.laden: set[str] = set()
        self.waiting: dict[int, int] = {}
        self._spans: dict[str, tuple[int, int, int]] = {}  # of the pending fixes: oldest, newest (epoch ms), how many
        self._fresh: dict[str, int] = {}  # how many have come since the truck was judged

    def __len__(self) -> int:
        return sum(map(len, self._plates.values()))

    def plates(self) -> set[str]:
        """Every truck that something is known of."""
        return set().union(*self._plates.values())

    def state(self, plates: Iterable[str]) -> State:
        """The state of some trucks, for a step."""
        wanted = set(plates)
        trucks = {plate: truck for plate in wanted if (truck := self._truck(plate)) is not None}
        return State(
            trucks,
            {plate: self._voices[plate] for plate in wanted if plate in self._voices},
            {plate: self.judged_ms[plate] for plate in wanted if plate in self.judged_ms},
            self._rows(self._pending, wanted),
            self._rows(self._context, wanted),
        )

    def hold(self, fixes: pl.DataFrame, spans: Iterable[Span], hold_ms: int) -> list[str]:
        """Takes fixes in and gives the trucks that are to be judged now.

        Args:
            fixes: `FIX_SCHEMA`.
            spans: `spans_of` them.
            hold_ms: how long a truck's newest fixes are held back.
        """
        due = []
        for plate, first_ms, last_ms, count in spans:
            partition = self._partition_of(plate)
            self._plates.setdefault(partition, set()).add(plate)
            self._wait(plate, count)
            fresh = self._fresh[plate] = self._fresh.get(plate, 0) + count
            held = self._spans.get(plate)
            if held:
                first_ms, last_ms, count = min(first_ms, held[0]), max(last_ms, held[1]), count + held[2]
            self._spans[plate] = first_ms, last_ms, count
            late = first_ms <= self.judged_ms.get(plate, first_ms - 1)
            if late or fresh >= WAIT_FIXES or last_ms - first_ms >= hold_ms * (1 + WAIT_SHARE):
                due.append(plate)
        self._pending = _in_few(pl.concat([self._pending, fixes])) if self._pending.height else fixes
        return due

    def put(self, after: State, plates: Iterable[str]) -> None:
        """Takes some trucks back after a step."""
        mine = set(plates)
        whole = len(mine) >= len(self)
        for plate in mine:
            self._plates.setdefault(self._partition_of(plate), set()).add(plate)
        for plate, truck in after.trucks.items():
            self._packed.pop(plate, None)
            self._warm.pop(plate, None)  # so that it comes last: it was heard of just now
            self._warm[plate] = truck
            (self.laden.discard if truck.loading is None else self.laden.add)(plate)
        self._voices |= after.voices
        self.judged_ms |= after.judged_ms
        self._pending = after.pending if whole else _replaced(self._pending, after.pending, mine)
        self._context = after.context if whole else _replaced(self._context, after.context, mine)
        for plate in mine:
            if plate in self._spans:
                self._wait(plate, -self._spans.pop(plate)[2])
            self._fresh.pop(plate, None)
        self._await(after.pending)
        for plate in list(self._warm)[: max(0, len(self._warm) - WARM_TRUCKS)]:
            self._packed[plate] = pack_truck(self._warm.pop(plate))

    def gain(self, kept: Iterable[Bucket]) -> None:
        """Takes in trucks as they were kept."""
        several = list(kept)
        for bucket in several:
            self._packed |= bucket.trucks
            self._voices |= bucket.voices
            self.judged_ms |= bucket.judged_ms
            self.laden.update(bucket.laden)
            known = {*bucket.trucks, *bucket.voices, *bucket.judged_ms, *bucket.pending["plate"].unique().to_list()}
            for plate in known.union(bucket.context["plate"].unique().to_list()):
                self._plates.setdefault(self._partition_of(plate), set()).add(plate)
            self._await(bucket.pending)
            self._fresh |= bucket.fresh
        self._pending = pl.concat([self._pending, *(b.pending for b in several if b.pending.height)], rechunk=True)
        self._context = pl.concat([self._context, *(b.context for b in several if b.context.height)], rechunk=True)

    def lose(self, partitions: Iterable[int]) -> set[str]:
        """Forgets the trucks of partitions; gives which."""
        gone: set[str] = set()
        for partition in partitions:
            gone |= self._plates.pop(partition, set())
            self.waiting.pop(partition, None)
        for held in (self._warm, self._packed, self._voices, self.judged_ms, self._spans, self._fresh):
            for plate in gone & held.keys():
                del held[plate]
        self.laden -= gone
        if gone:
            self._pending = _replaced(self._pending, self._pending.clear(), gone)
            self._context = _replaced(self._context, self._context.clear(), gone)
        return gone

    def buckets(self, partition: int, offset: int) -> list[bytes]:
        """The trucks of a partition as its records, every bucket, so that none keeps an older word.

        The first has the fixes of all: a frame costs more to write than the few rows of a bucket in it.

        Args:
            partition: the partition.
            offset: of the input: the trucks are as they are before it.
        """
        several: list[list[str]] = [[] for _ in range(BUCKETS)]
        for plate in self._plates.get(partition, ()):
            several[zlib.crc32(plate.encode("utf-8", "surrogatepass")) % BUCKETS].append(plate)
        mine = self._plates.get(partition, set())
        frames = self._rows(self._pending, mine), self._rows(self._context, mine)
        none = self._pending.clear(), self._context.clear()
        return [pack(self._bucket(plates, offset, *(none if n else frames))) for n, plates in enumerate(several)]

    def _bucket(self, plates: Sequence[str], offset: int, pending: pl.DataFrame, context: pl.DataFrame) -> Bucket:
        warm = {plate: pack_truck(self._warm[plate]) for plate in plates if plate in self._warm}
        mine = set(plates)
        return Bucket(
            offset,
            warm | {plate: self._packed[plate] for plate in plates if plate in self._packed},
            sorted(self.laden & mine),
            {plate: self._voices[plate] for plate in plates if plate in self._voices},
            {plate: self.judged_ms[plate] for plate in plates if plate in self.judged_ms},
            {plate: self._fresh[plate] for plate in plates if plate in self._fresh},
            pending,
            context,
        )

    def _truck(self, plate: str) -> Truck | None:
        truck = self._warm.get(plate)
        if truck is None and (packed := self._packed.get(plate)) is not None:
            return unpack_truck(packed, plate)
        return truck

    def _rows(self, frame: pl.DataFrame, wanted: set[str]) -> pl.DataFrame:
        if not frame.height or len(wanted) >= len(self):
            return frame
        return frame.filter(frame["plate"].is_in(list(wanted)))

    def _await(self, pending: pl.DataFrame) -> None:
        """Notes fixes that are pending, of trucks of which none were."""
        for plate, first_ms, last_ms, count in spans_of(pending):
            self._spans[plate] = first_ms, last_ms, count
            self._wait(plate, count)

    def _wait(self, plate: str, count: int) -> None:
        """Counts so many more fixes of a truck, or fewer, as waiting."""
        partition = self._partition_of(plate)
        self.waiting[partition] = self.waiting.get(partition, 0) + count


def spans_of(fixes: pl.DataFrame) -> list[Span]:
    """By truck, in the order of their first fixes: oldest and newest time, epoch ms, and how many fixes."""
    time_ms = pl.col("time_ms")
    return (
        fixes.lazy()
        .group_by("plate", maintain_order=True)
        .agg(first=time_ms.min(), last=time_ms.max(), count=pl.len())
        .collect()
        .rows()
    )


def _replaced(frame: pl.DataFrame, rows: pl.DataFrame, plates: set[str]) -> pl.DataFrame:
    """A frame with the rows of some trucks in the place of theirs."""
    left = frame.filter(~frame["plate"].is_in(list(plates))) if frame.height else frame
    return _in_few(pl.concat([left, rows]) if left.height and rows.height else left if left.height else rows)


def _in_few(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.rechunk() if frame.n_chunks() > PIECES else frame
