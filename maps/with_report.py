"""A week as it is handed over: the report, and the maps that it links to, side by side in one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from maps.basemap import BaseMap
from maps.week_drawing import WeekDrawing
from reports.calendar import Week
from reports.crew import Crew
from reports.hands import Hands
from reports.lending import lent
from reports.store import Store

REPORTS_FOLDER, MAPS_FOLDER = "reports", "maps"


def write_week(
    store: Store,
    week: Week,
    out_dir: Path,
    formats: Sequence[str] = ("docx", "pdf", "xlsx", "html", "json"),
    *,
    tiles: BaseMap | None = None,
    roads: Path | None = None,
    issued_ms: int | None = None,
    mask_plates: bool = False,
    fonts: Path | None = None,
    linked: bool = False,
    crew: Crew | None = None,
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
        linked: for a web server: scripts, styles and tiles as files that pages share.
        crew: processes that were hired for it before; default: this one does it all.
        tell: told in a line of what this machine could not do.
        on_progress: told how many trucks of how many are drawn here.

    Returns:
        The files to open: the report in each format, the week's map, the index, the sheets of inspections.

    Raises:
        StoreError: the store cannot be read or the folder not written.
    """
    with lent(store), Hands(crew) as hands:
        maps_dir = out_dir / MAPS_FOLDER
        drawing = WeekDrawing(store, week, maps_dir, hands, tiles=tiles, roads=roads, on_progress=on_progress)
        from maps.pictures import picture_tasks, sheet_tasks
        from reports.week import build, hand_out, write

        told = build(store, week, hands)
        data = replace(drawing.data(), plan=told.plan)
        pictured = picture_tasks(data) if {"docx", "pdf", "html"} & set(formats) else {}
        printed = sheet_tasks(data, maps_dir)
        done = hands.run([*pictured.values(), *printed, *drawing.tasks(data)])
        pictures = dict(zip(pictured, done, strict=False))
        sheets: list[Path] = done[len(pictured) : len(pictured) + len(printed)]
        if issued_ms is not None:
            hand_out(store, told, issued_ms)
        report = write(
            told,
            out_dir / REPORTS_FOLDER,
            formats,
            maps_dir=maps_dir,
            pictures=pictures,
            mask_plates=mask_plates,
            fonts=fonts,
            tell=tell,
            hands=hands,
        )
    maps = drawing.files(data)
    if linked:
        from maps.linked import link_pages

        link_pages([*report, *maps, *maps.pages])
    return [*report, *maps, *sheets]
