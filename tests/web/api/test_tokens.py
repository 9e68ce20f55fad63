"""Tokens: shown once, kept as a hash, with scopes, an end, successors and a rate; refused as problem+json."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from cli_town import muckwatch
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from reports.credit.tokens import DAY_MS, add_token, revoke_token, rotate_token, token_of, tokens
from reports.errors import StoreUnusable
from reports.ledger.verify import verify
from reports.store import Store
from web.api.auth import Caller, RateLimiter, needs
from web.api.problem import ProblemRoute

NOW = 1_795_000_000_000


@pytest.fixture
def store(tmp_path: Any) -> Any:
    with Store.open(tmp_path / "store", create=True) as opened:
        yield opened


def make(store: Store, *scopes: str, **options: Any) -> str:
    return add_token(store, "credit", scopes or ("scores:read",), actor="t", at_ms=NOW, **options)


def test_a_token_opens_what_it_is_for_until_it_ends(store: Store) -> None:
    shown = make(store, days=2)
    token = token_of(store, shown, NOW)
    assert token and token.scopes == ("scores:read",) and token.name == "credit"
    assert token_of(store, shown, NOW + 2 * DAY_MS - 1) and not token_of(store, shown, NOW + 2 * DAY_MS)
    for wrong in (shown[:-1], shown + "x", shown.replace("mwt", "abc"), "", "mwt_x", "mwt__", shown.split("_")[2]):
        assert token_of(store, wrong, NOW) is None


def test_a_token_cannot_be_read_back_from_the_store_or_the_log(store: Store) -> None:
    shown = make(store)
    rotated = rotate_token(store, shown.split("_")[1], actor="t", at_ms=NOW)
    everything = "".join(str(store.query(f"FROM {t}").rows()) for t in ("credit.tokens", "ledger.entries"))
    for token in (shown, rotated):
        assert token not in everything and token.split("_", 2)[2] not in everything
    assert [json.loads(p)["op"] for p in store.query("SELECT payload FROM audit_log")["payload"]] == ["add", "rotate"]
    assert verify(store).sound


def test_the_successor_is_good_beside_the_old_one_for_a_while(store: Store) -> None:
    old = make(store, days=90)
    new = rotate_token(store, old.split("_")[1], actor="t", at_ms=NOW + 80 * DAY_MS, overlap_days=7)
    assert token_of(store, old, NOW + 86 * DAY_MS) and token_of(store, new, NOW + 86 * DAY_MS)
    assert not token_of(store, old, NOW + 87 * DAY_MS) and token_of(store, new, NOW + 169 * DAY_MS)
    assert tokens(store)[1].replaces == old.split("_")[1]
    with pytest.raises(StoreUnusable, match="has ended"):
        rotate_token(store, old.split("_")[1], actor="t", at_ms=NOW + 88 * DAY_MS)


def test_a_revoked_token_opens_nothing_from_that_moment(store: Store) -> None:
    shown = make(store)
    revoke_token(store, shown.split("_")[1], actor="t", at_ms=NOW + 5)
    assert token_of(store, shown, NOW + 5) is None and tokens(store)[0].revoked_ms == NOW + 5
    with pytest.raises(StoreUnusable, match="no token"):
        revoke_token(store, "nothing", actor="t", at_ms=NOW)


@pytest.mark.parametrize(
    "options", [{"days": 0}, {"days": 400}, {"per_minute": 0}, {"scopes": ()}, {"scopes": ("all",)}, {"name": "a b"}]
)
def test_what_a_token_may_be_is_bounded(store: Store, options: dict[str, Any]) -> None:
    plain: dict[str, Any] = {"name": "credit", "scopes": ("scores:read",), "actor": "t", "at_ms": NOW}
    with pytest.raises(StoreUnusable):
        add_token(store, **{**plain, **options})
    assert tokens(store) == []


def test_a_bucket_refills_evenly() -> None:
    limiter = RateLimiter()
    assert [limiter.wait_s("a", 2, 0) for _ in range(3)] == [0, 0, 30]
    assert limiter.wait_s("b", 2, 0) == 0
    assert limiter.wait_s("a", 2, 29_999) > 0 and limiter.wait_s("a", 2, 30_000) == 0
    assert [limiter.wait_s("a", 2, 10**9) for _ in range(3)] == [0, 0, 30]


@pytest.fixture
def guarded(server: Any) -> Any:
    router = APIRouter(route_class=ProblemRoute)

    @router.get("/guarded")
    def guarded(caller: Annotated[Caller, needs("fixes:write")], number: int = 0) -> dict[str, str]:
        return {"name": caller.name}

    app = FastAPI()  # of its own: the real one refuses routes that its matrix of roles does not know
    app.state.context = server.app.state.context
    app.include_router(router)
    server.app = app
    return server


def problem(client: TestClient, path: str = "/guarded", **more: Any) -> tuple[int, dict[str, Any], Any]:
    answer = client.get(path, **more)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return answer.status_code, answer.json(), answer.headers


def test_a_call_needs_a_token_with_the_scope_in_the_header(guarded: Any) -> None:
    assert guarded.client("fixes:write").get("/guarded").json() == {"name": "credit"}
    assert problem(guarded.client("scores:read"))[0] == 403
    status, told, headers = problem(guarded.client())
    assert status == 401 and headers["www-authenticate"].startswith("Bearer") and told["title"] == "未认证"
    token = guarded.token("fixes:write")
    assert problem(guarded.client(), f"/guarded?token={token}&access_token={token}")[0] == 401
    assert problem(guarded.client("fixes:write"), "/guarded?number=x")[0] == 422


def test_refusals_are_logged_without_the_token_and_bounded(guarded: Any) -> None:
    bad = {"Authorization": "Bearer mwt_abc_canary-canary"}
    codes = [problem(guarded.client(host="10.0.0.9"), headers=bad)[0] for _ in range(32)]
    assert codes == [401] * 30 + [429] * 2
    assert problem(guarded.client(host="10.0.0.8"))[0] == 401  # another address is not held up
    with guarded.store.reading() as store:
        log = store.query("SELECT payload FROM audit_log WHERE kind = 'answer'")["payload"]
    assert len(log) == 31 and not any("canary" in line for line in log)


def test_who_calls_too_often_is_told_when_to_come_back(guarded: Any) -> None:
    client = guarded.client("fixes:write", per_minute=2)
    assert [client.get("/guarded").status_code for _ in range(2)] == [200, 200]
    status, _, headers = problem(client)
    assert status == 429 and headers["retry-after"] == "30"
    guarded.now[0] += 30_000
    assert client.get("/guarded").status_code == 200


def test_tokens_are_managed_by_command(tmp_path: Any) -> None:
    folder = tmp_path / "store"
    Store.open(folder, create=True).close()
    made = muckwatch("token", "add", "credit-office", "--scope", "scores:read", "--store", folder)
    assert made.code == 0 and made.out.startswith("mwt_") and "cannot be shown again" in made.err
    token_id = made.out.split("_")[1]
    listed = muckwatch("token", "list", "--store", folder).out
    assert token_id in listed and "live" in listed and made.out.strip() not in listed
    refused = muckwatch("token", "add", "x", "--scope", "all", "--store", folder)
    assert refused.code == 2 and "allowed: scores:read" in refused.error_line
