"""What administrators do: users and their roles. They see no case."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from reports.accounts.users import AccountError, add_user, set_closed, set_password, set_role, set_totp, users
from reports.cases import reading
from reports.cases.words import ROLE_NAMES
from reports.shared import ACCOUNTS
from web.access import Who
from web.context import Context, Ctx
from web.pages import render

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=400)]
_DONE = {
    "add": "用户已新增", "role": "角色已更改", "lock": "用户已锁定", "unlock": "用户已解锁", "password": "密码已重设",
    "totp": "动态口令已清除",
}  # fmt: skip


@router.get("/users")
def users_page(request: Request, context: Ctx, session: Who, done: str = "") -> Response:
    """Every user."""
    return _shown(request, context, done=_DONE.get(done, ""))


@router.post("/users")
def new_user(
    request: Request, context: Ctx, session: Who, user_id: Text, name: Text, role: Text, password: Text,
    company_id: Text = "", districts: Text = "",
) -> Response:  # fmt: skip
    """Adds a user, who must change the password at the first sign-in."""
    try:
        with context.store.writing({ACCOUNTS}) as store:
            add_user(
                store, user_id.strip(), role, password, by=session.user.user_id, at_ms=context.now_ms(),
                name=name.strip()[:60], company_id=company_id, districts=districts.strip(), must_change=True,
            )  # fmt: skip
    except AccountError as error:
        return _shown(request, context, problem=str(error))
    return RedirectResponse("/users?done=add", 303)


@router.post("/users/{user_id}")
def change_user(
    request: Request, context: Ctx, session: Who, user_id: str, did: Text, role: Text = "", company_id: Text = "",
    districts: Text = "", password: Text = "",
) -> Response:  # fmt: skip
    """Gives a role, locks, unlocks, resets a password or takes a second factor away; never one's own."""
    by, at_ms = session.user.user_id, context.now_ms()
    if user_id == by:
        return _shown(request, context, problem="不能更改自己的角色或状态")
    try:
        with context.store.writing({ACCOUNTS}) as store:
            if did == "role":
                set_role(store, user_id, role, by=by, at_ms=at_ms, company_id=company_id, districts=districts.strip())
            elif did in ("lock", "unlock"):
                set_closed(store, user_id, did == "lock", by=by, at_ms=at_ms)
            elif did == "password":
                set_password(store, user_id, password, by=by, at_ms=at_ms, must_change=True)
            elif did == "totp":
                set_totp(store, user_id, "", by=by, at_ms=at_ms)
            else:
                raise AccountError("没有这个操作")
    except AccountError as error:
        return _shown(request, context, problem=str(error))
    return RedirectResponse(f"/users?done={did}", 303)


def _shown(request: Request, context: Context, problem: str = "", done: str = "") -> Response:
    with context.store.reading() as store:
        everyone, companies = users(store), reading.companies(store)
    return render(
        request, "users.html", 422 if problem else 200, all=everyone, companies=companies, roles=list(ROLE_NAMES),
        problem=problem, done=done,
    )  # fmt: skip
