"""`POST /fixes`: programs that have no Kafka client hand fixes over; answered when Kafka has them."""

from __future__ import annotations

from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from ingest.submitted import BODY_MAX_BYTES, ROWS_MAX, Submitted, Unreadable, read_submitted
from reports.names import REASON_NAMES
from web.api.auth import Caller, needs
from web.api.problem import RESPONSES, Problem, ProblemRoute
from web.context import Context, Ctx

#: Under this name `Context.parts` holds what takes the fixes; without it, every call is answered 503.
OUTLET = "web.api.fixes"
#: How long Kafka may take before the caller is asked to come again.
WITHIN_S = 10.0
#: So many rows are told one by one; their number is always told.
TOLD_MAX = 1_000
_BY_LINES = {"application/x-ndjson": True, "application/jsonl": True, "application/json": False}

router = APIRouter(route_class=ProblemRoute, tags=["fixes"])


class Outlet(Protocol):
    """Where fixes go."""

    def publish(self, records: list[tuple[str, bytes]], within_s: float) -> None:
        """Returns when all are kept.

        Args:
            records: plates and values.
            within_s: how long that may take.

        Raises:
            Exception: if they were not, in that time.
        """


class SetAside(BaseModel):
    """A row that was not taken."""

    model_config = ConfigDict(json_schema_extra={"description": "一条未采用的记录"})

    row: int = Field(description="第几条（从 1 起）；NDJSON 为行号")
    reason: str = Field(description="原因代码")
    detail: str = Field(description="原因")


class Taken(BaseModel):
    """What became of the rows: received = accepted + set aside."""

    model_config = ConfigDict(json_schema_extra={"description": "提交的结果：收到 = 接收 + 未采用"})

    received: int = Field(description="收到的条数")
    accepted: int = Field(description="已写入 Kafka 的条数")
    set_aside: int = Field(description="未采用的条数")
    rows: list[SetAside] = Field(description=f"未采用的记录及原因，最多列出 {TOLD_MAX} 条")


async def _body(request: Request) -> tuple[bytes, bool]:
    """The body, read no further than it may be long, and whether it is one fix a line."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in _BY_LINES:
        raise Problem(415, "请使用 application/json 或 application/x-ndjson")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "不支持压缩的请求")
    if int(request.headers.get("content-length") or 0) > BODY_MAX_BYTES:
        raise _too_large()
    held = bytearray()
    async for part in request.stream():
        held += part
        if len(held) > BODY_MAX_BYTES:
            raise _too_large()
    return bytes(held), _BY_LINES[kind]


def _outlet(context: Ctx) -> Outlet:
    found: Any = context.parts.get(OUTLET)
    if found is None:
        raise Problem(503, "本服务未连接 Kafka，不能接收定位数据；请用 --kafka 启动")
    return found  # type: ignore[no-any-return]


@router.post(
    "/fixes",
    summary="提交定位数据",
    description="返回 200 时，已接收的定位都已写入 Kafka；返回 503 时可原样重发，重复的只计一次。",
    responses={**RESPONSES, **{status: RESPONSES[422] for status in (400, 413, 415)}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": f"一个对象或对象数组（JSON），或每行一个对象（NDJSON）；至多 {ROWS_MAX} 条、"
            f"{BODY_MAX_BYTES // 1024 // 1024} MB。重复提交同一条定位只计一次。",
            "content": {"application/json": {"schema": {}}, "application/x-ndjson": {"schema": {"type": "string"}}},
        }
    },
)
def take_in(
    caller: Annotated[Caller, needs("fixes:write")],
    outlet: Annotated[Outlet, Depends(_outlet)],
    handed: Annotated[tuple[bytes, bool], Depends(_body)],
    context: Ctx,
) -> Taken:
    """Takes fixes in; 200 means that Kafka has those that are called accepted."""
    submitted = _read(handed, context)
    records = list(submitted.records())
    if records:
        try:
            outlet.publish(records, WITHIN_S)
        except Exception:  # whatever it was, nothing may be called taken
            raise Problem(503, "Kafka 暂时不可用，未确认接收；请稍后原样重发", {"Retry-After": "5"}) from None
    told = [
        SetAside(row=row.number, reason=row.reason, detail=REASON_NAMES.get(row.reason, row.reason))
        for row in submitted.set_aside[:TOLD_MAX]
    ]
    return Taken(
        received=submitted.received, accepted=len(submitted.fixes), set_aside=len(submitted.set_aside), rows=told
    )


def _read(handed: tuple[bytes, bool], context: Context) -> Submitted:
    body, by_lines = handed
    try:
        return read_submitted(body, by_lines=by_lines, now_ms=context.now_ms())
    except Unreadable as error:
        raise Problem(400, f"无法读取：{error}") from None


def _too_large() -> Problem:
    return Problem(413, f"请求至多 {BODY_MAX_BYTES // 1024 // 1024} MB；请分批提交")
