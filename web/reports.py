"""What inspectors read: the weekly reports, the weeks' maps, the scores. Everything is made from the store as it is."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from maps.data import week_data
from maps.linked import linked_week_map
from reports import queries, scores
from reports.calendar import Week, parse_week
from reports.errors import StoreError
from reports.spoken import weeks_of
from reports.store import Store
from reports.week import build, document_of
from reports.week.face_html import render_html
from web.access import Who
from web.case import MAP_FILES
from web.context import Context, Ctx
from web.pages import render

router = APIRouter(include_in_schema=False)

#: Reports and maps of so many weeks are kept until the store changes.
KEPT_PAGES = 8


@router.get("/reports")
def weeks(request: Request, context: Ctx, session: Who) -> Response:
    """The weeks that there are reports of, the latest first."""
    rows = []
    with context.store.reading() as store:
        for week in reversed(_weeks(store)):
            start_ms, end_ms = week.span_ms(context.registry.policy)
            found = queries.violations_between(store, start_ms, end_ms)["status"]
            count = len(found)
            confirmed = int((found == "confirmed").sum())
            span = f"{week.monday:%Y-%m-%d}"
            rows.append({"name": str(week), "span": span, "flagged": count, "confirmed": confirmed})
    return render(request, "reports.html", weeks=rows)


@router.get("/reports/{week}/report")
def report(context: Ctx, session: Who, week: str) -> Response:
    """The weekly report as its one page."""
    wanted = _wanted(context, week)
    html = _kept(context, f"report {week}", lambda store: render_html(document_of(build(store, wanted))))
    return HTMLResponse(html, headers={"content-security-policy": _policy_of(html)})


@router.get("/reports/{week}/map")
def week_map(context: Ctx, session: Who, week: str) -> Response:
    """The week's map: hot spots and flagged trips."""
    wanted = _wanted(context, week)
    return HTMLResponse(
        _kept(context, f"map {week}", lambda store: linked_week_map(week_data(store, wanted), MAP_FILES))
    )


@router.get("/scores")
def score_page(request: Request, context: Ctx, session: Who) -> Response:
    """The scores of companies and trucks as of the last day with data."""
    with context.store.reading() as store:
        day = scores.latest_date(store)
        rows = list(scores.scores(store).iter_rows(named=True)) if day else []
    return render(request, "scores.html", as_of=day, rows=rows)


def _weeks(store: Store) -> list[Week]:
    return weeks_of(store) if queries.span_ms(store) else []


def _wanted(context: Context, text: str) -> Week:
    try:
        week = parse_week(text)
    except ValueError:
        raise HTTPException(404, "没有这一周") from None
    with context.store.reading() as store:
        if week not in _weeks(store):
            raise HTTPException(404, "没有这一周")
    return week


def _kept(context: Context, key: str, make: Callable[[Store], str]) -> str:
    """A page made once for each state of the findings; decisions and runs change it, sessions do not."""
    kept: dict[str, tuple[object, str]] = context.part("week pages", dict)
    with context.store.reading() as store:
        stamp = store.query(
            "SELECT (SELECT count(*) FROM kept.decisions), (SELECT coalesce(max(number), 0) FROM kept.runs), "
            "(SELECT coalesce(max(recorded_ms), 0) FROM kept.violations), (SELECT count(*) FROM kept.violations)"
        ).row(0)
        if key in kept and kept[key][0] == stamp:
            return kept[key][1]
        try:
            page = make(store)
        except StoreError as error:
            raise HTTPException(503, str(error)) from error
    while len(kept) >= KEPT_PAGES:
        kept.pop(next(iter(kept)), None)
    kept[key] = (stamp, page)
    return page


def _policy_of(html: str) -> str:
    """What a one-file page of ours may do: its own scripts by their hashes, its own styles, no request at all."""
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return (
        f"default-src 'none'; script-src {hashes or chr(39) + 'none' + chr(39)}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
