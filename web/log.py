"""What auditors do: read the log, newest first, and verify it from its first entry to its last."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from reports.ledger.entries import KINDS
from reports.ledger.verify import Verdict, verify
from reports.store import Store
from web.access import Who
from web.context import Context, Ctx
from web.pages import render

router = APIRouter(include_in_schema=False)

PAGE_ROWS = 100


@router.get("/log")
def log_page(
    request: Request, context: Ctx, session: Who, kind: Annotated[str, Query(max_length=20)] = "",
    subject: Annotated[str, Query(max_length=80)] = "", before: Annotated[str, Query(max_length=18)] = "",
) -> Response:  # fmt: skip
    """Entries of the log, of one kind or about one thing."""
    return _shown(request, context, kind, subject.strip(), before, None)


@router.post("/log/verify")
def verify_log(request: Request, context: Ctx, session: Who) -> Response:
    """Recomputes every hash and signature, and says what it found."""
    with context.store.reading() as store:
        verdict = verify(store)
    return _shown(request, context, "", "", "", verdict)


def _shown(
    request: Request, context: Context, kind: str, subject: str, before: str, verdict: Verdict | None
) -> Response:
    chosen = kind if kind in KINDS else ""
    with context.store.reading() as store:
        rows = _entries(store, chosen, subject, int(before) if before.isdecimal() else 2**62)
    older = rows[-1]["index"] if len(rows) == PAGE_ROWS else None
    return render(
        request, "log.html", rows=rows, kinds=KINDS, kind=chosen, subject=subject, older=older, verdict=_said(verdict)
    )


def _entries(store: Store, kind: str, subject: str, before: int) -> list[dict[str, Any]]:
    found = store.query(
        'SELECT "index", epoch_ms("at") AS at_ms, kind, subject, actor, payload::VARCHAR AS payload FROM audit_log '
        "WHERE \"index\" < $before AND ($kind = '' OR kind = $kind) AND ($subject = '' OR subject = $subject) "
        f'ORDER BY "index" DESC LIMIT {PAGE_ROWS}',
        {"before": before, "kind": kind, "subject": subject},
    )
    return list(found.iter_rows(named=True))


def _said(verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    if verdict.sound:
        return {"ok": True, "text": f"完整无误：{verdict.size} 条记录，{verdict.heads} 个签名全部相符"}
    told = [str(fault) for fault in (verdict.fault, *verdict.unsigned) if fault] + verdict.beside
    return {"ok": False, "text": f"发现 {len(told)} 处问题，第一处：{told[0]}"}
