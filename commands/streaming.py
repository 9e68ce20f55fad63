"""The commands of the stream: publish, worker, settle."""

from __future__ import annotations

import signal
from datetime import date
from pathlib import Path

import click

from commands import terminal
from commands.operator import now_ms
from commands.options import kafka_option, prefix_option, store_option
from commands.terminal import reads, say


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no date; write it as 2026-11-16") from error


@click.command()
@click.option("--tracks", required=True, multiple=True, metavar="PATH...", help="Files, folders; - is standard input.")
@kafka_option
@click.option("--speed", type=click.FloatRange(min=0), default=60.0, show_default=True, help="0: as fast as it goes.")
@click.option(
    "--batch", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Fixes a record, as NDJSON."
)
@click.option("--partitions", type=click.IntRange(1, 1000), help="Of the topic of fixes; default 8 for a new one.")
@click.option("--resume", type=click.Path(dir_okay=False, path_type=Path), help="Goes on where this file says.")
@prefix_option
@click.argument("more_tracks", nargs=-1, metavar="")
def publish(
    tracks: tuple[str, ...],
    more_tracks: tuple[str, ...],
    kafka: str,
    speed: float,
    batch: int,
    partitions: int | None,
    resume: Path | None,
    prefix: str,
) -> None:
    """Replays stored tracks into Kafka, in the order of the files.

    A row counts as sent once the broker has it. With --resume, how far it got is kept in a file; after an interruption
    the same call goes on from there. What is said twice counts once.

    \b
    Examples:
      muckwatch publish --tracks fixes.parquet --kafka 127.0.0.1:9092
      muckwatch publish --tracks week/ --kafka 127.0.0.1:9092 --speed 0 --batch 100 --resume week.bookmark
    """
    from ingest.kafka.publishing import publish as send
    from ingest.kafka.topics import Topics
    from ingest.progress import watch

    with watch(terminal.console(stderr=True), "publishing") as on_progress:
        done = send(
            [*tracks, *more_tracks],
            kafka,
            Topics(prefix),
            speed=speed,
            batch=batch,
            partitions=partitions,
            resume=resume,
            on_progress=on_progress,
        )
    rate = done.rows / done.seconds if done.seconds else 0.0
    before = f", {done.before} before" if done.before else ""
    unreadable = f"; {done.unreadable} rows that are no rows were left out" if done.unreadable else ""
    say(f"{done.rows} fixes sent in {done.records} records{before}, {rate:,.0f} fixes/s{unreadable}")


@click.command()
@click.option("--registry", required=True, type=click.Path(path_type=Path), help="The registry folder.")
@kafka_option
@click.option("--slot", type=click.IntRange(min=0), default=0, show_default=True, help="Each worker its own number.")
@click.option("--metrics", metavar="HOST:PORT", help="Serves Prometheus figures there.")
@click.option("--rejudge-hours", type=click.FloatRange(min=0), help="Forgets kept state; judges the last hours anew.")
@prefix_option
def worker(
    registry: Path, kafka: str, slot: int, metrics: str | None, rejudge_hours: float | None, prefix: str
) -> None:
    """Judges fixes from Kafka, as one of a group: start as many as there are partitions, each with its own --slot.

    Findings, the state of trucks and offsets are committed together, so a worker may die at any time: started again
    with the same slot it goes on where it was, and if it stays away others take its trucks over after ten seconds.
    It stops with the reason when what is in Kafka does not fit what was judged before.

    \b
    Examples:
      muckwatch worker --registry city/registry --kafka 127.0.0.1:9092
      muckwatch worker --registry city/registry --kafka 127.0.0.1:9092 --slot 1 --metrics 127.0.0.1:9101
    """
    import gc
    import os

    # A worker is one core's work; more of them are more processes.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    from reports.memory import keep_memory

    keep_memory(1, long_lived=True)  # before polars is imported: the next batch needs as much again
    from ingest.kafka.topics import Topics
    from rules.ground import Ground
    from rules.registry import load
    from stream.knowledge import KnowledgeReader
    from stream.metrics import serve_figures
    from stream.worker import Worker, WorkerPlan

    topics = Topics(prefix)
    ground = Ground(load(registry))
    made = Worker(WorkerPlan(kafka, slot, topics, rejudge_hours), ground, KnowledgeReader(kafka, topics))
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: made.stop())
    address = serve_figures(made, metrics) if metrics else ""
    say(f"worker {slot}: {made.partitions} partitions of {topics.fixes} at {kafka}{address}")
    gc.freeze()
    made.run()
    done = made.progress
    say(f"worker {slot}: stopped; {done.fixes} fixes, {done.violations} violations, {done.batches} batches")


@click.command()
@store_option
@click.option("--registry", required=True, type=click.Path(path_type=Path), help="The registry folder.")
@click.option("--day", required=True, callback=reads(_day), metavar="DATE", help="A local date, such as 2026-11-16.")
@click.option("--to", "last", callback=reads(_day), metavar="DATE", help="Settles every day from --day to this one.")
def settle(store_folder: Path, registry: Path, day: date, last: date | None) -> None:
    """Judges days again from the whole archive, late fixes included, and revises what streaming found.

    What is found otherwise becomes a new revision; cases that a person has decided are not changed but marked, so that
    somebody looks again. Settling the same days again changes nothing. Small files of the archive's days are joined
    first. `serve` does it all by itself; while it runs, the store is its own.

    \b
    Examples:
      muckwatch settle --store city --registry city/registry --day 2026-11-16
      muckwatch settle --store city --registry city/registry --day 2026-11-16 --to 2026-11-22
    """

    from reports.compaction import join_some
    from reports.settle import judge_days, record_days
    from reports.store import Store
    from rules.registry import load

    last = last or day
    if last < day:
        raise click.UsageError(f"--to {last} is before --day {day}")
    zone, at_ms, joined = load(registry).zone, now_ms(), 0
    with Store.open(store_folder) as store:
        while several := join_some(store, day, last, zone, at_ms):
            joined += several
        settled = judge_days(store, registry, day, last, at_ms)
        result = record_days(store, settled)
    say(
        f"{settled.trucks} trucks, {settled.fixes:,} fixes judged: {result.new} new violations, {result.revised} "
        f"revised, {result.removed} removed, {result.unchanged} unchanged, {result.facts_changed} decided ones in doubt"
        + (f"; {joined} small files of the archive joined" if joined else "")
    )
