"""Webhooks: where other systems want to be told, and what is still to be delivered, written with each decision."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from reports.errors import StoreUnusable
from reports.ledger.entries import append
from reports.ledger.signing import usual_signer
from reports.store import Store
from rules.findings import stable_id

#: After a failure the next try waits this long, then twice as long, up to the longest; then it is given up.
FIRST_WAIT_MS, LONGEST_WAIT_MS, GIVE_UP_MS = 10_000, 3_600_000, 3 * 86_400_000


@dataclass(frozen=True)
class Hook:
    """Where to deliver. `allow` are networks (CIDR) that its address may be in although they are not public."""

    hook_id: str
    url: str
    allow: tuple[str, ...]
    generation: int

    def secret(self) -> bytes:
        """What its deliveries are signed with.

        Raises:
            StoreUnusable: if this machine has no signing key to derive it from.
        """
        signer = usual_signer()
        if signer is None:
            raise StoreUnusable(
                "webhooks are signed with a secret of the signing key, and there is no signing key here"
            )
        return signer.derived(f"webhook {self.hook_id} {self.generation}")

    def shown_secret(self) -> str:
        """The secret in the form in which its receiver gets it."""
        return "whsec_" + base64.b64encode(self.secret()).decode()


@dataclass(frozen=True)
class Delivery:
    """One message for one hook; `delivery_id` stays the same however often it is tried."""

    delivery_id: str
    hook_id: str
    kind: str
    body: str
    created_ms: int
    attempts: int

    def headers(self, hook: Hook, at_s: int) -> dict[str, str]:
        """Signed as the Standard Webhooks say: HMAC-SHA256 over id, time and body."""
        signed = hmac.new(hook.secret(), f"{self.delivery_id}.{at_s}.{self.body}".encode(), hashlib.sha256).digest()
        signature = "v1," + base64.b64encode(signed).decode()
        stamp = {"webhook-id": self.delivery_id, "webhook-timestamp": str(at_s), "webhook-signature": signature}
        return {"Content-Type": "application/json; charset=utf-8", "User-Agent": "muckwatch", **stamp}


def add_hook(store: Store, url: str, *, allow: Sequence[str] = (), actor: str, at_ms: int) -> Hook:
    """Adds an address that is told from now on.

    Raises:
        StoreUnusable: an address that is not allowed, or no signing key.
    """
    _check(url, allow)
    hook = Hook(secrets.token_hex(6), url, tuple(allow), 1)
    hook.secret()
    with store.transaction():
        store.execute("INSERT INTO credit.hooks VALUES (?, ?, ?, 1, ?, NULL)", [hook.hook_id, url, list(allow), at_ms])
        said = {"op": "add", "url": url, "allow": list(allow)}
        append(store, "webhook", hook.hook_id, actor, said, at_ms=at_ms)
    return hook


def hooks(store: Store) -> list[Hook]:
    """The addresses that are told now, the oldest first."""
    found = store.query(
        "SELECT hook_id, url, allow, generation FROM credit.hooks WHERE removed_ms IS NULL ORDER BY created_ms, hook_id"
    )
    return [Hook(**{**row, "allow": tuple(row["allow"])}) for row in found.iter_rows(named=True)]


def remove_hook(store: Store, hook_id: str, *, actor: str, at_ms: int) -> None:
    """Tells that address nothing more, also not what is still in the outbox."""
    hook_of(store, hook_id)
    with store.transaction():
        store.execute("UPDATE credit.hooks SET removed_ms = ? WHERE hook_id = ?", [at_ms, hook_id])
        store.execute(
            "UPDATE credit.outbox SET given_up_ms = ?, last_error = 'removed' "
            "WHERE hook_id = ? AND done_ms IS NULL AND given_up_ms IS NULL",
            [at_ms, hook_id],
        )
        append(store, "webhook", hook_id, actor, {"op": "remove"}, at_ms=at_ms)


def rotate_hook(store: Store, hook_id: str, *, actor: str, at_ms: int) -> Hook:
    """Gives a hook another secret at once; what was signed with the old one stays as it is."""
    old = hook_of(store, hook_id)
    with store.transaction():
        store.execute("UPDATE credit.hooks SET generation = generation + 1 WHERE hook_id = ?", [hook_id])
        append(store, "webhook", hook_id, actor, {"op": "rotate"}, at_ms=at_ms)
    return Hook(old.hook_id, old.url, old.allow, old.generation + 1)


def hook_of(store: Store, hook_id: str) -> Hook:
    """The hook of that id.

    Raises:
        StoreUnusable: if there is none.
    """
    for hook in hooks(store):
        if hook.hook_id == hook_id:
            return hook
    raise StoreUnusable(f"there is no webhook {hook_id!r}; `muckwatch webhook list` shows them")


def standing(store: Store) -> dict[str, tuple[int, int, int, str]]:
    """For each hook that was ever told anything: delivered, waiting, given up, and the last error of what waits."""
    found = store.query(
        "SELECT hook_id, count(done_ms), count(*) FILTER (done_ms IS NULL AND given_up_ms IS NULL), "
        "count(given_up_ms), "
        "coalesce(arg_max(last_error, due_ms) FILTER (done_ms IS NULL AND last_error <> ''), '') "
        "FROM credit.outbox GROUP BY hook_id"
    )
    return {hook: (done, waiting, given_up, error) for hook, done, waiting, given_up, error in found.iter_rows()}


def put_out(store: Store, kind: str, event: Mapping[str, Any], at_ms: int) -> None:
    """Puts what a score event means for a case into the outbox of every hook, in the caller's transaction."""
    told = ("violation_id", "status", "rule", "rule_version", "plate", "company_id", "points")
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    case = {**{name: event[name] for name in told}, "date": event["day"].isoformat()}
    body = json.dumps({"type": kind, "timestamp": at, "seq": event["seq"], "data": case}, ensure_ascii=False)
    for hook in hooks(store):
        delivery_id = stable_id("delivery", hook.hook_id, event["event_id"])
        store.execute(
            "INSERT INTO credit.outbox VALUES (?, ?, ?, ?, ?, 0, ?, NULL, NULL, '')",
            [delivery_id, hook.hook_id, kind, body, at_ms, at_ms],
        )


def due(store: Store, at_ms: int, limit: int = 100) -> list[Delivery]:
    """What is to be delivered now, the oldest first."""
    found = store.query(
        "SELECT delivery_id, hook_id, kind, body, created_ms, attempts FROM credit.outbox "
        "WHERE done_ms IS NULL AND given_up_ms IS NULL AND due_ms <= ? ORDER BY created_ms, delivery_id LIMIT ?",
        [at_ms, limit],
    )
    return [Delivery(**row) for row in found.iter_rows(named=True)]


def settle_delivery(store: Store, delivery: Delivery, error: str, *, at_ms: int) -> None:
    """Notes how a try ended, in a transaction of its own: taken (no error), to be tried again later, or given up."""
    wait_ms = min(FIRST_WAIT_MS * 2 ** min(delivery.attempts, 20), LONGEST_WAIT_MS)
    given_up = bool(error) and at_ms + wait_ms > delivery.created_ms + GIVE_UP_MS
    with store.transaction():
        store.execute(
            "UPDATE credit.outbox SET attempts = attempts + 1, due_ms = $1, done_ms = $2, given_up_ms = $3, "
            "last_error = $4 WHERE delivery_id = $5 AND given_up_ms IS NULL",
            [at_ms + wait_ms, None if error else at_ms, at_ms if given_up else None, error, delivery.delivery_id],
        )
        if given_up or not error:
            said = {"op": "give up" if given_up else "deliver", "delivery_id": delivery.delivery_id}
            tried = {"kind": delivery.kind, "attempts": delivery.attempts + 1}
            append(store, "webhook", delivery.hook_id, "serve", {**said, **tried}, at_ms=at_ms)


def allowed_networks(allow: Sequence[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks that a hook may be in although they are not public.

    Raises:
        StoreUnusable: naming one that is no network.
    """
    try:
        return [ipaddress.ip_network(each) for each in allow]
    except ValueError as error:
        raise StoreUnusable(f"--allow: {error}; write a network such as 10.1.2.0/24") from None


def _check(url: str, allow: Sequence[str]) -> None:
    networks, parts = allowed_networks(allow), urlsplit(url)
    try:
        usable = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.password or parts.fragment or any(c.isspace() for c in url):
        raise StoreUnusable(f"{url!r}: write https://host/path, without a user, a password or a fragment")
    if parts.scheme == "http" and not networks:
        raise StoreUnusable(f"{url!r}: plain http only into networks that --allow names")
