"""What became of every frame: received = acknowledged + refused by reason + still on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from math import inf

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest.gateway.depot import Health
from ingest.jt808.frames import REASONS as BAD_FRAME

#: Why a frame is not acknowledged as done.
REASONS: dict[str, str] = {
    **BAD_FRAME,
    "unknown_terminal": "a registration by a terminal that the registry does not know",
    "other_plate": "a registration for another plate than the registry's",
    "wrong_code": "an authentication with a code that was not given out, or by a terminal never registered here",
    "not_authenticated": "a message before authentication",
    "other_terminal": "a message with the number of another terminal than the one that authenticated",
    "unsupported": "a message that this program has no use for; answered as such",
    "damaged_batch": "a batch of which only a part could be read; that part is kept, the terminal is told",
    "part_lost": "a part of a message that was never completed, or came twice",
    "not_stored": "neither Kafka nor the journal could keep it",
    "connection_lost": "kept or not, the terminal was gone before it could be told",
}


#: Upper limits by which waits are counted, seconds.
WAITS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass
class Balance:
    """Counts since the start; belongs to the event loop's thread."""

    received: int = 0
    acknowledged: int = 0
    waiting: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    fixes: int = 0
    flag_lies: int = 0
    length_lies: int = 0
    bytes_received: int = 0
    connections: int = 0
    online: int = 0
    opened: int = 0
    closed: Counter[str] = field(default_factory=Counter)
    replaced: int = 0
    waits: Counter[float] = field(default_factory=Counter)
    waited_s: float = 0.0

    def refuse(self, reason: str, count: int = 1) -> None:
        """Counts frames that end here without being acknowledged."""
        assert reason in REASONS
        if count:
            self.refused[reason] += count

    def waited(self, seconds: float) -> None:
        """Notes how long a frame waited to be kept."""
        self.waits[next((limit for limit in WAITS_S if seconds <= limit), inf)] += 1
        self.waited_s += seconds

    def off_by(self) -> int:
        """Frames that are unaccounted for; anything but 0 is a fault of the program."""
        return self.received - self.acknowledged - self.refused.total() - self.waiting

    def lines(self) -> list[str]:
        """The balance for people."""
        refused = ", ".join(f"{reason} {count:,}" for reason, count in self.refused.most_common())
        return [
            f"frames: {self.received:,} received = {self.acknowledged:,} acknowledged"
            f" + {self.refused.total():,} refused + {self.waiting:,} on the way",
            f"refused: {refused or 'none'}",
            f"fixes handed on: {self.fixes:,}",
        ]


class GatewayCollector(Collector):
    """The balance, and how storing goes, as Prometheus metrics."""

    def __init__(self, balance: Balance, health: Health, waiting_bytes: Callable[[], int]) -> None:
        self._balance, self._health, self._waiting_bytes = balance, health, waiting_bytes

    def collect(self) -> Iterator[Metric]:
        """Reads the counts as they are now."""
        b, h = self._balance, self._health
        counts = {
            "frames_received": (b.received, "Frames that came in, bad ones included."),
            "frames_acknowledged": (b.acknowledged, "Frames that were kept or done, and answered as such."),
            "fixes": (b.fixes, "Fixes handed to Kafka or the journal."),
            "bytes_received": (b.bytes_received, "Bytes that came in."),
            "version_flag_lies": (b.flag_lies, "Frames whose version flag is wrong."),
            "length_lies": (b.length_lies, "Locations whose stated length is wrong."),
            "connections_opened": (b.opened, "Connections that were let in."),
            "terminals_replaced": (b.replaced, "Connections given up for a newer one of the same terminal."),
            "records_sent": (h.sent, "Records that went to Kafka directly."),
            "records_journaled": (h.journaled, "Records that went into the journal."),
            "records_drained": (h.drained, "Records that came from the journal into Kafka."),
            "store_failures": (h.failures, "Attempts at storing that failed."),
        }
        for name, (value, told) in counts.items():
            yield CounterMetricFamily(f"muckwatch_gateway_{name}", told, value=value)
        refused = CounterMetricFamily(
            "muckwatch_gateway_frames_refused", "Frames that were not acknowledged.", labels=["reason"]
        )
        for reason in REASONS:
            refused.add_metric([reason], b.refused[reason])
        yield refused
        limits = (*WAITS_S, inf)
        within = accumulate(b.waits[limit] for limit in limits)
        yield HistogramMetricFamily(
            "muckwatch_gateway_keeping_seconds",
            "From reading a frame to its being kept.",
            buckets=[
                ("+Inf" if limit == inf else str(limit), count) for limit, count in zip(limits, within, strict=True)
            ],
            sum_value=b.waited_s,
        )
        closed = CounterMetricFamily("muckwatch_gateway_connections_closed", "Connections that ended.", labels=["why"])
        for why, count in b.closed.items():
            closed.add_metric([why], count)
        yield closed
        gauges = {
            "frames_waiting": (b.waiting, "Frames that are not answered yet."),
            "frames_off_balance": (b.off_by(), "Frames unaccounted for; anything but 0 is a fault."),
            "connections": (b.connections, "Connections open now."),
            "terminals_online": (b.online, "Terminals authenticated now."),
            "kafka_up": (int(h.kafka), "1 while Kafka takes records."),
            "journal_up": (int(h.journal), "1 while the journal could take records."),
            "healthy": (int(h.good), "1 while what arrives is kept somewhere."),
            "journal_bytes": (self._waiting_bytes(), "Bytes in the journal."),
        }
        for name, (value, told) in gauges.items():
            yield GaugeMetricFamily(f"muckwatch_gateway_{name}", told, value=float(value))
