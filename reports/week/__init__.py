"""The weekly joint-inspection report: every number is computed once (`build`), and five faces are drawn from it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from reports import queries
from reports.calendar import Week, parse_week
from reports.formats import FORMATS
from reports.hands import Hands
from reports.lending import lent, store_at
from reports.patrol.keeping import keep_plan, kept_plan
from reports.patrol.model import PatrolPlan
from reports.patrol.plan import plan_patrol, yield_of
from reports.store import Store, StoreError
from reports.week.contents import document_of
from reports.week.faces import draw_face
from reports.week.figures import WEEKS_BACK, report_of
from reports.week.issue import file_stem
from reports.week.issuing import changes, corrections, issue, issued_in
from reports.week.masked import masked
from reports.week.model import WeekReport
from reports.week.reading import read_week

__all__ = ["FORMATS", "Week", "WeekReport", "build", "document_of", "hand_out", "parse_week", "write"]

#: The file of a trip's map page.
_TRIP_PAGE = re.compile(r"trip-([0-9a-f]{20})\.html")


def build(store: Store, week: Week, hands: Hands | None = None) -> WeekReport:
    """Reads a store and computes the report of one week; a week without data gives a report that says so.

    Args:
        store: an open store.
        week: the ISO week.
        hands: who makes the patrol plans, this week's to say what it would have met, and the next one's.

    Raises:
        StoreError: if the store cannot be read.
    """
    coming = week.back(-1)
    kept = {w: kept_plan(store, w) for w in (week, coming)}
    missing = [w for w, plan in kept.items() if plan is None] if queries.span_ms(store) else []
    planning = (hands or Hands()).begin([(_plan, (store.path, w)) for w in missing], alone=store.writable)
    report = report_of(read_week(store, week, WEEKS_BACK))
    issues = issued_in(store)
    earlier = [parse_week(x.week) for x in issues if x.week < str(week)][-WEEKS_BACK:]
    now = {str(w): document_of(report_of(read_week(store, w, WEEKS_BACK))) for w in earlier}
    own = next((x for x in issues if x.week == str(week)), None)
    changed = None if own is None else changes(own, document_of(report))
    report = replace(report, corrections=corrections(issues, now, str(week)), changed_since_issue=changed)
    if not report.has_data:
        return report
    with lent(store):
        kept |= dict(zip(missing, planning.done(), strict=True))
    suggested = kept[week]
    assert suggested
    return replace(report, plan=kept[coming], yielded=yield_of(store, suggested))


def _plan(store: Path, week: Week) -> PatrolPlan:
    return plan_patrol(store_at(store), week)


def hand_out(store: Store, report: WeekReport, issued_ms: int) -> None:
    """Hands a report out as an issue: keeps what it says and the plan that it suggests.

    Args:
        store: open for writing.
        report: from `build`.
        issued_ms: when, epoch ms.

    Raises:
        StoreUnusable: if the week has been handed out.
    """
    issue(store, document_of(report), issued_ms)
    if report.plan:
        keep_plan(store, report.plan, issued_ms)


def write(
    report: WeekReport,
    out_dir: Path,
    formats: Sequence[str] = FORMATS,
    *,
    maps_dir: Path | None = None,
    pictures: Mapping[str, bytes] | None = None,
    mask_plates: bool = False,
    fonts: Path | None = None,
    tell: Callable[[str], None] | None = None,
    hands: Hands | None = None,
) -> list[Path]:
    """Writes the report as `栖宁区渣土车联合检查周报-2026-W47-第47期.docx` and so on; each appears whole or not at all.

    Args:
        report: from `build`.
        out_dir: made if it is not there.
        formats: of `FORMATS`.
        maps_dir: where map pages lie; the page links to their `trip-<trip_id>.html`.
        pictures: PNG of maps by key, `week-map` and `patrol-1`, `patrol-2`, ...
        mask_plates: print plates as `苏A1***5`, for publication; no map is linked then.
        fonts: the office's own folder of fonts.
        tell: told in a line of what could not be done: a PDF without fonts, a character that no font has.
        hands: who draws the faces; default: this process alone.

    Returns:
        The files written, in the order of `formats`.

    Raises:
        ValueError: an unknown format.
        StoreError: the folder cannot be written.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no format of the weekly report; allowed: {', '.join(FORMATS)}")
    report = replace(report, pictures=dict(pictures or {}))
    report = masked(report) if mask_plates else report
    stem = file_stem(report.issue, report.week) + ("-公开" if mask_plates else "")
    pages = _trip_pages(maps_dir, out_dir) if maps_dir and not mask_plates else {}
    document = document_of(report)
    targets = [out_dir / f"{stem}.{name}" for name in formats]
    asides = [target.with_name(f".{target.name}.part") for target in targets]
    written: list[Path] = []
    said: dict[str, None] = {}
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        tasks = [
            (draw_face, (name, document, aside, pages, fonts)) for name, aside in zip(formats, asides, strict=True)
        ]
        for (drawn, lines), target, aside in zip((hands or Hands()).run(tasks), targets, asides, strict=True):
            said |= dict.fromkeys(lines)
            if drawn:
                aside.replace(target)
                written.append(target)
    except OSError as error:
        raise StoreError(f"{out_dir}: cannot write the report: {error.strerror or error}") from error
    if tell:
        for line in said:
            tell(line)
    return written


def _trip_pages(maps_dir: Path, out_dir: Path) -> dict[str, str]:
    """The map page of each trip, as a path relative to the report's folder."""
    pages = sorted(maps_dir.rglob("*.html"))
    found = ((_TRIP_PAGE.fullmatch(page.name), page) for page in pages)
    return {match[1]: Path(os.path.relpath(page, out_dir)).as_posix() for match, page in found if match}
