"""Tampers with a log in every way, at random places, and counts how often `verify` finds it and names the place.

python -m bench.tampering [--times 100] [--entries 400]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from reports.ledger.entries import NO_CHAIN, append, chained, last_head
from reports.ledger.signing import KEY_VARIABLE, TreeHead
from reports.ledger.tree import Frontier, leaf_hash
from reports.ledger.verify import Verdict, verify
from reports.store import Store

#: Changes the log and gives the first index that is no longer what was written.
Tampering = Callable[[Store, random.Random], int]


class _RolledBack(Exception):
    """Takes a tampering back."""


@dataclass(frozen=True)
class Score:
    """How often a kind of tampering was found, its first bad index named, and named exactly."""

    times: int
    found: int
    named: int
    exact: int


def _size(store: Store) -> int:
    return int(store.query("SELECT count(*) FROM ledger.entries").item())


def _pick(store: Store, by: random.Random, spare: int = 0) -> int:
    return by.randrange(_size(store) - spare)


# -- by hand: a row is changed, and nothing else ---------------------------------------------------------------------


def edit_body(store: Store, by: random.Random) -> int:
    at = _pick(store, by)
    body = store.query("SELECT body FROM ledger.entries WHERE idx = ?", [at]).item()
    place = by.randrange(len(body))
    changed = body[:place] + ("x" if body[place] != "x" else "y") + body[place + 1 :]
    store.execute("UPDATE ledger.entries SET body = ? WHERE idx = ?", [changed, at])
    return at


def edit_column(store: Store, by: random.Random) -> int:
    at = _pick(store, by)
    column = by.choice(["kind", "subject", "actor", "at_ms"])
    value = "at_ms + 1" if column == "at_ms" else "'somebody'"
    store.execute(f"UPDATE ledger.entries SET {column} = {value} WHERE idx = ?", [at])
    return at


def edit_hash(store: Store, by: random.Random) -> int:
    at = _pick(store, by)
    column = by.choice(["leaf", "chain"])
    store.execute(f"UPDATE ledger.entries SET {column} = sha256('{by.random()}') WHERE idx = ?", [at])
    return at


def edit_with_its_hash(store: Store, by: random.Random) -> int:
    at = _pick(store, by)
    body = _forged(store, at)
    store.execute(
        "UPDATE ledger.entries SET body = ?, leaf = ? WHERE idx = ?", [body, leaf_hash(body.encode()).hex(), at]
    )
    return at


def delete(store: Store, by: random.Random) -> int:
    at = _pick(store, by)
    store.execute("DELETE FROM ledger.entries WHERE idx = ?", [at])
    return at


def delete_and_close_up(store: Store, by: random.Random) -> int:
    at = _pick(store, by, 1)
    store.execute("DELETE FROM ledger.entries WHERE idx = ?", [at])
    store.execute("UPDATE ledger.entries SET idx = idx - 1 WHERE idx > ?", [at])
    return at


def insert(store: Store, by: random.Random) -> int:
    at = _pick(store, by)
    store.execute("UPDATE ledger.entries SET idx = idx + 1 WHERE idx >= ?", [at])
    store.execute(
        "INSERT INTO ledger.entries SELECT idx - 1, at_ms, kind, subject, actor, body, leaf, chain "
        "FROM ledger.entries WHERE idx = ?",
        [at + 1],
    )
    return at + 1  # the copy is at home in the place of its original, which is now one late


def insert_beside(store: Store, by: random.Random) -> int:
    at = _pick(store, by)
    body = _forged(store, at)
    store.execute(
        "INSERT INTO ledger.entries "
        "SELECT idx, at_ms, kind, subject, actor, ?, ?, chain FROM ledger.entries WHERE idx = ?",
        [body, leaf_hash(body.encode()).hex(), at],
    )
    return at


def reorder(store: Store, by: random.Random) -> int:
    first, second = sorted(by.sample(range(_size(store)), 2))
    store.execute(
        "UPDATE ledger.entries SET idx = CASE WHEN idx = $1 THEN $2 ELSE $1 END WHERE idx IN ($1, $2)", [first, second]
    )
    return first


def truncate(store: Store, by: random.Random) -> int:
    at = _pick(store, by)
    store.execute("DELETE FROM ledger.entries WHERE idx >= ?", [at])
    return at


# -- by somebody who knows: every hash after it is written anew, with the log's own word of its end -------------------


def rewrite_edit(store: Store, by: random.Random) -> int:
    at = _pick(store, by)
    store.execute("UPDATE ledger.entries SET body = ? WHERE idx = ?", [_forged(store, at), at])
    return _rehash(store, at)


def rewrite_delete(store: Store, by: random.Random) -> int:
    return _rehash(store, delete_and_close_up(store, by))


def rewrite_insert(store: Store, by: random.Random) -> int:
    return _rehash(store, insert(store, by))


def rewrite_reorder(store: Store, by: random.Random) -> int:
    return _rehash(store, reorder(store, by))


def rewrite_without_heads(store: Store, by: random.Random) -> int:
    at = rewrite_edit(store, by)
    store.execute("DELETE FROM ledger.heads WHERE size > ?", [at])
    return at


def truncate_with_heads(store: Store, by: random.Random) -> int:
    at = _rehash(store, truncate(store, by))
    store.execute("DELETE FROM ledger.heads WHERE size > ?", [at])
    return at


def rebuild_whole(store: Store, by: random.Random) -> int:
    store.execute("UPDATE ledger.entries SET body = ? WHERE idx = 0", [_forged(store, 0)])
    store.execute("DELETE FROM ledger.heads")
    return _rehash(store, 0)


KINDS: dict[str, Tampering] = {
    kind.__name__: kind
    for kind in (
        *(edit_body, edit_column, edit_hash, edit_with_its_hash, delete, delete_and_close_up, insert, insert_beside),
        *(reorder, truncate, rewrite_edit, rewrite_delete, rewrite_insert, rewrite_reorder, rewrite_without_heads),
        *(truncate_with_heads, rebuild_whole),
    )
}


def _forged(store: Store, at: int) -> str:
    """An entry with another actor."""
    body = store.query("SELECT body FROM ledger.entries WHERE idx = ?", [at]).item()
    return _sorted({**json.loads(body), "actor": "forger"})


def _sorted(said: dict[str, Any]) -> str:
    return json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _rehash(store: Store, first_bad: int) -> int:
    """Writes index, columns, leaf and chain of every entry anew, and the log's own state."""
    frontier, chain, rows = Frontier(0, []), NO_CHAIN, []
    kept = store.query("SELECT body FROM ledger.entries ORDER BY idx, leaf")["body"]
    for idx, body in enumerate(kept):
        said = {**json.loads(body), "index": idx}
        text = _sorted(said)
        leaf = leaf_hash(text.encode())
        chain = chained(chain, leaf)
        frontier.add(leaf)
        beside = {name: said[name] for name in ("at_ms", "kind", "subject", "actor")}
        rows.append({"idx": idx, **beside, "body": text, "leaf": leaf.hex(), "chain": chain.hex()})
    store.execute("DELETE FROM ledger.entries")
    if rows:
        store.append("ledger.entries", pl.DataFrame(rows))
    peaks = [peak.hex() for peak in frontier.peaks]
    store.execute("UPDATE ledger.state SET size = ?, peaks = ?, chain = ?", [len(rows), peaks, chain.hex()])
    return first_bad


# -- the trial ---------------------------------------------------------------------------------------------------------


def fill(store: Store, entries: int) -> TreeHead:
    """Says that many things, each in a commit of its own; gives the head that somebody saves elsewhere."""
    for number in range(entries):
        with store.transaction():
            append(store, "login", f"u{number}", "muckwatch", {"at": number, "name": f"王{number}"}, at_ms=number)
    head = last_head(store)
    assert head, "the log is signed"
    return head


def tampered(store: Store, kind: Tampering, by: random.Random, saved: TreeHead) -> tuple[int, Verdict]:
    """Tampers once, verifies, and takes it back."""
    try:
        with store.transaction():
            first_bad, verdict = kind(store, by), verify(store, [saved])
            raise _RolledBack
    except _RolledBack:
        return first_bad, verdict


def try_kind(store: Store, kind: Tampering, times: int, saved: TreeHead, seed: int) -> Score:
    """Tampers many times in one way."""
    by, found, named, exact = random.Random(f"{kind.__name__} {seed}"), 0, 0, 0
    for _ in range(times):
        first_bad, verdict = tampered(store, kind, by, saved)
        fault = verdict.fault
        found += fault is not None
        named += fault is not None and fault.first <= first_bad <= fault.last
        exact += fault is not None and fault.first == first_bad == fault.last
    return Score(times, found, named, exact)


def main() -> None:
    """Runs the trial and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--entries", type=int, default=400)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ[KEY_VARIABLE] = f"{name}/key.pem"
        with Store.open(Path(name) / "store", create=True) as store:
            saved = fill(store, asked.entries)
            assert verify(store, [saved]).sound
            print(f"{'tampering':26}{'times':>7}{'found':>7}{'named':>7}{'exactly':>9}")
            for told, kind in KINDS.items():
                score = try_kind(store, kind, asked.times, saved, 1)
                print(f"{told:26}{score.times:>7}{score.found:>7}{score.named:>7}{score.exact:>9}", flush=True)


if __name__ == "__main__":
    main()
