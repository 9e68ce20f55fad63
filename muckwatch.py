"""muckwatch: the one command, and the only module that knows every folder.

Each command reads its arguments, calls a function of a folder and prints what came back. The folders are imported
inside the commands, because polars, shapely and DuckDB take a second that `--help` should not cost.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

import terminal
import tuning
from terminal import a_date, reads, say, table

if TYPE_CHECKING:
    from maps.shell import Tiles
    from reports.calendar import Week


def _week(text: str) -> Week:
    from reports.calendar import parse_week

    return parse_week(text)


def _tiles(text: str) -> Tiles:
    from maps.shell import Tiles

    return Tiles(text)


folder = click.Path(file_okay=False, path_type=Path)
store_option = click.option("--store", "store_folder", required=True, type=folder, help="What run or demo made.")
week_option = click.option(
    "--week", callback=reads(_week), help="ISO week such as 2026-W47; default: the latest with data."
)

tiles_option = click.option(
    "--tiles", callback=reads(_tiles), envvar="MUCKWATCH_TILES", help="A tile server's address; default: none is asked."
)
roads_option = click.option(
    "--roads", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Roads to draw, as GeoJSON."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="muckwatch")
def cli() -> None:
    """Finds violations of construction-muck trucks in their GPS tracks.

    From tracks and a registry of what is permitted to flagged trips, the weekly report, maps and scores. Begin with
    `muckwatch demo`; every command has its own --help with examples.

    \b
    Exit codes: 0 done; 1 not possible here and now (store in use, disk full);
    2 not possible with this (unusable arguments or input); 130 interrupted.
    """


@cli.command()
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


@cli.command()
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


@cli.command()
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
    from reports import spoken
    from reports.run import run_stored

    summary = run_stored(registry, [*tracks, *more_tracks], out, console=terminal.console(stderr=True))
    say(*summary.tally.warnings, err=True)
    table(*spoken.balance(summary))
    say("", *spoken.found(summary), f"store: {out.resolve()}")


@cli.command()
@store_option
@week_option
@click.option("--format", "form", type=click.Choice(["html", "xlsx", "html,xlsx", "all"]), default="all")
@click.option("--out", type=folder, help="Where to; default: reports and maps inside the store.")
@tiles_option
@roads_option
def report(
    store_folder: Path, week: Week | None, form: str, out: Path | None, tiles: Tiles | None, roads: Path | None
) -> None:
    """Writes the weekly joint-inspection report and its maps.

    One self-contained HTML page and an XLSX workbook in Chinese, compared with the week before. Weeks are ISO weeks in
    local time, and a night belongs to the date on which it began.

    \b
    Examples:
      muckwatch report --store week47 --week 2026-W47
      muckwatch report --store week47 --week 2026-W47 --format xlsx --out /srv/reports
    """
    from maps.with_report import write_week
    from reports.spoken import weeks_of
    from reports.store import Store
    from reports.week import FORMATS

    formats = FORMATS if form == "all" else form.split(",")
    with Store.read(store_folder) as store:
        written = write_week(store, week or weeks_of(store)[-1], out or store.path, formats, tiles=tiles, roads=roads)
    say(*(path.resolve() for path in written))


@cli.command("map")
@store_option
@click.option("--trip", metavar="ID", help="The map of one trip, flagged or not.")
@click.option("--violation", metavar="ID", help="The map of one violation that belongs to no trip.")
@click.option("--vehicle", metavar="PLATE", help="The map of one truck's day; with --day.")
@click.option("--day", callback=reads(a_date), metavar="DATE", help="The local date, such as 2026-11-20.")
@week_option
@click.option("--out", type=folder, help="Where to; default: maps inside the store.")
@tiles_option
@roads_option
def map_(
    store_folder: Path, trip: str | None, violation: str | None, vehicle: str | None, day: date | None,
    week: Week | None, out: Path | None, tiles: Tiles | None, roads: Path | None,
) -> None:  # fmt: skip
    """Draws maps that open without a network.

    A trip with the track coloured by what was violated; a truck's day; or a week: its hot spots and one page for each
    flagged trip. Ids stand in `muckwatch export trips` (or violations) and in the weekly report.

    \b
    Examples:
      muckwatch map --store week47 --week 2026-W47
      muckwatch map --store week47 --trip 0123456789abcdef0123
      muckwatch map --store week47 --vehicle 苏A12345 --day 2026-11-20
    """
    from maps import data
    from reports.spoken import weeks_of
    from reports.store import Store

    if bool(vehicle) != bool(day):
        raise click.UsageError("--vehicle and --day go together: a truck's day")
    if sum(map(bool, (trip, violation, vehicle, week))) > 1:
        raise click.UsageError("one map at a time: --trip, --violation, --vehicle with --day, or --week")
    with Store.read(store_folder) as store:
        target = out or store.path / "maps"
        try:
            if trip:
                written = [data.write_trip(store, trip, target, tiles, roads)]
            elif violation:
                written = [data.write_violation(store, violation, target, tiles, roads)]
            elif vehicle and day:
                written = [data.write_vehicle_day(store, vehicle, day, target, tiles, roads)]
            else:
                written = [*data.write_week_maps(store, week or weeks_of(store)[-1], target, None, tiles, roads)]
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    say(*(path.resolve() for path in written))


@cli.command()
@store_option
@click.option("--as-of", callback=reads(a_date), metavar="DATE", help="Local date; default: that of the last fix.")
@click.option("--subject", type=click.Choice(["vehicle", "company"]), help="Only these.")
@click.option("--id", "subject_id", help="Only this plate or company.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option("--explain", metavar="ID", help="Every violation of this plate or company, and what each adds.")
def scores(
    store_folder: Path, as_of: date | None, subject: str | None, subject_id: str | None, form: str, explain: str | None
) -> None:
    """Prints the violation scores, as the credit system gets them.

    Only confirmed violations score; flagged ones stand apart as provisional. More points are worse. The grades, the
    points and the scoring period are the policy's.

    \b
    Examples:
      muckwatch scores --store week47 --subject company
      muckwatch scores --store week47 --as-of 2026-11-22 --format json > scores.json
      muckwatch scores --store week47 --explain 苏A12345
    """
    from reports import scores as reported
    from reports.export import spreadsheet_safe
    from reports.spoken import explained
    from reports.store import Store

    with Store.read(store_folder) as store:
        if explain:
            return table(*explained(store, explain, as_of))
        found = reported.scores(store, as_of)
        wanted = {"subject": subject, "subject_id": subject_id}
        if form == "json":
            rows = json.loads(reported.scores_json(store, as_of))
            kept = [row for row in rows if all(value in (None, row[name]) for name, value in wanted.items())]
            return click.echo(json.dumps(kept, ensure_ascii=False, indent=1))
    found = found.filter(**{name: value for name, value in wanted.items() if value})
    if form == "csv":
        spreadsheet_safe(found).write_csv(sys.stdout.buffer, include_bom=True)
    else:
        table(*reported.scores_table(found))


@cli.command()
@click.argument("view")
@store_option
@click.option("--format", "form", default="csv", show_default=True, help="csv, json, parquet or xlsx.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file; default: standard output.")
def export(view: str, store_folder: Path, form: str, out: Path | None) -> None:
    """Exports violations, trips, stops, scores, terminal_health, suspected_sites, rejected_fixes or fixes of a store.

    \b
    Examples:
      muckwatch export violations --store week47 > violations.csv
      muckwatch export trips --store week47 --format xlsx --out trips.xlsx
    """
    from reports.export import export as write
    from reports.store import Store

    if not out and form in ("parquet", "xlsx") and sys.stdout.isatty():
        raise click.UsageError(f"{form} is not for a terminal; name a file with --out")
    with Store.read(store_folder) as store:
        count = write(store, view, form, out or sys.stdout.buffer)
    say(f"{count:,} rows of {view}" + (f" in {out.resolve()}" if out else ""), err=True)


cli.add_command(tuning.tune)


def _input_errors() -> tuple[tuple[type[Exception], ...], tuple[type[Exception], ...]]:
    """What another input mends, and what may work later."""
    from ingest.tally import TracksError
    from reports.errors import StoreError, StoreUnusable
    from rules.registry import RegistryError

    return (RegistryError, TracksError, StoreUnusable), (StoreError,)


def main() -> None:
    """Runs the command line and exits; whatever goes wrong is one line on standard error and an exit code."""
    sys.exit(terminal.run(cli, _input_errors))


if __name__ == "__main__":
    main()
