"""The Merkle tree of RFC 9162 over the log's leaves: a growing frontier, roots, proofs; pymerkle does the hashing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pymerkle import BaseMerkleTree
from pymerkle.hasher import MerkleHasher

_HASHER = MerkleHasher("sha256")


def leaf_hash(body: bytes) -> bytes:
    """The hash of one leaf: SHA-256 of 0x00 and its content."""
    return bytes(_HASHER.hash_buff(body))


@dataclass
class Frontier:
    """The roots of the perfect subtrees of a growing tree, from the left: all that appending and the root need."""

    size: int
    peaks: list[bytes]

    def add(self, leaf: bytes) -> None:
        """Appends a leaf; about two hashes, however large the tree."""
        size, node = self.size, leaf
        while size & 1:  # every subtree as high as this one pairs with it
            node = _HASHER.hash_pair(self.peaks.pop(), node)
            size >>= 1
        self.peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        return bytes(_HASHER.hash_fold(self.peaks[::-1]) if self.peaks else _HASHER.hash_empty())


class LeafTree(BaseMerkleTree):  # type: ignore[misc]
    """A finished tree over leaves that are hashes already; for proofs."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._leaves = leaves
        super().__init__("sha256")

    def _encode_entry(self, data: bytes) -> bytes:
        return data

    def _store_leaf(self, data: bytes, digest: bytes) -> int:
        raise TypeError("a finished tree takes no more leaves")

    def _get_leaf(self, index: int) -> bytes:
        return self._leaves[index - 1]

    def _get_leaves(self, offset: int, width: int) -> Iterable[bytes]:
        return self._leaves[offset : offset + width]

    def _get_size(self) -> int:
        return len(self._leaves)

    def inclusion_path(self, index: int) -> list[bytes]:
        """The audit path of RFC 9162 §2.1.3 for the leaf at `index` (from 0)."""
        return list(self.prove_inclusion(index + 1).path[1:])
