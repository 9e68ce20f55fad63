"""The commands that keep what people found on the road: inspection add, import and list."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.options import store_option
from commands.terminal import a_date, reads, say, table

if TYPE_CHECKING:
    from reports.inspections import InspectionRecord


@click.group()
def inspection() -> None:
    """Records of joint inspections, which the weekly report holds against those due.

    \b
    Examples:
      muckwatch inspection add --store week47 --date 2026-11-19 --hours 20:00-23:30 \\
        --agencies 城管,公安交警 --place 宁芜路与江东路口 --checked 46 --found 5
      muckwatch inspection import inspections.csv --store week47
      muckwatch inspection list --store week47
    """


@inspection.command()
@store_option
@click.option("--date", "day", required=True, help="The local date on which it began, such as 2026-11-19.")
@click.option("--hours", default="", help="Local hours, such as 20:00-23:30.")
@click.option("--agencies", required=True, help="Who took part, separated by commas; two or more make it joint.")
@click.option("--place", required=True, help="Where.")
@click.option("--checked", required=True, help="How many trucks were checked.")
@click.option("--found", required=True, help="How many of them offended.")
@click.option("--filed", default="", help="How many cases were filed.")
@click.option("--note", default="", help="Anything else.")
def add(store_folder: Path, day: str, **told: str) -> None:
    """Keeps one inspection; one of the same date, hours and place is replaced.

    \b
    Example:
      muckwatch inspection add --store week47 --date 2026-11-19 --agencies 城管,公安交警 --place 江东路口 \\
        --checked 46 --found 5
    """
    from reports.inspections import InspectionFault, read_record

    try:
        record = read_record({"date": day, **told}, "inspection")
    except InspectionFault as error:
        raise click.UsageError(str(error)) from None
    _keep(store_folder, [record])


@inspection.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@store_option
def import_(file: Path, store_folder: Path) -> None:
    """Keeps every inspection of a CSV file: date,hours,agencies,place,checked,found,filed,note.

    \b
    Example:
      muckwatch inspection import inspections.csv --store week47
    """
    from reports.inspections import InspectionFault, read_csv

    try:
        records = read_csv(file.read_text("utf-8-sig"), str(file))
    except UnicodeDecodeError:
        raise click.UsageError(f"{file}: is not UTF-8; save it as CSV UTF-8") from None
    except InspectionFault as error:
        raise click.UsageError(str(error)) from None
    _keep(store_folder, records)


@inspection.command("list")
@store_option
@click.option("--since", callback=reads(a_date), help="From this local date on.")
def list_(store_folder: Path, since: date | None) -> None:
    """Prints the inspections kept.

    \b
    Example:
      muckwatch inspection list --store week47 --since 2026-11-16
    """
    from reports.inspections import COLUMNS, held_between
    from reports.store import Store

    with Store.read(store_folder) as store:
        found = held_between(store, since or date.min, date.max)
    table(COLUMNS, [_row(record) for record in found])


def _row(r: InspectionRecord) -> tuple[Any, ...]:
    filed = "" if r.filed is None else r.filed
    return r.day.isoformat(), r.hours, ",".join(r.agencies), r.place, r.checked, r.found, filed, r.note


def _keep(store_folder: Path, records: list[InspectionRecord]) -> None:
    from reports.inspections import keep
    from reports.store import Store

    with Store.open(store_folder) as store:
        new = keep(store, records, int(time.time() * 1000))
    say(f"{len(records)} inspections kept, {new} of them new")
