"""The credit API: scores as of a date, what changed in them, the rules behind them, and figures to reconcile by.

Only what people have confirmed leaves the house: no candidates, no tracks, no reviewers.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from reports.credit.events import event_id_at, events_after, last_seq, reckoning
from reports.ledger.entries import last_head
from reports.store import Store
from rules.catalog import RULES
from web.api import cursor as cursors
from web.api import shapes
from web.api.answers import Said, answer, pages, said
from web.api.auth import Caller, needs
from web.api.problem import RESPONSES, TITLES, Problem, ProblemRoute
from web.api.snapshots import Snapshot, snapshot
from web.context import Ctx

router = APIRouter(prefix="/api/v1", route_class=ProblemRoute, tags=["积分"], responses=RESPONSES)
PAGE_MAX, PAGE = 1000, 500

Reader = Annotated[Caller, needs("scores:read")]
Cursor = Annotated[str | None, Query(max_length=cursors.CURSOR_MAX, description="上一次返回的 next_cursor")]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="每页条数")]
_PAGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "与 If-None-Match 所指相同"},
    400: {"description": TITLES[400]},
    410: {"description": TITLES[410]},
}


@router.get("/scores", summary="积分与等级", response_model=shapes.Scores, responses=_PAGED)
def get_scores(
    request: Request,
    context: Ctx,
    caller: Reader,
    as_of: Annotated[date | None, Query(description="截至日期（当地）；缺省为最后有数据之日")] = None,
    subject: Annotated[Literal["vehicle", "company"] | None, Query(description="只取车辆或企业")] = None,
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> Response:
    """全部车辆与企业截至某日的积分和等级，含零分者。翻页期间内容不变；快照过期时返回 410，请从头读取。"""
    with context.store.reading() as store:
        place = cursors.read(store, "scores", cursor) if cursor else {}
        if place:
            as_of, subject = date.fromisoformat(place["day"]), place["subject"]
        shot = snapshot(context, store, as_of)
        if place and place["version"] != shot.version:
            raise Problem(410, "积分在翻页期间有变动，请从第一页重新读取")
        start = place.get("start", 0)
        key = ("scores", shot.day, shot.version, subject, start, limit)
        page = pages(context).get(key, lambda: _page_of(store, shot, subject, start, limit))
    return answer(context, request, caller, page)


@router.get("/score-events", summary="积分变动", response_model=shapes.ScoreEvents, responses=_PAGED)
def get_score_events(
    request: Request, context: Ctx, caller: Reader, cursor: Cursor = None, limit: Limit = PAGE
) -> Response:
    """自游标之后的变动，只增不改。保存 next_cursor，下次带上；数据库恢复到更早状态后旧游标返回 410，请从头同步。"""
    with context.store.reading() as store:
        place: dict[str, Any] = cursors.read(store, "events", cursor) if cursor else {"seq": 0, "id": ""}
        if event_id_at(store, place["seq"]) != place["id"]:
            raise Problem(410, "本库没有该游标所指的变动（可能已从备份恢复），请从头同步")
        # Events are only ever appended: with the same last one, a page is the same.
        key = ("events", place["seq"], last_seq(store), limit)
        page = pages(context).get(key, lambda: _events_from(store, place, limit))
    return answer(context, request, caller, page)


@router.get("/rules", summary="规则与分档", response_model=shapes.Rules, responses={304: _PAGED[304]})
def get_rules(request: Request, context: Ctx, caller: Reader) -> Response:
    """现行的规则、分值、计分期与等级分档。"""
    policy = context.registry.policy
    rules = [
        {
            "rule": rule.rule_id, "name": rule.title_zh, "version": str(rule.version),
            "points": policy.points[rule.rule_id], "legal_basis": rule.legal_basis,
        }
        for rule in RULES
    ]  # fmt: skip
    grades = [
        {"subject": subject, "grade": grade, "from_points": low}
        for subject, of in policy.grades.items()
        for grade, low in of.items()
    ]
    told = {"policy_digest": policy.digest, "score_days": policy.score_days, "rules": rules, "grades": grades}
    return answer(context, request, caller, said(told, len(rules)))


@router.get("/reconcile", summary="对账", response_model=shapes.Reconciliation, responses={304: _PAGED[304]})
def reconcile(
    request: Request,
    context: Ctx,
    caller: Reader,
    date: Annotated[date, Query(description="违规发生日期不晚于该日（当地）")],
    seq: Annotated[int | None, Query(ge=0, le=2**53, description="截至该序号；缺省为最新")] = None,
) -> Response:
    """计分违规的数量、总分与摘要。先同步到某序号，再以该序号对账，即可发现遗漏或差异。"""
    with context.store.reading() as store:
        found = reckoning(store, date, last_seq(store) if seq is None else seq)
    told = {
        "date": date.isoformat(), "last_seq": found.last_seq, "count": found.count, "points": found.points,
        "sha256": found.sha256,
    }  # fmt: skip
    return answer(context, request, caller, said(told, found.count))


@router.get(
    "/log-head", summary="日志树头", response_model=shapes.LogHead, responses={404: {"description": TITLES[404]}}
)
def get_log_head(request: Request, context: Ctx, caller: Reader) -> Response:
    """最新的已签名日志树头。妥善另存，日后可凭以证明日志未被删改。"""
    with context.store.reading() as store:
        head = last_head(store)
    if head is None:
        raise Problem(404, "日志尚无签名")
    return answer(context, request, caller, said(vars(head), 1))


def _page_of(store: Store, shot: Snapshot, subject: str | None, start: int, limit: int) -> Said:
    rows = shot.of(subject)
    page, more = rows[start : start + limit], start + limit < len(rows)
    following = _next_page(store, shot, subject, start + limit) if more else None
    told = {"as_of": shot.day, "last_seq": shot.last_seq, "items": page, "next_cursor": following, "has_more": more}
    return said(told, len(page))


def _events_from(store: Store, place: dict[str, Any], limit: int) -> Said:
    found = events_after(store, place["seq"], limit + 1)
    page = found[:limit]
    end = {"seq": page[-1]["seq"], "id": page[-1]["event_id"]} if page else place
    following = cursors.made(store, "events", end)
    return said({"items": page, "next_cursor": following, "has_more": len(found) > limit}, len(page))


def _next_page(store: Store, shot: Snapshot, subject: str | None, start: int) -> str:
    return cursors.made(store, "scores", {"day": shot.day, "subject": subject, "start": start, "version": shot.version})
