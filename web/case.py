"""The page of a case: the evidence, its map and fixes, what may be decided now, and the deciding."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from maps.linked import linked_trip_map
from maps.trip_page import trip_map
from reports.accounts.sessions import Session
from reports.accounts.users import password_fits
from reports.cases import reading
from reports.cases.deciding import (
    NOTE_MAX,
    WITH_NOTE,
    WITH_REASON,
    CaseConflict,
    Decision,
    MoveRefused,
    decide,
    moves,
    refusal,
)
from reports.cases.words import REASON_NAMES
from reports.ledger.bundle import gather, seal
from reports.ledger.entries import append
from reports.store import Store
from web import evidence, paper
from web.access import Who, actor_of
from web.context import Context, Ctx, board_of
from web.pages import render
from web.queue import DAY_MS, filter_from, holds_of, query_of

router = APIRouter(include_in_schema=False)

MAP_FILES, FRAMED = "/static/maps/", "/static/framed.css"
#: What each action's button says, its key, and whether the password is asked again: a confirmed case is undone.
_BUTTONS = {
    "propose_confirm": ("属实", "1"),
    "propose_reject": ("不属实", "2"),
    "confirm": ("同意，属实", "1"),
    "reject": ("同意，不属实", "1"),
    "send_back": ("退回初审", "2"),
    "withdraw": ("撤回初审意见", ""),
    "notify": ("告知当事人", "1"),
    "uphold": ("维持", "1"),
    "overturn": ("撤销", "2"),
    "stand": ("维持原决定", ""),
    "void": ("作废", ""),
}
_DANGER = ("propose_reject", "reject", "overturn", "void")
AGAIN = ("overturn", "void")


@router.get("/cases/{case_id}")
def case_page(request: Request, context: Ctx, session: Who, case_id: str) -> Response:
    """A case with everything known of it."""
    return _shown(request, context, session, case_id)


@router.get("/cases/{case_id}/map")
def case_map(context: Ctx, session: Who, case_id: str, framed: bool = False) -> Response:
    """The map with its playback: the whole page, or what stands in a frame beside the evidence."""
    with context.store.reading() as store:
        case = found_case(store, session, case_id)
        return HTMLResponse(linked_trip_map(evidence.map_of(context, store, case), MAP_FILES, FRAMED if framed else ""))


@router.get("/cases/{case_id}/fixes")
def case_fixes(request: Request, context: Ctx, session: Who, case_id: str) -> Response:
    """The raw fixes around the violation."""
    with context.store.reading() as store:
        rows, total = evidence.fixes_of(context, store, found_case(store, session, case_id))
    page = "_fixes.html" if request.headers.get("hx-request") else "fixes.html"
    return render(request, page, rows=rows, total=total)


@router.get("/cases/{case_id}/paper.pdf")
def case_paper(context: Ctx, session: Who, case_id: str) -> Response:
    """The case on one page, to print."""
    with context.store.reading() as store:
        case = found_case(store, session, case_id)
        made = paper.case_pdf(context, store, case, names=True)
    _exported(context, session, case_id, "paper")
    return _download(made, "application/pdf", f"case-{case_id}.pdf", inline=True)


@router.get("/cases/{case_id}/bundle.zip")
def case_bundle(context: Ctx, session: Who, case_id: str) -> Response:
    """The evidence of the case, sealed into one file that verifies offline; the export is logged."""
    with context.store.reading() as store:
        case = found_case(store, session, case_id)
        files = gather(store, case_id) | {"map.html": trip_map(evidence.map_of(context, store, case)).encode()}
    with context.store.writing(()) as store:
        sealed = seal(store, case_id, files, actor=session.user.user_id, at_ms=context.now_ms())
    return _download(sealed, "application/zip", f"case-{case_id}.zip")


@router.post("/cases/{case_id}/hold")
def hold(context: Ctx, session: Who, case_id: str, request: Request) -> Response:
    """Holds a case while its page is open; says who else does."""
    with context.store.reading() as store:
        found_case(store, session, case_id)
    user = session.user
    other = holds_of(context).take(case_id, user.user_id, user.name, context.now_ms())
    return render(request, "_held.html", held_by=other)


@router.post("/cases/{case_id}/release")
def release(context: Ctx, session: Who, case_id: str) -> Response:
    """Gives a case up."""
    with context.store.reading() as store:
        found_case(store, session, case_id)
    holds_of(context).release(case_id, session.user.user_id)
    return Response(status_code=204)


@router.post("/cases/{case_id}/decide")
def decide_case(
    request: Request, context: Ctx, session: Who, case_id: str, action: Annotated[str, Form(max_length=40)],
    step: Annotated[int, Form(ge=-1, le=100_000)], reason: Annotated[str, Form(max_length=40)] = "",
    note: Annotated[str, Form(max_length=NOTE_MAX)] = "", query: Annotated[str, Form(max_length=600)] = "",
    password: Annotated[str, Form(max_length=200)] = "",
) -> Response:  # fmt: skip
    """Decides, and leads on to the next case of the queue; 409 if somebody else was first."""
    actor, wanted, now_ms = actor_of(session), filter_from(session, query), context.now_ms()
    with context.store.reading() as store:
        found_case(store, session, case_id)
    _, after = board_of(context).neighbours(actor, wanted, now_ms, case_id)
    if other := holds_of(context).holder(case_id, actor.user_id, now_ms):
        return _shown(request, context, session, case_id, f"{other} 正在处理本案", 409)
    if action in AGAIN and not password_fits(session.user.password, password):
        return _shown(request, context, session, case_id, "密码不正确，未作决定", 403)
    if reason and reason not in REASON_NAMES:
        return _shown(request, context, session, case_id, "没有这个理由", 422)
    try:
        with context.store.writing({case_id}) as store:
            decide(store, actor, Decision(case_id, action, step, reason, note.strip()), at_ms=now_ms)
    except CaseConflict as error:
        return _shown(request, context, session, case_id, str(error), 409)
    except MoveRefused as error:
        return _shown(request, context, session, case_id, str(error), 422)
    holds_of(context).release(case_id, actor.user_id)
    told = f"{query_of(wanted)}&done={action}&case={case_id}"
    return RedirectResponse(f"/cases/{after or case_id}?{told}", 303)


def found_case(store: Store, session: Session, case_id: str) -> dict[str, Any]:
    """A case within the reach of who asks.

    Raises:
        HTTPException: 404 if there is none, or it is not theirs to see.
    """
    case = reading.case(store, actor_of(session), case_id)
    if case is None:
        raise HTTPException(404, "没有这个案件")
    return case


def deadline_of(context: Context, case: dict[str, Any]) -> tuple[str, int] | None:
    """What is due next and when (epoch ms)."""
    policy = context.registry.policy
    if case["doubt_since_ms"]:
        return "应决定维持或作废", case["doubt_since_ms"] + policy.void_days * DAY_MS
    if case["status"] == "flagged":
        return "审核期限", case["recorded_ms"] + policy.review_days * DAY_MS
    if case["state"] == "confirmed":
        return "告知期限", case["last_ms"] + policy.notify_days * DAY_MS
    return None


def _shown(
    request: Request, context: Context, session: Session, case_id: str, problem: str = "", status: int = 200
) -> Response:
    actor, now_ms = actor_of(session), context.now_ms()
    wanted, board = filter_from(session, request.url.query), board_of(context)
    with context.store.reading() as store:
        case = found_case(store, session, case_id)
        stands = reading.standing_of(case)
        allowed = moves(store)
        before, after = board.neighbours(actor, wanted, now_ms, case_id)
        actions = [
            {
                "id": action, "label": label, "key": key, "danger": action in _DANGER, "reason": action in WITH_REASON,
                "note": action in WITH_NOTE, "password": action in AGAIN,
                "plain": action in ("propose_confirm", "confirm", "withdraw"),
                "refused": refusal(stands, actor, action, allowed),
            }
            for action, (label, key) in _BUTTONS.items()
            if (action, stands.state, actor.role) in allowed
            and (action != "stand" or case["doubt_since_ms"])
            and (action != "withdraw" or stands.first_reviewer == actor.user_id)
        ]  # fmt: skip
        values = {
            "told": evidence.told(context, store, case),
            "history": reading.history(store, case_id),
            "others": board.others_of_truck(actor, case["plate"], case_id),
            "health": evidence.health_of(store, case["plate"]),
        }
    done = request.query_params.get("done", "") if not problem else ""
    return render(
        request, "case.html", status, case=case, before=before, after=after, query=query_of(wanted), actions=actions,
        reasons=list(REASON_NAMES), deadline=deadline_of(context, case), problem=problem, names=True,
        done=done if done in _BUTTONS else "", held_by=holds_of(context).holder(case_id, actor.user_id, now_ms),
        **values,
    )  # fmt: skip


def _exported(context: Context, session: Session, case_id: str, what: str) -> None:
    with context.store.writing(()) as store, store.transaction():
        append(store, "export", case_id, session.user.user_id, {"what": what}, at_ms=context.now_ms())


def _download(content: bytes, kind: str, name: str, *, inline: bool = False) -> Response:
    way = "inline" if inline else "attachment"
    return Response(content, media_type=kind, headers={"content-disposition": f'{way}; filename="{name}"'})
