"""Errors of the API as problem+json (RFC 9457), and the route class that makes every error of a call one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from reports.errors import StoreError

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "请求有误",
    401: "未认证",
    403: "无权限",
    404: "不存在",
    410: "游标已失效，请从头同步",
    413: "请求过大",
    415: "不支持的格式",
    422: "参数有误",
    429: "请求过于频繁",
    503: "暂时不可用",
}


class Problem(Exception):
    """What is told to the caller instead of an answer."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})

    def response(self) -> Response:
        """The answer; it is never kept by anything between us and the caller."""
        said = {"type": "about:blank", "title": TITLES.get(self.status, "错误"), "status": self.status}
        headers = {"Cache-Control": "no-store", **self.headers}
        return JSONResponse({**said, "detail": self.detail}, self.status, headers, MEDIA_TYPE)


class ProblemRoute(APIRoute):
    """A route whose errors are problems, whoever raised them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler, with its errors told our way."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except Problem as problem:
                return problem.response()
            except RequestValidationError as error:
                return Problem(422, _said(error)).response()
            except HTTPException as error:
                return Problem(error.status_code, str(error.detail), error.headers).response()
            except StoreError:  # what it says is for whoever runs the server
                return Problem(503, "数据库暂时不可用，请稍后重试", {"Retry-After": "5"}).response()

        return told


def _said(error: RequestValidationError) -> str:
    """Which parameter is wrong and why; never its value, which may be anything."""
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())[:500]


#: What every call may answer besides what it is asked for, for the OpenAPI description.
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": TITLES[status], "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
    for status in (401, 403, 422, 429, 503)
}
