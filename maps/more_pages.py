"""The week's other pages: one company's week, two weeks compared, a patrol plan with its printed sheets."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from maps.basemap import BaseMap
from maps.compare import compared
from maps.gather import Source
from maps.pictures import write_patrol
from maps.week_of_maps import WeekOfMaps, write_page
from maps.week_page import week_map
from reports.calendar import Week
from reports.patrol.keeping import kept_plan
from reports.patrol.model import PatrolPlan
from reports.patrol.plan import plan_patrol
from reports.store import Store

Progress = Callable[[int, int], None] | None


def write_company(
    store: Store, company: str, week: Week, out_dir: Path, tiles: BaseMap | None = None, roads: Path | None = None,
    on_progress: Progress = None,
) -> list[Path]:  # fmt: skip
    """Writes one company's week: its violations, rates of its own trips, hot spots.

    Raises:
        ValueError: a company that the registry does not know.
    """
    source = Source(store, roads, tiles)
    found = source.registry.company.get(company)
    if not found:
        known = "、".join(sorted(source.registry.company)[:8]) or "none"
        raise ValueError(f"{store.path}: the registry has no company {company!r}; it has {known}")
    data = WeekOfMaps(source, week, on_progress, company).data()
    data = replace(data, title=f"{found.name}：{data.title}")
    safe = re.sub(r"\W", "", company)[:20] or "company"
    return [write_page(out_dir / f"company-{safe}-{week}.html", week_map(data))]


def write_comparison(
    store: Store, weeks: tuple[Week, Week], out_dir: Path, tiles: BaseMap | None = None, roads: Path | None = None,
    on_progress: Progress = None,
) -> list[Path]:  # fmt: skip
    """Writes what changed from one week to a later one."""
    source = Source(store, roads, tiles)
    first, second = (WeekOfMaps(source, week, on_progress) for week in sorted(weeks))
    maps = (first.data(), second.data())
    data = compared((first.week, second.week), maps, (first.rates, second.rates))
    return [write_page(out_dir / f"compare-{first.week}-{second.week}.html", week_map(data))]


def write_plan(
    store: Store, week: Week, out_dir: Path, tiles: BaseMap | None = None, roads: Path | None = None,
    plan: PatrolPlan | None = None, on_progress: Progress = None,
) -> list[Path]:  # fmt: skip
    """Writes the page of a week's patrol plan and, as PDF, a sheet for each inspection.

    Args:
        store: an open store.
        week: the week planned for.
        out_dir: where to; made if it is not there.
        tiles: what lies under the maps besides our own roads; only a server makes a page ask for anything.
        roads: a GeoJSON file of roads instead of the registry's.
        plan: the plan; default: the one that was kept, or else a new one.
        on_progress: told how many trucks of how many are drawn.
    """
    told = plan or kept_plan(store, week) or plan_patrol(store, week, roads=roads)
    data = WeekOfMaps(Source(store, roads, tiles), week.back(1), on_progress).data()
    title = f"{week.year} 年第 {week.number} 周联合检查点位图"
    under = f"底图为第 {week.back(1).number} 周的线索与高发路段"
    # The spots and cells of the week below would be read as the plan's own places.
    data = replace(data, title=title, subtitle=under, plan=told, sightings=())
    return [write_page(out_dir / f"plan-{week}.html", week_map(data)), *write_patrol(told, data, out_dir)]
