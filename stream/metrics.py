"""A worker's figures for Prometheus, read from what the worker counts anyway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from stream.worker import Worker


class Figures(Collector):
    """Collects on demand."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        """The figures now."""
        done, slot = self._worker.progress, str(self._worker.plan.slot)

        def one(kind: Any, name: str, text: str, value: float) -> Metric:
            family: Metric = kind(f"muckwatch_worker_{name}", text, labels=["slot"])
            family.add_metric([slot], value)  # type: ignore[attr-defined]
            return family

        yield one(CounterMetricFamily, "fixes", "Fixes received, usable or not", done.fixes)
        yield one(CounterMetricFamily, "batches", "Batches committed", done.batches)
        yield one(CounterMetricFamily, "violations", "Violations found", done.violations)
        yield one(CounterMetricFamily, "early_words", "Early words of open stretches", done.early)
        yield one(CounterMetricFamily, "set_aside", "Lines and records set aside", done.aside)
        yield one(CounterMetricFamily, "busy_seconds", "Time spent on batches", done.busy_s)
        yield one(CounterMetricFamily, "recoveries", "Times that state was read back", done.recoveries)
        yield one(GaugeMetricFamily, "recovery_seconds", "How long the last recovery took", done.recovery_s)
        accounts = CounterMetricFamily(
            "muckwatch_partition_fixes", "Fixes of a partition by what became of them", labels=["partition", "fate"]
        )
        clock = GaugeMetricFamily(
            "muckwatch_partition_clock_ms", "Newest time in a partition, epoch ms", labels=["partition"]
        )
        for partition, part in sorted(dict(self._worker.judge.parts).items()):
            label = str(partition)
            accounts.add_metric([label, "received"], part.tally.received)
            accounts.add_metric([label, "set_aside"], part.tally.set_aside)
            for fate, count in part.counts.items():
                accounts.add_metric([label, fate], count)
            clock.add_metric([label], part.clock_ms)
        yield accounts
        yield clock


def serve_figures(worker: Worker, listen: str) -> str:
    """Serves a worker's figures over HTTP; gives words for where.

    Raises:
        ValueError: if the address is none.
        OSError: if it cannot be listened on.
    """
    host, _, port = listen.rpartition(":")
    registry = CollectorRegistry()
    registry.register(Figures(worker))
    server, _ = start_http_server(int(port), host or "127.0.0.1", registry)
    return f", figures at http://{host or '127.0.0.1'}:{server.server_port}/metrics"
