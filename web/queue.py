"""The queue of cases: filtered, worked through by keyboard, rejected in bulk, exported as filtered."""

from __future__ import annotations

import io
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

import polars as pl
from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from reports.accounts.sessions import Session
from reports.cases import reading
from reports.cases.deciding import CaseConflict, Decision, MoveRefused, decide
from reports.cases.reading import Filter
from reports.cases.words import REASON_NAMES, STATE_NAMES
from reports.export import spreadsheet_safe, write_sheet
from reports.ledger.entries import append
from reports.names import RULE_NAMES
from web.access import Who, actor_of
from web.context import Context, Ctx, board_of
from web.holds import Holds
from web.pages import render, when

router = APIRouter(include_in_schema=False)

TAB_NAMES = {
    "first": "待初审", "second": "待复审", "notify": "待告知", "notified": "已告知", "appealed": "申诉中",
    "doubt": "事实有变", "closed": "已办结", "all": "全部",
}  # fmt: skip
_FIRST_TAB = {"reviewer": "first", "second_reviewer": "second", "appeal_officer": "appealed"}
DAY_MS = 86_400_000
BULK_MAX = 200


def filter_of(
    session: Session, tab: str = "", rule: str = "", district: str = "", company: str = "", plate: str = "",
    confidence: str = "", age_days: str = "",
) -> Filter:  # fmt: skip
    """What a request asks of the queue; what cannot be read is taken as not said."""
    chosen = tab if tab in reading.TABS else _FIRST_TAB.get(session.user.role, "all")
    share = float(confidence) if confidence.replace(".", "", 1).isdecimal() and len(confidence) < 8 else 0.0
    days = int(age_days) if age_days.isdecimal() and len(age_days) < 5 else 0
    return Filter(chosen, rule[:40], district[:80], company[:80], plate[:40], min(share, 1.0), days)


def query_of(wanted: Filter) -> str:
    """A filter as the query of an address, which pages pass on."""
    return urlencode({name: value for name, value in vars(wanted).items() if value})


def filter_from(session: Session, query: str) -> Filter:
    """The filter that `query_of` wrote."""
    known = {name: value for name, value in parse_qsl(query[:600]) if name in Filter.__dataclass_fields__}
    return filter_of(session, **known)


def holds_of(context: Context) -> Holds:
    """Who holds what on this server."""
    return context.part("holds", Holds)


@router.get("/queue")
def queue_page(
    request: Request, context: Ctx, session: Who, tab: str = "", rule: str = "", district: str = "", company: str = "",
    plate: str = "", confidence: str = "", age_days: str = "", page: Annotated[str, Query(max_length=6)] = "1",
) -> Response:  # fmt: skip
    """The queue, or only its list where htmx asks for it."""
    wanted = filter_of(session, tab, rule, district, company, plate, confidence, age_days)
    number = max(1, int(page)) if page.isdecimal() else 1
    return _shown(request, context, session, wanted, number)


@router.post("/queue/reject")
def reject_in_bulk(
    request: Request, context: Ctx, session: Who, reason: Annotated[str, Form(max_length=40)],
    case: Annotated[list[str], Form()], note: Annotated[str, Form(max_length=2000)] = "",
    query: Annotated[str, Form(max_length=600)] = "",
) -> Response:  # fmt: skip
    """Rejects the cases that were ticked, each by the step that its reviewer may take; says how many it was."""
    actor, wanted, holds = actor_of(session), filter_from(session, query), holds_of(context)
    done, refused = 0, 0
    for value in case[:BULK_MAX]:
        case_id, _, step = value.rpartition(":")
        now_ms = context.now_ms()
        if not step.lstrip("-").isdecimal() or holds.holder(case_id, actor.user_id, now_ms):
            refused += 1
            continue
        try:
            with context.store.writing({case_id}) as store:
                seen = reading.case(store, actor, case_id)
                if seen is None:
                    raise MoveRefused("没有这个案件")
                action = "reject" if seen["state"] == "first_rejected" else "propose_reject"
                decide(store, actor, Decision(case_id, action, int(step), reason, note), at_ms=now_ms)
            done += 1
        except (CaseConflict, MoveRefused):
            refused += 1
    told = f"done={done}&refused={refused}"
    return RedirectResponse(f"/queue?{query_of(wanted)}&{told}", 303)


@router.get("/queue.csv")
def queue_csv(context: Ctx, session: Who, request: Request) -> Response:
    """What is filtered as CSV, with a mark by which Excel reads it as UTF-8."""
    frame = _export(context, session, request)
    text = io.BytesIO()
    spreadsheet_safe(frame).write_csv(text, include_bom=True)
    return _file(context, text.getvalue(), "csv", "text/csv; charset=utf-8")


@router.get("/queue.xlsx")
def queue_xlsx(context: Ctx, session: Who, request: Request) -> Response:
    """What is filtered as a workbook of typed cells."""
    book = io.BytesIO()
    write_sheet(_export(context, session, request), "案件", book)
    return _file(context, book.getvalue(), "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")


def _shown(request: Request, context: Context, session: Session, wanted: Filter, page: int) -> Response:
    actor, now_ms, holds = actor_of(session), context.now_ms(), holds_of(context)
    found, total = board_of(context).queue(actor, wanted, now_ms, page)
    rows, last = [], ""
    review_ms = context.registry.policy.review_days * DAY_MS
    for row in found.iter_rows(named=True):
        row["first_of_plate"], last = row["plate"] != last, row["plate"]
        row["held_by"] = holds.holder(row["case_id"], session.user.user_id, now_ms)
        row["late"] = row["status"] == "flagged" and row["recorded_ms"] + review_ms < now_ms
        rows.append(row)
    done, refused = request.query_params.get("done", ""), request.query_params.get("refused", "")
    message = f"已提交 {done} 件，未受理 {refused} 件" if done.isdecimal() and refused.isdecimal() else ""
    values: dict[str, Any] = {
        "rows": rows, "total": total, "page": page, "pages": -(-total // reading.PAGE_ROWS), "message": message,
        "query": query_of(wanted), "wanted": wanted,
    }  # fmt: skip
    if request.headers.get("hx-request"):
        return render(request, "_queue_list.html", **values)
    reasons = [reason for reason in REASON_NAMES if reason != "defence_accepted"]
    counts, companies = board_of(context).counts(actor), board_of(context).companies()
    return render(
        request, "queue.html", tabs=list(TAB_NAMES.items()), rules=list(RULE_NAMES), companies=companies, counts=counts,
        reasons=reasons, **values,
    )  # fmt: skip


def _export(context: Context, session: Session, request: Request) -> pl.DataFrame:
    wanted, actor = filter_from(session, request.url.query), actor_of(session)
    found, _ = board_of(context).queue(actor, wanted, context.now_ms(), 1, reading.EXPORT_ROWS)
    said = {"filter": query_of(wanted), "rows": len(found), "of": "cases"}
    with context.store.writing(()) as store, store.transaction():
        append(store, "export", "cases", actor.user_id, said, at_ms=context.now_ms())
    names = {d.district_id: d.name for d in context.registry.districts}
    return pl.DataFrame(
        {
            "案件编号": found["case_id"],
            "规则": [RULE_NAMES.get(rule, rule) for rule in found["rule"]],
            "车牌": found["plate"],
            "企业": found["company"],
            "街道": [names.get(d or "", d or "") for d in found["district_id"]],
            "开始时间": [when(ms, context, seconds=True) for ms in found["start_ms"]],
            "结束时间": [when(ms, context, seconds=True) for ms in found["end_ms"]],
            "可信度": found["confidence"],
            "记分": found["points"],
            "状态": [STATE_NAMES.get(state, state) for state in found["state"]],
            "理由": [REASON_NAMES.get(reason, reason) for reason in found["reason"]],
            "筛选条件": [query_of(wanted)] * len(found),
        }
    )


def _file(context: Context, content: bytes, suffix: str, kind: str) -> Response:
    stamp = when(context.now_ms(), context).replace(":", "").replace(" ", "-")
    headers = {"content-disposition": f'attachment; filename="muckwatch-cases-{stamp}.{suffix}"'}
    return Response(content, media_type=kind, headers=headers)
