"""Every role on every route of `roles.toml`, with things of its own and of others: nothing opens that should not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bureau import PEOPLE, Bureau, Desk
from fastapi import APIRouter
from fastapi.routing import APIRoute

from reports.accounts.users import set_role
from reports.credit.tokens import SCOPES, add_token, revoke_token, tokens
from web.access import check_routes, matrix
from web.app import ROUTERS

ROLES = (*PEOPLE, "nobody")
#: What a route is asked with, where the bare path and an empty form would not do.
FORMS = {
    "POST /cases/{case_id}/decide": {"action": "confirm", "step": "7"},
    "POST /notices/{case_id}/answer": {"action": "state", "step": "7", "note": "x"},
    "POST /queue/reject": {"reason": "datum", "case": "none:0"},
    "POST /account/password": {"password": "wrong", "new": "wrong"},
    "POST /account/totp": {"secret": "x", "code": "1", "password": "wrong"},
    "POST /users": {"user_id": "!", "name": "x", "role": "admin", "password": "short"},
    "POST /users/{user_id}": {"did": "nothing"},
    "POST /login": {"user_id": "x", "password": "y"},
}
OPEN, SHUT, AWAY = "open", "shut", "away"


def test_the_matrix_and_the_routes_are_the_same() -> None:
    served = {
        f"{method} {route.path}"
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert served == set(matrix())
    router = APIRouter()
    router.get("/secret")(lambda: None)
    with pytest.raises(ValueError, match="GET /secret"):
        check_routes(router.routes)


@pytest.fixture(scope="module")
def desks(bureau: Bureau) -> dict[str, Desk]:
    return {role: bureau.client(PEOPLE.get(role, "")) for role in ROLES}


def outcome(desk: Desk, route: str, **parts: str) -> str:
    method, path = route.split(" ")
    for name, value in parts.items():
        path = path.replace(f"{{{name}}}", value)
    if method == "GET":
        answer = desk.get(path)
    else:
        answer = desk.http.request(method, path, data={"csrf": desk.csrf, **FORMS.get(route, {})})
    assert answer.status_code < 500, f"{route}: {answer.status_code}"
    if answer.status_code == 404:
        return AWAY
    to_login = answer.status_code == 303 and answer.headers["location"].startswith("/login")
    return SHUT if answer.status_code in (401, 403) or to_login else OPEN


@pytest.mark.parametrize("route", [r for r, rule in matrix().items() if "api" not in rule.roles])
def test_a_route_opens_to_its_roles_and_to_nobody_else(
    bureau: Bureau, desks: dict[str, Desk], a_case: Callable[..., str], route: str
) -> None:
    rule = matrix()[route]
    if route in ("POST /logout", "POST /login"):
        return  # tried in test_signing_in.py: they change who is signed in
    untouched = a_case()
    for role, desk in desks.items():
        parts = {"case_id": untouched, "week": "2026-W47", "user_id": "nobody-such", "code": "zh"}
        found = outcome(desk, route, **parts)
        may = "public" in rule.roles or (role != "nobody" and ("signed_in" in rule.roles or role in rule.roles))
        # A case that was not notified is not there for a company, not even its own.
        expected = (AWAY if rule.object == "own_company" else OPEN) if may else SHUT
        assert found == expected, f"{role}: {route}"


@pytest.mark.parametrize("route", [r for r, rule in matrix().items() if rule.object == "own_company"])
def test_a_company_sees_its_own_notices_and_nobody_elses(
    bureau: Bureau, a_case: Callable[..., str], desks: dict[str, Desk], route: str
) -> None:
    notified = []
    for company in ("c1", "c2"):
        case_id = a_case(company)
        anna, bert = desks["reviewer"], desks["second_reviewer"]
        assert anna.decide(case_id, "propose_confirm").status_code == 303
        assert bert.decide(case_id, "confirm").status_code == 303
        assert anna.decide(case_id, "notify").status_code == 303
        notified.append(case_id)
    found = [outcome(desks["company"], route, case_id=case_id) for case_id in notified]
    assert found == [OPEN, AWAY]
    rival = bureau.client("rival")
    assert [outcome(rival, route, case_id=case_id) for case_id in notified] == [AWAY, OPEN]


@pytest.mark.parametrize("role", ["reviewer", "second_reviewer", "appeal_officer"])
def test_an_officer_bound_to_a_district_sees_nothing_of_another(
    bureau: Bureau, a_case: Callable[..., str], role: str
) -> None:
    user = {"reviewer": "anna", "second_reviewer": "carl", "appeal_officer": "dora"}[role]
    own, other = a_case(district="d2"), a_case(district="d1")
    with bureau.context.store.writing() as store:
        set_role(store, user, role, by="test", at_ms=bureau.now_ms, districts="d2")
    desk = bureau.client(user)
    try:
        for route in (r for r, rule in matrix().items() if rule.object == "case"):
            assert outcome(desk, route, case_id=own) == OPEN, route
            assert outcome(desk, route, case_id=other) == AWAY, route
        listed = desk.get("/queue?tab=all").text
        assert own in desk.get("/queue.csv?tab=all").text and other not in listed
    finally:
        with bureau.context.store.writing() as store:
            set_role(store, user, role, by="test", at_ms=bureau.now_ms)


API = [route for route, rule in matrix().items() if "api" in rule.roles]


@pytest.fixture
def unhurried(bureau: Bureau) -> None:
    """Nobody has called too often yet."""
    bureau.context.parts.pop("web.api.auth", None)


def called(desk: Desk, route: str, token: str = "") -> int:
    method, path = route.split(" ")
    more = {"json": []} if method == "POST" else {}
    if path.endswith("/reconcile"):
        path += "?date=2026-11-16"
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return int(desk.http.request(method, path, headers=headers, **more).status_code)  # type: ignore[arg-type]


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("route", API)
def test_the_api_opens_to_no_user_whatever_his_role(desks: dict[str, Desk], route: str) -> None:
    for role, desk in desks.items():
        assert called(desk, route) == 401, f"{role}: {route}"


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("route", API)
def test_the_api_opens_to_a_live_token_of_its_scope_alone(bureau: Bureau, route: str) -> None:
    needed = "fixes:write" if route == "POST /fixes" else "scores:read"
    desk, name = bureau.client(), "m" + str(API.index(route))
    with bureau.context.store.writing() as store:
        shown = {s: add_token(store, f"{name}.{s[:5]}", [s], actor="test", at_ms=bureau.now_ms) for s in SCOPES}
        ended = add_token(store, f"{name}.ended", [needed], actor="test", at_ms=bureau.now_ms)
        token_id = next(t.token_id for t in tokens(store) if t.name == f"{name}.ended")
        revoke_token(store, token_id, actor="test", at_ms=bureau.now_ms)
    for scope, token in shown.items():
        # 503: let in, but this server has no Kafka
        assert called(desk, route, token) in ((200, 204, 503) if scope == needed else (403,)), scope
    for token in (ended, shown[needed][:-1] + "!", "mwt_x_y"):
        assert called(desk, route, token) == 401
