"""The commands about terminals: gateway takes them in, simulate plays them."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.operator import now_ms
from commands.options import address, folder, kafka_option, prefix_option
from commands.terminal import console, reads, say

if TYPE_CHECKING:
    from ingest.gateway.server import Gateway
    from ingest.jt808.replay import Replayed

_Address = tuple[str, int]


def _plates(registry_folder: Path) -> Mapping[str, str]:
    from rules.registry import load

    return {vehicle.terminal: vehicle.plate for vehicle in load(registry_folder).vehicles if vehicle.terminal}


@click.command()
@click.option("--listen", required=True, callback=reads(address), metavar="HOST:PORT", help="Where terminals call.")
@kafka_option
@click.option("--registry", "registry_folder", type=folder, help="Lets in its terminals only, under its plates.")
@click.option(
    "--journal", "journal_folder", type=folder, default="gateway_journal", show_default=True,
    help="Keeps what Kafka cannot take now, and which terminals are known. One gateway each.",
)  # fmt: skip
@click.option("--journal-mb", default=4096, show_default=True, type=click.IntRange(1), help="How large it may grow.")
@click.option("--dialects", "dialects_folder", type=folder, help="Vendor dialects of your own, as TOML files.")
@click.option("--watch", callback=reads(address), metavar="HOST:PORT", help="Serves /metrics and /healthz there.")
@prefix_option
def gateway(
    listen: _Address, kafka: str, registry_folder: Path | None, journal_folder: Path, journal_mb: int,
    dialects_folder: Path | None, watch: _Address | None, prefix: str,
) -> None:  # fmt: skip
    """Takes in JT/T 808 terminals over TCP and hands their fixes to Kafka.

    A report is acknowledged when Kafka has it; while Kafka is away, when the journal has it on the disk. The journal is
    drained in order when Kafka is back. If neither can take it, the terminal is not answered and sends it again.
    SIGHUP reads the registry anew. Ctrl-C and SIGTERM store and answer what has come, then stop.

    \b
    Examples:
      muckwatch gateway --listen 0.0.0.0:808 --kafka 127.0.0.1:9092 --registry city/registry
      muckwatch gateway --listen 0.0.0.0:808 --kafka 127.0.0.1:9092 --journal journal --watch 127.0.0.1:9808
    """
    from ingest.gateway.journal import Journal, JournalBusy
    from ingest.gateway.kafka_sink import kafka_sink
    from ingest.gateway.roster import Roster
    from ingest.gateway.server import Gateway
    from ingest.jt808.dialect import DialectError, load_dialects

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    plates = _plates(registry_folder) if registry_folder else None
    try:
        dialects = load_dialects(dialects_folder)
    except DialectError as error:
        raise click.UsageError(str(error)) from None
    try:
        journal = Journal(journal_folder, max_bytes=journal_mb * 1024 * 1024)
    except JournalBusy as error:
        raise click.ClickException(str(error)) from None
    roster = Roster(journal_folder, plates, dialects)
    made = Gateway(roster, kafka_sink(kafka, prefix), journal)
    asyncio.run(_serve(made, listen, watch, registry_folder))
    say(*made.balance.lines())


async def _serve(made: Gateway, listen: _Address, watched: _Address | None, registry_folder: Path | None) -> None:
    from ingest.gateway.watch import watch
    from rules.registry import RegistryError

    loop, stopping = asyncio.get_running_loop(), asyncio.Event()

    def renew() -> None:
        try:
            made.roster.renew(_plates(registry_folder) if registry_folder else None)
            logging.info("the registry was read anew")
        except RegistryError as error:
            logging.error("the registry stays as it was: %s", error)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, renew)
    try:
        await made.start(*listen)
    except OSError as error:
        raise click.ClickException(f"cannot listen on {listen[0]}:{listen[1]}: {error.strerror}") from None
    try:
        say("muckwatch: terminals may call {}:{}".format(*made.address))
        if watched:
            page = await watch(made, *watched)
            say("muckwatch: figures at http://{}:{}/metrics".format(*page.sockets[0].getsockname()[:2]))
        await stopping.wait()
    finally:
        await made.stop()


@click.command()
@click.option("--tracks", required=True, multiple=True, metavar="PATH...", help="Files, folders; - is standard input.")
@click.option("--gateway", "called", required=True, callback=reads(address), metavar="HOST:PORT", help="Whom to call.")
@click.option("--speed", default=60.0, show_default=True, type=click.FloatRange(0), help="0: as fast as it answers.")
@click.option("--version", default="2013", show_default=True, type=click.Choice(["2011", "2013", "2019"]))
@click.option("--patience", default=60.0, show_default=True, help="Seconds a terminal tries to be heard.")
@click.argument("more_tracks", nargs=-1, metavar="")
def simulate(
    tracks: tuple[str, ...], more_tracks: tuple[str, ...], called: _Address, speed: float, version: str, patience: float
) -> None:
    """Replays stored tracks as JT/T 808 terminals, one connection each.

    Each terminal registers, authenticates and reports; what is not acknowledged it keeps and sends again in batches, as
    real ones do after a time out of coverage.

    \b
    Examples:
      muckwatch simulate --tracks sample_tracks/tracks --gateway 127.0.0.1:808
      muckwatch simulate --tracks week.parquet --gateway 127.0.0.1:808 --speed 0 --version 2019
    """
    import polars as pl

    from ingest.files import read_fixes
    from ingest.gateway.limits import SPARE_FILES, raise_files
    from ingest.jt808.replay import replay
    from ingest.progress import watch
    from ingest.tally import Tally

    tally = Tally()
    with watch() as show:
        read = list(
            read_fixes(
                [*tracks, *more_tracks], now_ms=now_ms(), tally=tally, on_progress=show
            )
        )  # fmt: skip
    if not read:
        raise click.UsageError(f"no usable fix among {tally.received:,} rows")
    fixes = pl.concat(read)
    raise_files(fixes.select("plate", "terminal").n_unique() + SPARE_FILES)
    with _sending(fixes.height) as told:
        done = asyncio.run(
            replay(fixes, *called, speed=speed, version=int(version), patience_s=patience, on_progress=told)
        )
    say(*_lines(done))
    if done.acknowledged < done.fixes:
        raise click.ClickException(f"{done.fixes - done.acknowledged:,} of {done.fixes:,} fixes were not acknowledged")


@contextmanager
def _sending(fixes: int) -> Iterator[Callable[[Replayed], None] | None]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    screen = console(stderr=True)
    if not screen.is_terminal:
        yield None
        return
    columns = (TextColumn("acknowledged"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("", total=fixes)
        yield lambda done: bar.update(task, completed=done.acknowledged)


def _lines(done: Replayed) -> list[str]:
    spread = sorted(done.latencies_s)

    def at(share: float) -> str:
        return f"{spread[min(len(spread) - 1, int(share * len(spread)))] * 1000:.0f} ms"

    lines = [f"{done.acknowledged:,} of {done.fixes:,} fixes acknowledged over {done.connections:,} connections"]
    lines += [f"acknowledged within: median {at(0.5)}, 99 of 100 {at(0.99)}"] if spread else []
    return lines + [f"{plate}: not let in ({why})" for plate, why in sorted(done.denied.items())]
