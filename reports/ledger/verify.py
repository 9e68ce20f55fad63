"""Reading the whole log again and saying where it stops being what was written: the first bad index, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from reports.ledger.beside import beside_faults
from reports.ledger.entries import NO_CHAIN, chained, state_of
from reports.ledger.signing import TreeHead, key_id, read_public_key
from reports.ledger.tree import Frontier, leaf_hash
from reports.store import Store

ROWS_AT_ONCE = 20_000
#: The columns beside a body that repeat what it says, by the name that it has there.
_REPEATED = {"idx": "index", "at_ms": "at_ms", "kind": "kind", "subject": "subject", "actor": "actor"}


@dataclass(frozen=True)
class Fault:
    """What is wrong. `first` is the first bad index, or the first that may be bad where `last` is later."""

    first: int
    last: int
    why: str

    def __str__(self) -> str:
        where = f"entry {self.first}" if self.first == self.last else f"entry {self.first} to {self.last}"
        return f"{where}: {self.why}"


@dataclass
class Verdict:
    """What verifying found.

    `unsigned` are entries added where no key was at hand: nobody can vouch for them. `beside` are findings and
    decisions in the store that the log does not bear out.
    """

    size: int
    heads: int
    fault: Fault | None = None
    unsigned: list[Fault] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return self.fault is None and not self.unsigned and not self.beside


def verify(store: Store, saved: Sequence[TreeHead] = (), trusted: Sequence[Ed25519PublicKey] = ()) -> Verdict:
    """Reads the log from its first entry to its last and compares it with what was signed.

    An edit, deletion, insertion or reordering is found at its index. Whoever also writes every later hash anew is found
    between the last head that still fits and the first that does not; whoever cuts the end and its heads with it is
    found by a saved head.

    Args:
        store: an open store.
        saved: heads kept elsewhere.
        trusted: the keys that heads must be signed by; without any, those that the store itself names are believed.

    Returns:
        The first fault in the log or, where it has none, everything in the store's findings that it contradicts.
    """
    walk = _Walk(store, saved, trusted)
    fault = walk.run()
    beside = [] if fault else beside_faults(store)
    return Verdict(walk.frontier.size, walk.heads_seen, fault, walk.unsigned, beside)


class _Walk:
    """One reading of the log."""

    def __init__(self, store: Store, saved: Sequence[TreeHead], trusted: Sequence[Ed25519PublicKey]) -> None:
        self._store, self._state = store, state_of(store)
        self._keys = {key_id(key): key for key in trusted} or _named_keys(store)
        kept = store.query("SELECT * FROM ledger.heads").iter_rows(named=True)
        heads = [*(TreeHead(log_id=self._state.log_id, **head) for head in kept), *saved]
        self._signed_up_to = max((h.size for h in heads), default=0)
        self._heads: dict[int, list[TreeHead]] = {}
        for head in heads:
            self._heads.setdefault(head.size, []).append(head)
        self.frontier, self._chain = Frontier(0, []), NO_CHAIN
        self.heads_seen, self._good = 0, 0  # heads that fitted; the size of the last one
        self.unsigned: list[Fault] = []

    def run(self) -> Fault | None:
        """The first fault."""
        fault = self._compare_heads()
        if fault:
            return fault
        for number, row in enumerate(self._rows()):
            fault = _misplaced(number, row) or _unlike(number, row, self._chain)
            if fault:
                return fault
            leaf = bytes.fromhex(row["leaf"])
            self._chain = chained(self._chain, leaf)
            self.frontier.add(leaf)
            if row["kind"] == "unsigned":
                said = json.loads(row["body"])["payload"]
                self.unsigned.append(Fault(said["first"], said["last"], _UNSIGNED))
            fault = self._compare_heads()
            if fault:
                return fault
        return self._compare_end()

    def _rows(self) -> Iterator[dict[str, Any]]:
        for batch in self._store.batches("SELECT * FROM ledger.entries ORDER BY idx, at_ms, leaf", ROWS_AT_ONCE):
            yield from batch.iter_rows(named=True)

    def _compare_heads(self) -> Fault | None:
        """Compares the log so far with every head of its size."""
        size = self.frontier.size
        heads = self._heads.pop(size, [])
        for head in heads:
            why = self._unfit(head)
            if why:
                return Fault(self._good, max(size - 1, self._good), why)
        if heads:
            self._good = size
            self.heads_seen += len(heads)
        return None

    def _unfit(self, head: TreeHead) -> str:
        """Why a head is not one of this log, or nothing."""
        if head.log_id != self._state.log_id:
            return f"the head of {head.size} entries is of another log ({head.log_id})"
        key = self._keys.get(head.key_id)
        if key is None or not head.signed_by(key):
            return f"the head of {head.size} entries is not signed by a key that is trusted"
        if head.root != self.frontier.root().hex() or head.chain != self._chain.hex():
            return f"the head signed of {head.size} entries is of other entries than these"
        return ""

    def _compare_end(self) -> Fault | None:
        """Compares where the log ends with where it should."""
        size, state = self.frontier.size, self._state
        longest = max([state.size, *self._heads])
        if longest > size:
            return Fault(size, longest - 1, "missing: the log was longer")
        if state.size < size:
            return Fault(state.size, size - 1, "put in behind the end of the log")
        if state.chain != self._chain or state.frontier.peaks != self.frontier.peaks:
            return Fault(self._good, max(size - 1, self._good), "the log's own word of its end is of other entries")
        if self._signed_up_to < size:
            self.unsigned.append(Fault(self._signed_up_to, size - 1, _UNSIGNED))
        return None


_UNSIGNED = "added without a signature, so that nobody can vouch for it"


def _misplaced(number: int, row: dict[str, Any]) -> Fault | None:
    """Whether another entry than the next one stands here."""
    if row["idx"] is None or row["idx"] < number:
        return Fault(max(number - 1, 0), max(number - 1, 0), "there twice, or put in")
    if row["idx"] > number:
        return Fault(number, number, "missing")
    return None


def _unlike(number: int, row: dict[str, Any], chain: bytes) -> Fault | None:
    """Whether the entry is another than was hashed and chained."""
    leaf = leaf_hash((row["body"] or "").encode())
    if leaf.hex() != row["leaf"]:
        return Fault(number, number, "not what was hashed")
    if chained(chain, leaf).hex() != row["chain"]:
        return Fault(number, number, "does not follow from the entries before it")
    try:
        said = json.loads(row["body"])
        alike = all(said[name] == row[column] for column, name in _REPEATED.items())
    except (ValueError, KeyError, TypeError):
        alike = False
    return None if alike else Fault(number, number, "the columns beside it say something else")


def _named_keys(store: Store) -> dict[str, Ed25519PublicKey]:
    """The keys that the store says signed it."""
    named = store.query("SELECT key_id, public_key FROM ledger.keys").iter_rows()
    return {name: read_public_key(pem, f"key {name} in the store") for name, pem in named}
