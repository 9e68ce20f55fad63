"""The command that suggests where the week's joint inspections stand: plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.operator import now_ms
from commands.options import folder, roads_option, store_option, tiles_option, week_option
from commands.terminal import say, table

if TYPE_CHECKING:
    from maps.basemap import BaseMap
    from reports.calendar import Week


@click.command()
@store_option
@week_option
@click.option("--inspections", type=click.IntRange(1, 7), help="How many; default: the policy's inspections_per_week.")
@click.option("--out", type=folder, help="Where to; default: maps inside the store.")
@click.option("--no-keep", is_flag=True, help="Do not keep the plan in the store; it may then be in use by others.")
@roads_option
@tiles_option
def plan(
    store_folder: Path, week: Week | None, inspections: int | None, out: Path | None, no_keep: bool,
    roads: Path | None, tiles: BaseMap | None,
) -> None:  # fmt: skip
    """Suggests the joint inspections of a week, from the weeks before it.

    Which road places, which hours, with whom and in what order, so that most expected violations are met: weighted by
    points, decayed over recent weeks, each truck once, with the drives between. Writes a page and, as PDF, a sheet for
    each inspection, and keeps the plan, so that the next report can say what it yielded. Default week: the one after
    the latest with data.

    \b
    Examples:
      muckwatch plan --store week47
      muckwatch plan --store week47 --week 2026-W48 --inspections 3 --out /srv/plans
    """

    from maps.more_pages import write_plan
    from reports.patrol.keeping import keep_plan
    from reports.patrol.plan import plan_patrol
    from reports.patrol.words import day_text
    from reports.queries import registry_of
    from reports.spoken import weeks_of
    from reports.store import Store

    with Store.read(store_folder) if no_keep else Store.open(store_folder) as store:
        wanted = week or weeks_of(store)[-1].back(-1)
        try:
            made = plan_patrol(store, wanted, roads=roads, inspections=inspections)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        if not no_keep:
            keep_plan(store, made, now_ms())
        written = write_plan(store, wanted, out or store.path / "maps", tiles, roads, made)
        zone = registry_of(store).zone
    rows = [
        (f"{i.number}-{c.number}", day_text(i.day), c.hours(zone), c.place, round(c.expected, 2), "、".join(c.agencies))
        for i in made.inspections
        for c in i.checkpoints
    ]
    table(("stop", "day", "hours", "place", "expected", "with"), rows)
    say(*([made.note] if made.note else []), *(path.resolve() for path in written))
