"""The Merkle tree of RFC 9162 §2.1 over the log's leaves: a growing frontier, its root, and paths that prove a leaf.

Two prefixes keep a leaf from passing for a node: 0x00 before an entry, 0x01 before two hashes (§2.1.1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

_LEAF, _NODE = b"\x00", b"\x01"


def leaf_hash(body: bytes) -> bytes:
    """The hash of one leaf: SHA-256 of 0x00 and its content."""
    return hashlib.sha256(_LEAF + body).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()


@dataclass
class Frontier:
    """The roots of the perfect subtrees of a growing tree, from the left: all that appending and the root need."""

    size: int
    peaks: list[bytes]

    def add(self, leaf: bytes) -> None:
        """Appends a leaf; about two hashes, however large the tree."""
        size, node = self.size, leaf
        while size & 1:  # every subtree as high as this one pairs with it
            node = _node_hash(self.peaks.pop(), node)
            size >>= 1
        self.peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree as it is now; of an empty one, the hash of nothing."""
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        return reduce(lambda right, left: _node_hash(left, right), reversed(self.peaks))


class LeafTree:
    """A finished tree over leaves that are hashes already; for proofs."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """Hashes the whole tree, level by level."""
        self._levels = [list(leaves)]
        while len(below := self._levels[-1]) > 1:
            pairs = [_node_hash(*below[at : at + 2]) for at in range(0, len(below) - 1, 2)]
            # A node without a neighbour moves up as it is: so the left part is always the largest perfect one.
            self._levels.append(pairs + below[len(below) & ~1 :])

    def inclusion_path(self, index: int) -> list[bytes]:
        """The audit path of RFC 9162 §2.1.3 for the leaf at `index` (from 0), from the leaf upwards.

        Raises:
            IndexError: if there is no such leaf.
        """
        if not 0 <= index < len(self._levels[0]):
            raise IndexError(f"no leaf {index} in a tree of {len(self._levels[0])}")
        path = []
        for level in self._levels[:-1]:
            if (neighbour := index ^ 1) < len(level):
                path.append(level[neighbour])
            index >>= 1
        return path
