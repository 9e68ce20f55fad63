"""What is kept of a partition besides its trucks, and what is said of it in a batch."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.kafka.records import SetAside
from ingest.tally import Tally
from rules.engine import Counts
from stream.early import Words

Cut = tuple[int, int, str]
COUNTS = tuple(Counts.__dataclass_fields__)


@dataclass
class Part:
    """A partition's accounts: where its input stands, what became of it, early words that stand.

    `cuts` are the ends (offsets) of the batches taken since `snapshot`, each with the `now_ms` it was read by and the
    digest of the knowledge it was judged by: taken again in the same cuts, the same trucks come out. `clock_ms` is the
    newest time in the partition, `read_ms` the `now_ms` of the last batch. `kept_at` is where in the state topic the
    records of the snapshot begin, -1 where that is not known.
    """

    offset: int
    snapshot: int
    kept_at: int = -1
    cuts: list[Cut] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    words: Words = field(default_factory=Words)
    clock_ms: int = 0
    read_ms: int = 0
    fixes_since: int = 0
    snapshot_s: float = 0.0
    snapshot_cost_s: float = 0.0


@dataclass
class Said:
    """Messages of one batch by partition, and what was set aside."""

    findings: dict[int, list[bytes]] = field(default_factory=dict)
    aside: list[SetAside] = field(default_factory=list)
    fixes: int = 0
    violations: int = 0
    early: int = 0

    def add(self, partition: int, message: bytes) -> None:
        """One more message."""
        self.findings.setdefault(partition, []).append(message)
