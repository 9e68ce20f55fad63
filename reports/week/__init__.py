"""The weekly joint-inspection report: every number is computed once (`build`), and five faces are drawn from it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from reports.calendar import Week, parse_week
from reports.fonts import Fonts, FontsMissing, find_fonts
from reports.patrol.keeping import keep_plan, kept_plan
from reports.patrol.plan import plan_patrol, yield_of
from reports.store import Store, StoreError
from reports.visible import coded
from reports.week.contents import document_of
from reports.week.document import Document
from reports.week.face_docx import render_docx
from reports.week.face_html import render_html
from reports.week.face_json import render_json
from reports.week.face_pdf import chart_pictures, letters_of, render_pdf
from reports.week.face_xlsx import write_xlsx
from reports.week.figures import WEEKS_BACK, report_of
from reports.week.issue import file_stem
from reports.week.issuing import changes, corrections, issue, issued_in
from reports.week.masked import masked
from reports.week.model import WeekReport
from reports.week.reading import read_week

__all__ = ["FORMATS", "Week", "WeekReport", "build", "document_of", "hand_out", "parse_week", "write"]

FORMATS = ("docx", "pdf", "xlsx", "html", "json")
#: The file of a trip's map page.
_TRIP_PAGE = re.compile(r"trip-([0-9a-f]{20})\.html")


def build(store: Store, week: Week) -> WeekReport:
    """Reads a store and computes the report of one week; a week without data gives a report that says so.

    Raises:
        StoreError: if the store cannot be read.
    """
    report = report_of(read_week(store, week, WEEKS_BACK))
    issues = issued_in(store)
    earlier = [parse_week(x.week) for x in issues if x.week < str(week)][-WEEKS_BACK:]
    now = {str(w): document_of(report_of(read_week(store, w, WEEKS_BACK))) for w in earlier}
    own = next((x for x in issues if x.week == str(week)), None)
    changed = None if own is None else changes(own, document_of(report))
    report = replace(report, corrections=corrections(issues, now, str(week)), changed_since_issue=changed)
    if not report.has_data:
        return report
    suggested = kept_plan(store, week) or plan_patrol(store, week)
    coming = week.back(-1)
    plan = kept_plan(store, coming) or plan_patrol(store, coming)
    return replace(report, plan=plan, yielded=yield_of(store, suggested))


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
    faces = _Faces(document_of(report), pages, fonts, tell or (lambda _: None))
    written = []
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        for name in formats:
            target = out_dir / f"{stem}.{name}"
            aside = target.with_name(f".{target.name}.part")
            if faces.draw(name, aside):
                aside.replace(target)
                written.append(target)
    except OSError as error:
        raise StoreError(f"{out_dir}: cannot write the report: {error.strerror or error}") from error
    return written


class _Faces:
    """Draws one document; fonts are looked for when the first paper asks for them."""

    def __init__(
        self, document: Document, trip_pages: Mapping[str, str], own_fonts: Path | None, tell: Callable[[str], None]
    ) -> None:
        self._document, self._trip_pages, self._own, self._tell = document, trip_pages, own_fonts, tell
        self._fonts: Fonts | None = None
        self._looked = False

    def draw(self, name: str, path: Path) -> bool:
        """Writes one face; False if this machine cannot, after saying why."""
        if name == "html":
            path.write_text(render_html(self._document, self._trip_pages), encoding="utf-8", newline="\n")
        elif name == "json":
            path.write_text(render_json(self._document), encoding="utf-8", newline="\n")
        elif name == "xlsx":
            write_xlsx(self._document, path)
        elif name == "docx":
            fonts = self._found()
            path.write_bytes(render_docx(self._document, chart_pictures(self._document, fonts) if fonts else {}))
        else:
            fonts = self._found()
            if not fonts:
                return False
            path.write_bytes(render_pdf(self._document, fonts))
        return True

    def _found(self) -> Fonts | None:
        if self._looked:
            return self._fonts
        self._looked = True
        try:
            self._fonts = find_fonts(self._own)
        except FontsMissing as error:
            self._tell(f"no PDF, and no charts in the DOCX: {error}")
            return None
        if lacking := self._fonts.missing(letters_of(self._document)):
            codes = " ".join(map(coded, lacking[:20]))
            self._tell(f"no font here has {codes}: printed as codes; add a font that has them (MUCKWATCH_FONTS)")
        return self._fonts


def _trip_pages(maps_dir: Path, out_dir: Path) -> dict[str, str]:
    """The map page of each trip, as a path relative to the report's folder."""
    pages = sorted(maps_dir.rglob("*.html"))
    found = ((_TRIP_PAGE.fullmatch(page.name), page) for page in pages)
    return {match[1]: Path(os.path.relpath(page, out_dir)).as_posix() for match, page in found if match}
