"""Webhooks: signed, tried again until taken under the same id, and never to an address that may not be told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cli_town import muckwatch

from bench.credit_world import decide
from reports.credit.outbox import (
    FIRST_WAIT_MS,
    GIVE_UP_MS,
    LONGEST_WAIT_MS,
    Hook,
    add_hook,
    due,
    hook_of,
    hooks,
    remove_hook,
    rotate_hook,
    standing,
)  # fmt: skip
from reports.errors import StoreUnusable
from reports.ledger.verify import verify
from reports.store import Store
from web.api.webhooks import Deliveries, NotAllowed, addresses_of

HERE = ("127.0.0.0/8",)


class Receiver(ThreadingHTTPServer):
    """Takes deliveries; answers with the codes it is given, then 204."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.codes: list[int] = []
        self.url = f"http://127.0.0.1:{self.server_port}/hook?a=1"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        assert isinstance(self.server, Receiver)
        self.server.taken.append(({k.lower(): v for k, v in self.headers.items()} | {"path": self.path}, body))
        code = self.server.codes.pop(0) if self.server.codes else 204
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def hooked(server: Any, url: str) -> Hook:
    with server.store.writing() as store:
        return add_hook(store, url, allow=HERE, actor="t", at_ms=server.now[0])


def decided(server: Any, *statuses: str, number: int = 0) -> None:
    for status in statuses:
        with server.store.writing() as store:
            decide(store, server.violations[number].violation_id, status, server.now[0])


def deliveries(server: Any) -> Deliveries:
    return Deliveries(server.store, now_ms=lambda: server.now[0])


def test_a_case_is_told_with_a_signature_that_its_receiver_can_check(server: Any, receiver: Receiver) -> None:
    hook = hooked(server, receiver.url)
    decided(server, "confirmed", "appealed", "overturned")
    assert deliveries(server).deliver_due() == 3
    said = [json.loads(body) for _, body in receiver.taken]
    assert sorted(s["type"] for s in said) == ["case.appealed", "case.confirmed", "case.voided"]
    confirmed = next(s for s in said if s["type"] == "case.confirmed")
    assert confirmed["data"]["violation_id"] == server.violations[0].violation_id and confirmed["seq"] == 1
    secret = base64.b64decode(hook.shown_secret().removeprefix("whsec_"))
    for headers, body in receiver.taken:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        wanted = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{wanted}" and headers["path"] == "/hook?a=1"
        assert headers["webhook-timestamp"] == str(server.now[0] // 1000)
    assert len({headers["webhook-id"] for headers, _ in receiver.taken}) == 3
    assert deliveries(server).deliver_due() == 0


def test_what_is_not_taken_is_tried_again_later_under_the_same_id(server: Any, receiver: Receiver) -> None:
    hook = hooked(server, receiver.url)
    decided(server, "confirmed")
    receiver.codes = [500, 302]
    for wait_ms in (FIRST_WAIT_MS, 2 * FIRST_WAIT_MS):
        assert deliveries(server).deliver_due() == 1
        server.now[0] += wait_ms - 1
        assert deliveries(server).deliver_due() == 0  # not yet; and nothing of it is only in memory
        server.now[0] += 1
    with server.store.reading() as store:
        assert standing(store)[hook.hook_id] == (0, 1, 0, "answered 302")
    assert deliveries(server).deliver_due() == 1
    ids = [headers["webhook-id"] for headers, _ in receiver.taken]
    assert len(ids) == 3 and len(set(ids)) == 1 and {h["path"] for h, _ in receiver.taken} == {"/hook?a=1"}
    with server.store.reading() as store:
        assert standing(store)[hook.hook_id] == (1, 0, 0, "")


def test_one_that_is_away_keeps_nobody_else_waiting_and_is_given_up_at_last(server: Any, receiver: Receiver) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        away = hooked(server, f"http://127.0.0.1:{taken.getsockname()[1]}/")
        hooked(server, receiver.url)
        decided(server, "confirmed", "appealed")
        deliveries(server).deliver_due()
        assert len(receiver.taken) == 2
        rounds = 0
        while True:
            with server.store.reading() as store:
                if not standing(store)[away.hook_id][1]:
                    break
            server.now[0] += LONGEST_WAIT_MS
            deliveries(server).deliver_due()
            rounds += 1
    with server.store.reading() as store:
        assert standing(store)[away.hook_id][:3] == (0, 0, 2) and verify(store).sound
        log = store.query("SELECT payload FROM audit_log WHERE kind = 'webhook' AND subject = ?", [away.hook_id])
    assert rounds <= GIVE_UP_MS / LONGEST_WAIT_MS + 3
    assert [json.loads(p)["op"] for p in log["payload"]] == ["add", "give up", "give up"]


def test_nothing_is_put_out_for_a_decision_that_is_taken_back(server: Any, receiver: Receiver) -> None:
    hooked(server, receiver.url)
    with pytest.raises(ZeroDivisionError), server.store.writing() as store, store.transaction():
        from reports.credit.events import publish

        store.execute(
            "UPDATE kept.violations SET status = 'confirmed' WHERE violation_id = ?",
            [server.violations[0].violation_id],
        )
        assert publish(store, server.violations[0].violation_id, at_ms=1) == 1
        raise ZeroDivisionError
    with server.store.reading() as store:
        assert due(store, server.now[0]) == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "0.0.0.0", "::1", "::ffff:127.0.0.1", "224.0.0.1"]
)
def test_an_address_that_is_not_public_is_not_told(host: str) -> None:
    with pytest.raises(NotAllowed, match="not public"):
        addresses_of(host, 80, Hook("h", f"https://{host}/", (), 1))


def test_a_name_is_told_only_if_every_address_of_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("93.184.216.34", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(NotAllowed, match=r"10\.0\.0\.1"):
        addresses_of("rebind.example", 443, Hook("h", "https://rebind.example/", (), 1))
    allowed = Hook("h", "https://rebind.example/", ("10.0.0.0/24",), 1)
    assert addresses_of("rebind.example", 443, allowed) == ["93.184.216.34", "10.0.0.1"]


def test_a_delivery_to_a_forbidden_address_never_leaves(server: Any, receiver: Receiver) -> None:
    with server.store.writing() as store:
        hook = add_hook(store, f"https://localhost:{receiver.server_port}/", actor="t", at_ms=server.now[0])
    decided(server, "confirmed")
    deliveries(server).deliver_due()
    with server.store.reading() as store:
        assert "NotAllowed" in standing(store)[hook.hook_id][3]
    assert receiver.taken == []


@pytest.mark.parametrize(
    ("url", "allow"),
    [
        ("http://credit.example/", ()),
        ("ftp://credit.example/", HERE),
        ("https://user:pass@credit.example/", ()),
        ("https://credit.example/#x", ()),
        ("https:///path", ()),
        ("https://a b/", ()),
        ("https://credit.example:99999/", ()),
        ("https://credit.example/", ("10.0.0.1/8",)),
    ],
)
def test_an_address_of_another_form_is_refused(server: Any, url: str, allow: tuple[str, ...]) -> None:
    with server.store.writing() as store, pytest.raises(StoreUnusable):
        add_hook(store, url, allow=allow, actor="t", at_ms=1)


def test_secrets_differ_by_hook_and_rotation_and_stand_nowhere(server: Any) -> None:
    one, other = hooked(server, "https://a.example/"), hooked(server, "https://b.example/")
    with server.store.writing() as store:
        rotated = rotate_hook(store, one.hook_id, actor="t", at_ms=1)
        secrets = {h.shown_secret() for h in (one, other, rotated)}
        assert len(secrets) == 3 and hook_of(store, one.hook_id).secret() == rotated.secret()
        everything = str(store.query("FROM credit.hooks").rows()) + str(store.query("FROM ledger.entries").rows())
        assert not any(secret.removeprefix("whsec_") in everything for secret in secrets)
        remove_hook(store, one.hook_id, actor="t", at_ms=2)
        assert [h.hook_id for h in hooks(store)] == [other.hook_id]


def test_webhooks_are_managed_by_command_and_delivered_by_the_service(server: Any, receiver: Receiver) -> None:
    folder = server.store.path
    service = deliveries(server)
    service.start()
    try:
        hooked(server, receiver.url)
        decided(server, "confirmed")
        arrived = threading.Event()
        for _ in range(200):
            if receiver.taken:
                break
            arrived.wait(0.1)
        assert len(receiver.taken) == 1 and service.health().ok
    finally:
        service.stop()
    server.store.close()
    listed = muckwatch("webhook", "list", "--store", folder)
    assert listed.code == 0 and "/hook?a=1" in listed.out
    with Store.read(folder) as store:
        assert len(hooks(store)) == 1
