"""The command that tells how the stream stands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from commands.options import folder, prefix_option
from commands.terminal import say, table


@click.command()
@click.option("--kafka", envvar="MUCKWATCH_KAFKA", metavar="HOST:PORT", help="Asks Kafka: lag, rates, accounts.")
@click.option("--store", "store_folder", type=folder, help="Asks the store: accounts, reasons, late fixes, terminals.")
@click.option("--seconds", type=click.FloatRange(0, 60), default=2.0, show_default=True, help="To measure rates over.")
@click.option("--terminals", type=click.IntRange(0), default=10, show_default=True, help="So many longest silent ones.")
@prefix_option
def status(kafka: str | None, store_folder: Path | None, seconds: float, terminals: int, prefix: str) -> None:
    """Tells how the stream stands: lag by partition, rates, lateness, what was set aside and why, silent terminals.

    Every fix is accounted for: received = judged + repeated + set aside + late + other (no position, or a second
    device) + held (waiting for stragglers). A store that `serve` holds is not asked; ask Kafka, or its status page.

    \b
    Examples:
      muckwatch status --kafka 127.0.0.1:9092
      muckwatch status --store city
    """
    if not kafka and not store_folder:
        raise click.UsageError("name --kafka, or --store, or both")
    if kafka:
        _of_kafka(kafka, prefix, seconds)
    if store_folder:
        _of_store(store_folder, terminals)


def _of_kafka(kafka: str, prefix: str, seconds: float) -> None:
    from ingest.kafka.topics import Topics
    from stream.watching import rate_per_s

    standing, rate = rate_per_s(kafka, Topics(prefix), seconds)
    heads = ("partition", "lag", "received", "judged", "repeated", "set aside", "late", "other", "open", "newest fix")
    rows = [
        (s.partition, s.lag, s.received, s.judged, s.repeated, s.set_aside, s.late, s.other, s.open_words,
         _time(s.clock_ms))
        for s in standing
    ]  # fmt: skip
    table(heads, [tuple(str(value) for value in row) for row in rows])
    received = sum(s.received for s in standing)
    gone = sum(s.judged + s.repeated + s.set_aside + s.late + s.other for s in standing)
    say(f"{received:,} received, {rate:,.0f} a second; {received - gone:,} wait for stragglers")
    reasons: dict[str, int] = {}
    for s in standing:
        for why, count in s.reasons.items():
            reasons[why] = reasons.get(why, 0) + count
    if reasons:
        say("set aside: " + ", ".join(f"{why} {count}" for why, count in sorted(reasons.items())))


def _of_store(store_folder: Path, terminals: int) -> None:
    from reports import queries
    from reports.store import Store
    from rules.registry.model import FOREVER_MS

    with Store.read(store_folder) as store:
        sums = store.query(
            "SELECT coalesce(sum(received), 0)::BIGINT, coalesce(sum(missing), 0)::BIGINT, "
            "coalesce(sum(late), 0)::BIGINT, coalesce(sum(held), 0)::BIGINT FROM stream_balance"
        ).row(0)
        reasons = store.query("SELECT reason, count FROM rejected_fixes ORDER BY count DESC, reason").rows()
        late = store.query("SELECT count(*), coalesce(sum(fixes), 0)::BIGINT FROM late_fixes WHERE NOT settled").row(0)
        tags = queries.tags_between(store, 0, FOREVER_MS).select("tag", "fixes", "terminals").rows()
        silent = store.query(
            "SELECT plate, terminal, time_ms, fixes FROM kept.last_fix ORDER BY time_ms, plate LIMIT ?", [terminals]
        ).rows()
    say(f"{sums[0]:,} received, {sums[1]} missing from the balance, {sums[2]:,} late, {sums[3]:,} held")
    say(f"late and not settled: {late[1]:,} fixes in {late[0]:,} spans")
    if reasons:
        table(("set aside for", "fixes"), [(why, str(count)) for why, count in reasons])
    if tags:
        table(("odd fixes", "fixes", "terminals"), [(tag, str(fixes), str(several)) for tag, fixes, several in tags])
    if silent:
        table(("plate", "terminal", "last fix", "fixes"), [(p, t, _time(ms), str(n)) for p, t, ms, n in silent])


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds") if at_ms else "-"
