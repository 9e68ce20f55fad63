"""A week as it is handed over: the report, and the maps that it links to, side by side in one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from maps.basemap import BaseMap
from maps.data import write_week_maps
from maps.pictures import report_pictures, write_patrol
from reports.calendar import Week
from reports.store import Store
from reports.week import FORMATS, build, hand_out, write

REPORTS_FOLDER, MAPS_FOLDER = "reports", "maps"


def write_week(
    store: Store,
    week: Week,
    out_dir: Path,
    formats: Sequence[str] = FORMATS,
    *,
    tiles: BaseMap | None = None,
    roads: Path | None = None,
    issued_ms: int | None = None,
    mask_plates: bool = False,
    fonts: Path | None = None,
    tell: Callable[[str], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Writes a week's maps into `maps` and its report into `reports`; the report's trips lead to their maps.

    Args:
        store: an open store.
        week: the ISO week.
        out_dir: the folder of both; made if it is not there.
        formats: of the report.
        tiles: what lies under the maps besides our own roads; only a server makes a page ask for anything.
        roads: a GeoJSON file of roads instead of the registry's.
        issued_ms: hand the report out as an issue at that time (epoch ms); the store must be open for writing.
        mask_plates: mask plates in the report, for publication; the maps name trucks and are not for it.
        fonts: the office's own folder of fonts.
        tell: told in a line of what this machine could not do.
        on_progress: told how many trucks of how many are drawn.

    Returns:
        The files to open: the report in each format, the week's map, the index, the sheets of inspections.

    Raises:
        StoreError: the store cannot be read or the folder not written.
    """
    told = build(store, week)
    maps = write_week_maps(store, week, out_dir / MAPS_FOLDER, on_progress, tiles, roads, told.plan)
    pictures = report_pictures(maps.data) if maps.data else {}
    sheets = write_patrol(told.plan, maps.data, out_dir / MAPS_FOLDER) if told.plan and maps.data else []
    if issued_ms is not None:
        hand_out(store, told, issued_ms)
    report = write(
        told,
        out_dir / REPORTS_FOLDER,
        formats,
        maps_dir=out_dir / MAPS_FOLDER,
        pictures=pictures,
        mask_plates=mask_plates,
        fonts=fonts,
        tell=tell,
    )
    return [*report, *maps, *sheets]
