"""The commands that judge stored tracks: demo, check, run."""

from __future__ import annotations

from pathlib import Path

import click

from commands import terminal
from commands.options import folder
from commands.terminal import say, table


@click.command()
@click.option("--out", type=folder, default="demo_out", show_default=True, help="A new folder, or an earlier demo's.")
def demo(out: Path) -> None:
    """Does the whole job on the sample tracks, with no broker and no server.

    Judges the labelled tracks of an invented city, writes the weekly reports, the maps and the scores, and says how
    much of what truly happened was found.

    \b
    Examples:
      muckwatch demo
      muckwatch demo --out /tmp/look
    """
    from sample_tracks.demo import run_demo

    scores_found, lines = run_demo(out, terminal.console(stderr=True))
    table(*scores_found)
    say(*lines)


@click.command()
@click.argument("registry", type=click.Path(path_type=Path))
def check(registry: Path) -> None:
    """Validates a registry folder and prints every fault, then the policy in force.

    Faults name the file, the row or feature, the field, what is wrong and what is allowed. With any the exit code
    is 2, and `run` refuses the folder: nothing half-loaded is ever used. Warnings do not hinder.

    \b
    Example:
      muckwatch check city/registry
    """
    from rules.registry import inspect

    inspected = inspect(registry)
    say(*inspected.faults)
    if inspected.registry is None:
        raise click.UsageError(f"{registry}: {len(inspected.errors)} fault(s), listed above")
    table(("policy key", "value", "unit", "default", "where from"), inspected.policy_rows)
    names = ("companies", "vehicles", "whitelist", "permits", "sites", "zones", "districts", "bans")
    counts = ", ".join(f"{len(getattr(inspected.registry, name))} {name}" for name in names)
    say("", f"{registry}: usable, {len(inspected.warnings)} warning(s). {counts}")


@click.command()
@click.option("--registry", required=True, type=click.Path(path_type=Path), help="The registry folder.")
@click.option("--tracks", required=True, multiple=True, metavar="PATH...", help="Files, folders; - is standard input.")
@click.option("--out", required=True, type=folder, help="The store: a new folder, or one that an earlier run made.")
@click.argument("more_tracks", nargs=-1, metavar="")
def run(registry: Path, tracks: tuple[str, ...], more_tracks: tuple[str, ...], out: Path) -> None:
    """Judges stored tracks and keeps what it finds in a store.

    Tracks are CSV or JSON Lines (also .gz, .zst) or Parquet; `-` is JSON Lines on standard input. Fixes may come in any
    order and more than once. Running again changes nothing that was found before; new tracks add to the store.

    \b
    Examples:
      muckwatch run --registry city/registry --tracks fixes.parquet --out week47
      muckwatch run --registry city/registry --tracks mon.csv.gz tue.csv.gz --out week47
      zcat fixes.jsonl.gz | muckwatch run --registry city/registry --tracks - --out week47
    """
    from reports.crew import crew_for
    from reports.memory import no_gc

    every = [*tracks, *more_tracks]
    with crew_for(registry, every) as crew:
        with no_gc():
            from reports import spoken
            from reports.run import run_stored
        summary = run_stored(registry, every, out, console=terminal.console(stderr=True), crew=crew)
    say(*summary.tally.warnings, *spoken.set_aside(summary), err=True)
    table(*spoken.balance(summary))
    say("", *spoken.found(summary), f"store: {out.resolve()}")
