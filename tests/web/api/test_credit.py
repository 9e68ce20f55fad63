"""The credit API: scores in pages, events behind cursors, answers that are logged, and a mirror that stays in step."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cli_town import ROOT
from fastapi.testclient import TestClient

from bench.credit_mirror import Trial
from bench.credit_world import decide
from reports.credit.events import events_after
from reports.ledger.verify import verify
from reports.scores import scores

Server = Any


def decided(server: Server, *moves: tuple[int, str]) -> None:
    """Decides about the violations of these numbers in turn."""
    for number, status in moves:
        server.now[0] += 1000
        with server.store.writing() as store:
            decide(store, server.violations[number].violation_id, status, server.now[0])


def get(client: TestClient, path: str, status: int = 200, **headers: str) -> dict[str, Any]:
    answer = client.get(f"/api/v1/{path}", headers=headers)
    assert answer.status_code == status, answer.text
    return dict(answer.json()) if answer.content else {}


def act_of_two(server: Server) -> tuple[int, int]:
    """The numbers of two violations of one act: the one that carries the points, and one that does not."""
    found = server.violations
    for number, violation in enumerate(found):
        if violation.scored_under:
            other = next(n for n, v in enumerate(found) if v.violation_id == violation.scored_under)
            heavy, light = sorted((number, other), key=lambda n: -found[n].points)
            if found[heavy].points > found[light].points:
                return heavy, light
    raise AssertionError("no such act")


def test_scores_are_those_of_the_store_without_candidates(server: Server) -> None:
    client = server.client("scores:read")
    assert all(item["points"] == 0 for item in get(client, "scores")["items"])
    decided(server, (0, "confirmed"), (1, "confirmed"), (2, "rejected"))
    told = get(client, "scores?as_of=2026-11-30")
    with server.store.reading() as store:
        kept = {(r["subject"], r["subject_id"]): r for r in scores(store, date(2026, 11, 30)).to_dicts()}
    assert len(told["items"]) == len(kept) == 11 and not told["has_more"] and told["next_cursor"] is None
    for item in told["items"]:
        row = kept[item["subject"], item["subject_id"]]
        assert (item["points"], item["grade"], item["violations"]) == (row["points"], row["grade"], row["violations"])
        assert not any("provisional" in name for name in item)
    assert sum(item["points"] for item in told["items"]) > 0
    companies = get(client, "scores?subject=company&as_of=2026-11-30")["items"]
    assert {item["subject"] for item in companies} == {"company"} and companies[0]["name"] == "第0运输公司"


def test_pages_of_scores_are_of_one_moment_or_refused(server: Server) -> None:
    client = server.client("scores:read")
    whole, paged, cursor = get(client, "scores")["items"], [], ""
    while True:
        page = get(client, f"scores?limit=4{cursor}")
        paged += page["items"]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert paged == whole
    first = get(client, "scores?limit=4")
    decided(server, (0, "confirmed"))
    assert "重新读取" in get(client, f"scores?cursor={first['next_cursor']}", 410)["detail"]


def test_an_appeal_suspends_and_its_end_restores_or_voids(server: Server) -> None:
    client = server.client("scores:read")
    decided(server, (0, "confirmed"), (0, "appealed"), (0, "confirmed"), (0, "appealed"), (0, "overturned"))
    events = get(client, "score-events")["items"]
    points = events[0]["rule_points"]
    assert [(e["seq"], e["op"], e["status"], e["points"], e["delta"], e["ref_seq"]) for e in events] == [
        (1, "add", "confirmed", points, points, None),
        (2, "revoke", "appealed", 0, -points, 1),
        (3, "add", "confirmed", points, points, 2),
        (4, "revoke", "appealed", 0, -points, 3),
        (5, "adjust", "overturned", 0, 0, 4),
    ]
    assert len({e["event_id"] for e in events}) == 5


def test_a_decision_about_one_changes_what_another_of_the_act_carries(server: Server) -> None:
    client, (heavy, light) = server.client("scores:read"), act_of_two(server)
    light_points = server.violations[light].points
    decided(server, (light, "confirmed"), (heavy, "confirmed"), (heavy, "overturned"))
    events = [(e["violation_id"], e["op"], e["points"]) for e in get(client, "score-events")["items"]]
    light_id, heavy_id = (server.violations[n].violation_id for n in (light, heavy))
    assert events == [
        (light_id, "add", light_points),
        (heavy_id, "add", server.violations[heavy].points),
        (light_id, "adjust", 0),
        (heavy_id, "revoke", 0),
        (light_id, "adjust", light_points),
    ]


def test_what_was_never_confirmed_is_never_told(server: Server) -> None:
    decided(server, (0, "rejected"))
    with server.store.reading() as store:
        assert events_after(store, 0, 10) == []


def test_a_cursor_leads_on_and_an_empty_poll_is_304(server: Server) -> None:
    client = server.client("scores:read")
    decided(server, *((n, "confirmed") for n in range(5)))
    first = get(client, "score-events?limit=2")
    rest = get(client, f"score-events?cursor={first['next_cursor']}")
    assert [e["seq"] for e in first["items"] + rest["items"]] == list(range(1, 1 + len(first["items"] + rest["items"])))
    path = f"/api/v1/score-events?cursor={rest['next_cursor']}"
    empty = client.get(path)
    assert empty.json() == {"items": [], "next_cursor": rest["next_cursor"], "has_more": False}
    etag = {"If-None-Match": f'"other", W/{empty.headers["etag"]}'}
    again = client.get(path, headers=etag)
    assert again.status_code == 304 and not again.content and again.headers["etag"] == empty.headers["etag"]
    decided(server, (0, "appealed"))
    assert client.get(path, headers=etag).status_code == 200


@pytest.mark.parametrize("cursor", ["x", "AAAA", "____", "%00", "é", "eyJrIjoiZXZlbnRzIn0"])
def test_a_cursor_that_we_never_gave_is_refused(server: Server, cursor: str) -> None:
    client = server.client("scores:read")
    assert "游标" in get(client, f"score-events?cursor={cursor}", 400)["detail"]
    get(client, f"score-events?cursor={get(client, 'scores?limit=1')['next_cursor']}", 400)  # of another list


def test_a_store_set_back_sends_a_client_to_the_start(make_server: Callable[..., Server]) -> None:
    ahead, behind = make_server(), make_server()
    decided(ahead, (0, "confirmed"), (1, "confirmed"))
    decided(behind, (1, "confirmed"))
    cursor = get(ahead.client("scores:read"), "score-events")["next_cursor"]
    with ahead.store.reading() as store:
        key = store.query("SELECT cursor_key FROM credit.state").item()
    with behind.store.writing() as store, store.transaction():
        store.execute("UPDATE credit.state SET cursor_key = ?", [key])  # as in a copy of the same store
    assert "从头同步" in get(behind.client("scores:read"), f"score-events?cursor={cursor}", 410)["detail"]


def test_reconcile_tells_what_anybody_can_work_out_of_the_events(server: Server) -> None:
    client = server.client("scores:read")
    decided(server, *((n, "confirmed") for n in range(6)), (2, "overturned"))
    latest: dict[str, dict[str, Any]] = {}
    for event in get(client, "score-events")["items"]:
        latest[event["violation_id"]] = event
    counted = sorted(
        (v, e["points"]) for v, e in latest.items() if e["status"] == "confirmed" and e["date"] <= "2026-11-19"
    )
    told = get(client, "reconcile?date=2026-11-19")
    lines = "".join(f"{v} {p}\n" for v, p in counted)
    assert told["count"] == len(counted) > 0 and told["points"] == sum(p for _, p in counted)
    assert told["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    assert get(client, "reconcile?date=2026-12-31&seq=3")["last_seq"] == 3
    nothing = get(client, "reconcile?date=2020-01-01")
    assert nothing["count"] == 0 and nothing["sha256"] == hashlib.sha256(b"").hexdigest()


def test_rules_are_those_in_force(server: Server) -> None:
    from rules.catalog import RULE_IDS
    from rules.policy import Policy

    told = get(server.client("scores:read"), "rules")
    assert {r["rule"]: r["points"] for r in told["rules"]} == {r: Policy().points[r] for r in RULE_IDS}
    assert told["policy_digest"] == Policy().digest and {g["subject"] for g in told["grades"]} == {"vehicle", "company"}


def test_every_answer_is_logged_under_a_head_that_the_caller_gets(server: Server) -> None:
    client = server.client("scores:read")
    answer = client.get("/api/v1/scores?limit=3")
    again = client.get("/api/v1/scores?limit=3", headers={"If-None-Match": answer.headers["etag"]})
    with server.store.reading() as store:
        logged = store.query(
            "SELECT index, subject, actor, payload FROM audit_log WHERE kind = 'answer' ORDER BY index"
        )
        verdict = verify(store)
    first, second = (json.loads(p) for p in logged["payload"])
    assert first == {
        "query": {"limit": "3"}, "status": 200, "rows": 3, "sha256": hashlib.sha256(answer.content).hexdigest()
    }  # fmt: skip
    assert (second["status"], second["rows"]) == (304, 0) and again.status_code == 304
    assert int(answer.headers["x-log-size"]) == logged["index"][0] + 1 and len(answer.headers["x-log-root"]) == 64
    assert logged["subject"].to_list() == ["/api/v1/scores"] * 2 and verdict.sound
    head = get(client, "log-head")
    assert head["size"] == logged["index"][1] + 1 and head["root"] == again.headers["x-log-root"]


def test_an_answer_that_cannot_be_logged_is_not_given(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from reports.errors import StoreError

    def full(*_: Any, **__: Any) -> None:
        raise StoreError("disk full at /somewhere")

    client = server.client("scores:read")
    monkeypatch.setattr("web.api.answers.append_signed", full)
    told = get(client, "scores", 503)
    assert "somewhere" not in json.dumps(told) and "items" not in told


@pytest.mark.parametrize(
    "path", ["scores?limit=0", "scores?limit=1001", "scores?as_of=x", "reconcile", "scores?subject=x"]
)
def test_what_is_asked_wrongly_is_told_without_repeating_it(server: Server, path: str) -> None:
    told = get(server.client("scores:read"), path, 422)
    assert told["title"] == "参数有误" and "limit=1001" not in json.dumps(told)


def test_the_published_description_is_what_the_program_does() -> None:
    command = [sys.executable, ROOT / "tools" / "generate_openapi.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_mirror_is_the_store_after_decisions_restarts_and_lost_answers(tmp_path: Path) -> None:
    trial = Trial(tmp_path, seed=3, acts=20)
    try:
        for _ in range(60):
            trial.move()
        trial._sync(losing=False)
        assert trial.lost and trial.restarts and trial.mirror.last_seq
    finally:
        trial.close()


def test_the_mirror_starts_again_where_the_server_was_set_back(tmp_path: Path) -> None:
    trial = Trial(tmp_path, seed=4, acts=8)
    try:
        for _ in range(8):
            trial._decide()
        trial.mirror.sync(trial._ask(losing=False))
        before = trial.mirror.last_seq
        with trial.store.writing() as store, store.transaction():
            store.execute("DELETE FROM credit.events WHERE seq > 1")
        trial.mirror.sync(trial._ask(losing=False))
        assert trial.mirror.last_seq == 1 < before
    finally:
        trial.close()
    assert sqlite3.connect(tmp_path / "mirror.sqlite").execute("SELECT count(*) FROM events").fetchone() == (1,)


def test_what_people_decide_about_a_case_reaches_the_credit_system(server: Server) -> None:
    from reports.accounts.users import add_user
    from reports.cases.deciding import Actor, Decision, MoveRefused, decide

    client, case = server.client("scores:read"), server.violations[0].violation_id
    people = {"li": "reviewer", "wang": "second_reviewer", "zhao": "second_reviewer"}

    def act(who: str, action: str, step: int, **more: str) -> None:
        with server.store.writing() as store:
            decide(store, Actor(who, people[who]), Decision(case, action, step, **more), at_ms=server.now[0])

    with server.store.writing() as store:
        for who, role in people.items():
            add_user(store, who, role, f"a fair pass {who[::-1]} 93", by="t", at_ms=1)
    act("li", "propose_confirm", -1)
    assert get(client, "score-events")["items"] == []  # one person alone costs nobody anything
    act("wang", "confirm", 1)
    assert [e["op"] for e in get(client, "score-events")["items"]] == ["add"]
    with pytest.raises(MoveRefused):
        act("wang", "confirm", 2)
    act("zhao", "void", 2, reason="cloned_plate", note="套牌")
    assert [(e["op"], e["status"]) for e in get(client, "score-events")["items"]][1:] == [("revoke", "overturned")]
    with server.store.reading() as store:
        assert verify(store).sound
