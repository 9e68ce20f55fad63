"""What a haulage company sees: the notices about its own trucks, their evidence, and its answer to them.

Officers are not named, other companies' trucks do not appear, and what was not notified does not exist.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from maps.linked import linked_trip_map
from reports.accounts.sessions import Session
from reports.cases import reading
from reports.cases.deciding import NOTE_MAX, CaseConflict, Decision, MoveRefused, decide, moves, refusal
from reports.cases.reading import Filter
from web import evidence, paper
from web.access import Who, actor_of
from web.case import FRAMED, MAP_FILES, found_case
from web.context import Context, Ctx, board_of
from web.pages import render
from web.queue import DAY_MS

router = APIRouter(include_in_schema=False)


@router.get("/notices")
def notices(request: Request, context: Ctx, session: Who) -> Response:
    """Every notice of the company, the last changed first."""
    found, _ = board_of(context).queue(actor_of(session), Filter(), context.now_ms(), rows=500)
    rows = sorted(found.iter_rows(named=True), key=lambda row: -row["last_ms"])
    return render(request, "notices.html", rows=rows)


@router.get("/notices/{case_id}")
def notice(request: Request, context: Ctx, session: Who, case_id: str) -> Response:
    """One notice with its evidence."""
    return _shown(request, context, session, case_id)


@router.get("/notices/{case_id}/map")
def notice_map(context: Ctx, session: Who, case_id: str, framed: bool = False) -> Response:
    """Its map: the one violation and nothing else."""
    with context.store.reading() as store:
        case = found_case(store, session, case_id)
        return HTMLResponse(
            linked_trip_map(evidence.map_for_company(context, store, case), MAP_FILES, FRAMED if framed else "")
        )


@router.get("/notices/{case_id}/paper.pdf")
def notice_paper(context: Ctx, session: Who, case_id: str) -> Response:
    """The notice on one page, to print."""
    with context.store.reading() as store:
        made = paper.case_pdf(context, store, found_case(store, session, case_id), names=False)
    headers = {"content-disposition": f'inline; filename="notice-{case_id}.pdf"'}
    return Response(made, media_type="application/pdf", headers=headers)


@router.post("/notices/{case_id}/answer")
def answer(
    request: Request, context: Ctx, session: Who, case_id: str, action: Annotated[Literal["state", "appeal"], Form()],
    step: Annotated[int, Form(ge=-1, le=100_000)], note: Annotated[str, Form(max_length=NOTE_MAX)],
) -> Response:  # fmt: skip
    """Takes in a statement or an appeal."""
    with context.store.reading() as store:
        found_case(store, session, case_id)
    try:
        with context.store.writing({case_id}) as store:
            decision = Decision(case_id, action, step, "", note.strip())
            decide(store, actor_of(session), decision, at_ms=context.now_ms())
    except CaseConflict as error:
        return _shown(request, context, session, case_id, str(error), 409)
    except MoveRefused as error:
        return _shown(request, context, session, case_id, str(error), 422)
    return RedirectResponse(f"/notices/{case_id}?done=1", 303)


def _shown(
    request: Request, context: Context, session: Session, case_id: str, problem: str = "", status: int = 200
) -> Response:
    actor = actor_of(session)
    with context.store.reading() as store:
        case = found_case(store, session, case_id)
        stands, allowed = reading.standing_of(case), moves(store)
        may = {action: not refusal(stands, actor, action, allowed) for action in ("state", "appeal")}
        told, history = evidence.told(context, store, case), reading.history(store, case_id)
    notified_ms = _notified_ms(history)
    until = notified_ms + context.registry.policy.appeal_days * DAY_MS if may["appeal"] and notified_ms else None
    return render(
        request, "notice.html", status, case=case, told=told, history=history, names=False, problem=problem,
        done=bool(request.query_params.get("done")) and not problem, may_state=may["state"], may_appeal=may["appeal"],
        appeal_until=until,
    )  # fmt: skip


def _notified_ms(history: list[dict[str, Any]]) -> int | None:
    return next((event["at_ms"] for event in history if event["action"] == "notify"), None)
