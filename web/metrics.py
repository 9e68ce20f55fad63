"""`GET /metrics`: how the server, what runs beside it and the stream stand, for Prometheus. Counts only, no plates.

The accounts are those that workers commit with their findings, as the store took them in; so they say what is in the
views, and a worker's own figures are its own business (`muckwatch worker --figures`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from reports.store import Store
from web.context import Context, Ctx

router = APIRouter()

_FATES = ("received", "judged", "repeated", "set_aside", "late", "invalid", "other_device", "held")


@router.get("/metrics", tags=["health"])
def metrics(context: Ctx) -> Response:
    """Everything as Prometheus reads it."""
    registry = CollectorRegistry()
    registry.register(_Figures(context))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Figures(Collector):
    """Collects on demand."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        """The figures now."""
        told = self._context.services.health()
        up = GaugeMetricFamily("muckwatch_service_up", "1 where a part of the server is well", labels=["service"])
        for name, health in told.items():
            up.add_metric([name], float(health.ok))
        yield up
        intake = told["intake"].figures if "intake" in told else {}
        yield from _intake(intake)
        with self._context.store.reading() as store:
            yield from _balance(store, intake.get("fixes_ends", {}))
            yield from _counted(store)


def _intake(figures: Mapping[str, Any]) -> Iterator[Metric]:
    lag = GaugeMetricFamily("muckwatch_intake_lag_records", "Records that are not taken in yet", labels=["topic"])
    taken = GaugeMetricFamily("muckwatch_intake_taken", "Taken in since the start", labels=["what"])
    for topic in ("findings", "fixes"):
        if figures.get(f"{topic}_lag") is not None:
            lag.add_metric([topic], figures[f"{topic}_lag"])
    for what, name in (("violations", "findings"), ("fixes", "archived")):
        taken.add_metric([what], figures.get(name, 0))
    yield lag
    yield taken


def _balance(store: Store, ends: Mapping[int, int]) -> Iterator[Metric]:
    fixes = GaugeMetricFamily(
        "muckwatch_stream_fixes", "Fixes by what became of them, as workers say", labels=["partition", "fate"]
    )
    missing = GaugeMetricFamily(
        "muckwatch_stream_fixes_off_balance",
        "received less every fate: 0, or the program is wrong",
        labels=["partition"],
    )
    lag = GaugeMetricFamily("muckwatch_stream_lag_records", "Records that no worker has judged", labels=["partition"])
    behind = GaugeMetricFamily(
        "muckwatch_stream_behind_seconds", "Newest fix against the time it was told of", labels=["partition"]
    )
    open_words = GaugeMetricFamily("muckwatch_stream_open_findings", "Early words that stand", labels=["partition"])
    told = store.query(
        f"SELECT t.partition, {', '.join(f't.{f}' for f in _FATES)}, b.missing, t.next_offset, t.open, "
        "(t.told_ms - t.clock_ms) / 1000.0 AS behind_s FROM kept.stream_tally t JOIN stream_balance b USING (partition)"
    )
    for row in told.iter_rows(named=True):
        label = [str(row["partition"])]
        for fate in _FATES:
            fixes.add_metric([*label, fate], row[fate])
        missing.add_metric(label, row["missing"])
        behind.add_metric(label, row["behind_s"])
        open_words.add_metric(label, row["open"])
        if row["partition"] in ends:
            lag.add_metric(label, max(0, ends[row["partition"]] - row["next_offset"]))
    yield from (fixes, missing, lag, behind, open_words)


def _counted(store: Store) -> Iterator[Metric]:
    reasons = GaugeMetricFamily("muckwatch_rejected_fixes", "Fixes that were set aside, and why", labels=["reason"])
    for reason, count in store.query("SELECT reason, count FROM rejected_fixes ORDER BY reason").iter_rows():
        reasons.add_metric([reason], count)
    late = store.query("SELECT coalesce(sum(fixes), 0)::BIGINT FROM kept.late WHERE NOT settled").item()
    yield reasons
    yield GaugeMetricFamily("muckwatch_late_fixes", "Fixes too late for the stream, not settled yet", value=late)
