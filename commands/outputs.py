"""The commands that show what a store holds: report, map, scores, export."""

from __future__ import annotations

import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.options import folder, roads_option, store_option, tiles_option, week_option
from commands.terminal import a_date, reads, say, table

if TYPE_CHECKING:
    from maps.basemap import BaseMap
    from reports.calendar import Week
    from reports.crew import Crew


#: From so many bytes of fixes on, another process is worth the second in which it starts.
_MANY_BYTES = 3_000_000
#: What the others import at once.
_DRAWING = ("maps.week_drawing", "maps.pictures", "reports.week.faces", "reports.patrol.plan")
_FONTS = click.Path(exists=True, file_okay=False, path_type=Path)


def _formats(text: str) -> tuple[str, ...]:
    from reports.formats import FORMATS

    asked = FORMATS if text == "all" else tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for name in asked:
        if name not in FORMATS:
            raise ValueError(f"{name!r} is no format; allowed: {', '.join(FORMATS)}, or all")
    return asked


def _check_linked(linked: bool, tiles: BaseMap | None) -> None:
    if linked and tiles and tiles.origin:
        raise click.UsageError("--linked pages ask only the server they lie on: let --tiles be a file, or none")


def _hired(context: click.Context, option: click.Parameter, store_folder: Path) -> Path:
    """The store's folder, after hiring a process for every other core: they import while this one does.

    Before anything else is read from the command line, for a process that has imported numpy has threads, and forks
    no more.
    """
    from reports.crew import Crew, cores, size_bytes
    from reports.hands import LOAD

    crew = context.obj = context.with_resource(Crew())
    if size_bytes([store_folder / "fixes"]) >= _MANY_BYTES:
        crew.hire(cores() - 1)
        crew.begin(LOAD, *_DRAWING)
    return store_folder


@click.command()
@click.option(
    "--store", "store_folder", required=True, type=folder, is_eager=True, callback=_hired, help="What run or demo made."
)
@week_option
@click.option(
    "--format", "form", callback=reads(_formats), default="all", show_default=True, help="As in the list below."
)
@click.option("--out", type=folder, help="Where to; default: reports and maps inside the store.")
@click.option("--issue", is_flag=True, help="Hand it out: what it says is kept, and later changes are corrections.")
@click.option("--mask-plates", is_flag=True, help="Mask plates, for publication.")
@click.option("--linked", is_flag=True, help="For a web server: no code in the pages, but files that they share.")
@click.option(
    "--fonts", type=_FONTS, help="The office's own folder of fonts; default: MUCKWATCH_FONTS, then the system's."
)
@tiles_option
@roads_option
@click.pass_obj
def report(
    crew: Crew, store_folder: Path, week: Week | None, form: tuple[str, ...], out: Path | None, issue: bool,
    mask_plates: bool, linked: bool, fonts: Path | None, tiles: BaseMap | None, roads: Path | None,
) -> None:  # fmt: skip
    """Writes the weekly joint-inspection report and its maps.

    One report with five faces, in Chinese: docx for the office to edit, pdf to print and file (PDF/A-2b), xlsx with
    every row, html for screens, json for programs; name several with commas, or all. Weeks are ISO weeks in local time,
    and a night belongs to the date on which it began. District, title, office and issue number are the policy's.

    \b
    Examples:
      muckwatch report --store week47 --week 2026-W47
      muckwatch report --store week47 --week 2026-W47 --format docx,pdf --out /srv/reports
      muckwatch report --store week47 --week 2026-W47 --format pdf --mask-plates
      muckwatch report --store week47 --week 2026-W47 --issue
      muckwatch report --store week47 --week 2026-W47 --linked --out /srv/www
    """
    from maps.with_report import write_week
    from reports.spoken import weeks_of
    from reports.store import Store

    _check_linked(linked, tiles)
    options: dict[str, Any] = {"tiles": tiles, "roads": roads, "mask_plates": mask_plates, "fonts": fonts}
    options |= {"linked": linked, "crew": crew}
    options["issued_ms"] = int(time.time() * 1000) if issue else None
    with Store.open(store_folder) if issue else Store.read(store_folder) as store:
        told = lambda line: say(f"warning: {line}", err=True)
        written = write_week(store, week or weeks_of(store)[-1], out or store.path, form, **options, tell=told)
    say(*(path.resolve() for path in written))


@click.command("map")
@store_option
@click.option("--trip", metavar="ID", help="The map of one trip, flagged or not.")
@click.option("--violation", metavar="ID", help="The map of one violation that belongs to no trip.")
@click.option("--vehicle", metavar="PLATE", help="The map of one truck's day; with --day.")
@click.option("--day", callback=reads(a_date), metavar="DATE", help="The local date, such as 2026-11-20.")
@week_option
@click.option("--company", metavar="ID", help="The map of one company's week; with --week.")
@click.option("--plan", is_flag=True, help="The patrol plan for --week, and its sheets to print.")
@click.option("--compare", nargs=2, metavar="WEEK WEEK", help="What changed from one week to another.")
@click.option("--out", type=folder, help="Where to; default: maps inside the store.")
@click.option(
    "--linked", is_flag=True, help="For a web server: scripts, styles and tiles as files in assets, no inline code."
)
@tiles_option
@roads_option
def map_(
    store_folder: Path, trip: str | None, violation: str | None, vehicle: str | None, day: date | None,
    week: Week | None, company: str | None, plan: bool, compare: tuple[str, str] | None, out: Path | None,
    linked: bool, tiles: BaseMap | None, roads: Path | None,
) -> None:  # fmt: skip
    """Draws maps that open without a network.

    A trip with the track coloured by what was violated; a truck's day; a week with its hot roads and one page for each
    flagged trip; a company's week; a patrol plan with a sheet to print for each inspection; or two weeks
    compared. Ids stand in `muckwatch export trips` (or violations) and in the weekly report.

    \b
    Examples:
      muckwatch map --store week47 --week 2026-W47
      muckwatch map --store week47 --trip 0123456789abcdef0123
      muckwatch map --store week47 --vehicle 苏A12345 --day 2026-11-20
      muckwatch map --store week47 --company JK --week 2026-W47
      muckwatch map --store week47 --week 2026-W47 --tiles city.mbtiles
      muckwatch map --store week47 --week 2026-W47 --linked --out /srv/www/maps
      muckwatch map --store week47 --plan --week 2026-W48
      muckwatch map --store week47 --compare 2026-W46 2026-W47
    """
    from maps import data, more_pages
    from maps.linked import link_pages
    from reports.calendar import parse_week
    from reports.spoken import weeks_of
    from reports.store import Store

    if bool(vehicle) != bool(day):
        raise click.UsageError("--vehicle and --day go together: a truck's day")
    asked = (trip, violation, vehicle, compare, company or plan or week)
    if sum(map(bool, asked)) > 1 or (company and plan):
        raise click.UsageError(
            "one map at a time: --trip, --violation, --vehicle with --day, --compare, or --week (--company, --plan)"
        )
    _check_linked(linked, tiles)
    inner: list[Path] = []
    with Store.read(store_folder) as store:
        target = out or store.path / "maps"
        try:
            if trip:
                written = [data.write_trip(store, trip, target, tiles, roads)]
            elif violation:
                written = [data.write_violation(store, violation, target, tiles, roads)]
            elif vehicle and day:
                written = [data.write_vehicle_day(store, vehicle, day, target, tiles, roads)]
            elif compare:
                weeks = (parse_week(compare[0]), parse_week(compare[1]))
                written = more_pages.write_comparison(store, weeks, target, tiles, roads)
            elif company:
                written = more_pages.write_company(store, company, week or weeks_of(store)[-1], target, tiles, roads)
            elif plan:
                written = more_pages.write_plan(store, week or weeks_of(store)[-1].back(-1), target, tiles, roads)
            else:
                files = data.write_week_maps(store, week or weeks_of(store)[-1], target, None, tiles, roads)
                written, inner = [*files], files.pages
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    if linked:
        link_pages([*written, *inner])
    say(*(path.resolve() for path in written))


@click.command()
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


@click.command()
@click.argument("view")
@store_option
@click.option("--format", "form", default="csv", show_default=True, help="csv, json, parquet or xlsx.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file; default: standard output.")
def export(view: str, store_folder: Path, form: str, out: Path | None) -> None:
    """Exports violations, trips, stops, scores, terminal_health, fix_tags, suspected_sites, rejected_fixes or fixes.

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
