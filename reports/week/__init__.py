"""The weekly joint-inspection report: `build` reads a store once and computes every number once, `write` draws it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from reports.calendar import Week, parse_week
from reports.store import Store, StoreError
from reports.week.face_html import render_html
from reports.week.face_xlsx import write_xlsx
from reports.week.figures import WEEKS_BACK, report_of
from reports.week.model import WeekReport
from reports.week.reading import read_week

__all__ = ["FORMATS", "Week", "WeekReport", "build", "parse_week", "render_html", "write", "write_xlsx"]

FORMATS = ("html", "xlsx")
#: The file of a trip's map page.
_TRIP_PAGE = re.compile(r"trip-([0-9a-f]{20})\.html")


def build(store: Store, week: Week) -> WeekReport:
    """Reads a store and computes the report of one week; a week without data gives a report that says so.

    Raises:
        StoreError: if the store cannot be read.
    """
    return report_of(read_week(store, week, WEEKS_BACK))


def write(
    store: Store,
    week: Week,
    out_dir: Path,
    formats: Sequence[str] = FORMATS,
    maps_dir: Path | None = None,
) -> list[Path]:
    """Writes the report as `周报-2026-W47.html` and `.xlsx`; each file appears whole or not at all.

    Args:
        store: open for reading or writing.
        week: the ISO week.
        out_dir: made if it is not there.
        formats: of `FORMATS`.
        maps_dir: where map pages lie; the report links to their `trip-<trip_id>.html`.

    Returns:
        The files written, in the order of `formats`.

    Raises:
        ValueError: an unknown format.
        StoreError: the store cannot be read or the folder not written.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no format of the weekly report; allowed: {', '.join(FORMATS)}")
    report = build(store, week)
    pages = _trip_pages(maps_dir, out_dir) if maps_dir else {}
    written = []
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        for name in formats:
            target = out_dir / f"周报-{week}.{name}"
            aside = target.with_name(f".{target.name}.part")
            if name == "html":
                aside.write_text(render_html(report, pages), encoding="utf-8", newline="\n")
            else:
                write_xlsx(report, aside)
            aside.replace(target)
            written.append(target)
    except OSError as error:
        raise StoreError(f"{out_dir}: cannot write the report: {error.strerror or error}") from error
    return written


def _trip_pages(maps_dir: Path, out_dir: Path) -> dict[str, str]:
    """The map page of each trip, as a path relative to the report's folder."""
    pages = sorted(maps_dir.rglob("*.html"))
    found = ((_TRIP_PAGE.fullmatch(page.name), page) for page in pages)
    return {match[1]: Path(os.path.relpath(page, out_dir)).as_posix() for match, page in found if match}
