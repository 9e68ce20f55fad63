"""Appending to the log, inside the transaction of what is being said: both are committed, or neither.

An entry is canonical JSON (RFC 8785) with a salt of its own, so that its hash tells nothing of what it is a hash of.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import rfc8785

from reports.errors import StoreError
from reports.ledger.signing import Signer, TreeHead, usual_signer
from reports.ledger.tree import Frontier, leaf_hash

if TYPE_CHECKING:
    from reports.store import Store

#: What entries are about. `unsigned` is said by the log itself, of entries that were added where no key was at hand.
KINDS = ("run", "registry", "finding", "decision", "export", "login", "user", "token", "answer", "webhook", "unsigned")
SALT_BYTES = 16
NO_CHAIN = bytes(32)
#: JSON numbers are exact up to here (RFC 8785); larger ones are refused.
_MOST = 2**53 - 1
#: For flat payloads it writes what RFC 8785 asks, an order of magnitude faster than code written for all of JSON.
_FLAT = json.JSONEncoder(ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":"))
_COLUMNS = {name: pl.String() for name in ("kind", "subject", "actor", "body", "leaf", "chain")}


@dataclass(frozen=True)
class Entry:
    """What is to be kept: `actor` did something of a `kind` about a `subject` (an id); `payload` is plain JSON."""

    kind: str
    subject: str
    actor: str
    payload: Mapping[str, Any]


@dataclass
class LogState:
    """Where the log ends."""

    log_id: str
    frontier: Frontier
    chain: bytes

    @property
    def size(self) -> int:
        """Entries so far."""
        return self.frontier.size


def state_of(store: Store) -> LogState:
    """Where the log of a store ends now."""
    log_id, size, peaks, chain = store.rows("FROM ledger.state")[0]
    return LogState(log_id, Frontier(size, [bytes.fromhex(p) for p in peaks]), bytes.fromhex(chain))


def chained(before: bytes, leaf: bytes) -> bytes:
    """The chain after one more leaf."""
    return hashlib.sha256(before + leaf).digest()


def canonical(index: int, at_ms: int, entry: Entry, salt: bytes) -> bytes:
    """The bytes that are hashed.

    Raises:
        StoreError: if the payload is not plain JSON.
    """
    said: dict[str, Any] = {
        "index": index,
        "at_ms": at_ms,
        "kind": entry.kind,
        "subject": entry.subject,
        "actor": entry.actor,
    }
    whole = {**said, "payload": dict(entry.payload), "salt": salt.hex()}
    try:
        if _is_flat(said) and _is_flat(entry.payload):
            return _FLAT.encode(whole).encode()
        return rfc8785.dumps(whole)
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise StoreError(f"{entry.kind} {entry.subject}: cannot be kept in the log: {error}") from error


def _is_flat(payload: Mapping[str, Any]) -> bool:
    """Whether it is texts, whole numbers and flags under plain names: no float to write, no odd key to sort."""
    return all(
        type(name) is str
        and name.isascii()
        and (type(value) in (str, bool, type(None)) or (type(value) is int and -_MOST <= value <= _MOST))
        for name, value in payload.items()
    )


def append(store: Store, kind: str, subject: str, actor: str, payload: Mapping[str, Any], *, at_ms: int) -> int:
    """Appends one entry inside the caller's transaction (`Store.transaction`); gives its index.

    Args:
        store: an open store, writable, in a transaction.
        kind: one of `KINDS`.
        subject: the id of what it is about.
        actor: who did it: a command, a user's name, a token's id.
        payload: plain JSON; never a password, a token or a session.
        at_ms: when, epoch ms.

    Raises:
        StoreError: if the payload is not plain JSON, or the signing key cannot be used.
    """
    return append_all(store, [Entry(kind, subject, actor, payload)], at_ms=at_ms)


def append_all(store: Store, entries: Sequence[Entry], *, at_ms: int) -> int:
    """Appends entries inside the caller's transaction, under one signed head; gives the index of the first."""
    return append_signed(store, entries, at_ms=at_ms)[0]


def append_signed(store: Store, entries: Sequence[Entry], *, at_ms: int) -> tuple[int, TreeHead | None]:
    """The same; gives the signed head too, where there is a key."""
    signer, state = usual_signer(), state_of(store)
    first = state.size
    if not entries:
        return first, last_head(store)
    signed, last_key = store.rows("SELECT coalesce(max(size), 0), max_by(key_id, size) FROM ledger.heads")[0]
    added = [*_unsigned(signed, state, signer), *entries]
    assert {e.kind for e in added} <= {*KINDS}, "an entry of an unknown kind"
    salts = os.urandom(SALT_BYTES * len(added))
    rows = []
    for number, entry in enumerate(added):
        body = canonical(first + number, at_ms, entry, salts[number * SALT_BYTES : (number + 1) * SALT_BYTES])
        leaf = leaf_hash(body)
        state.chain = chained(state.chain, leaf)
        state.frontier.add(leaf)
        rows.append((entry.kind, entry.subject, entry.actor, body.decode(), leaf.hex(), state.chain.hex()))
    _write(store, rows, first, at_ms)
    store.execute(
        "UPDATE ledger.state SET size = ?, peaks = ?, chain = ?",
        [state.size, [peak.hex() for peak in state.frontier.peaks], state.chain.hex()],
    )
    head = None if signer is None else _keep_head(store, signer, state, at_ms, last_key)
    return first + len(added) - len(entries), head


def last_head(store: Store) -> TreeHead | None:
    """The newest signed head; None where nothing was signed yet."""
    found = store.rows(
        "SELECT log_id, h.size, at_ms, root, h.chain, key_id, signature FROM ledger.heads h CROSS JOIN ledger.state "
        "ORDER BY h.size DESC LIMIT 1"
    )
    return TreeHead(*found[0]) if found else None


def _unsigned(signed: int, state: LogState, signer: Signer | None) -> list[Entry]:
    """Before a key signs the log again: the word that it was not there when the entries before were added."""
    if signer is None or signed == state.size:
        return []
    return [Entry("unsigned", str(signed), "log", {"first": signed, "last": state.size - 1})]


def _write(store: Store, rows: Sequence[tuple[str, ...]], first: int, at_ms: int) -> None:
    """Writes entries: many as a frame, one by itself, which is quicker."""
    if len(rows) == 1:
        store.execute("INSERT INTO ledger.entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [first, at_ms, *rows[0]])
        return
    frame = pl.DataFrame(rows, schema=_COLUMNS, orient="row").with_columns(
        idx=pl.int_range(first, first + len(rows), dtype=pl.Int64), at_ms=pl.lit(at_ms, pl.Int64)
    )
    store.append("ledger.entries", frame)


def _keep_head(store: Store, signer: Signer, state: LogState, at_ms: int, last_key: str | None) -> TreeHead:
    head = signer.sign(state.log_id, state.size, at_ms, state.frontier.root(), state.chain)
    new_key = last_key != signer.key_id
    if new_key and not store.rows("SELECT 1 FROM ledger.keys WHERE key_id = ?", [signer.key_id]):
        store.execute("INSERT INTO ledger.keys VALUES (?, ?, ?)", [signer.key_id, signer.public_pem, state.size])
    store.execute(
        "INSERT INTO ledger.heads VALUES (?, ?, ?, ?, ?, ?)",
        [head.size, head.at_ms, head.root, head.chain, head.key_id, head.signature],
    )
    return head
