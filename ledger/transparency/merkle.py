"""Merkle trees of RFC 9162 §2.1 over SHA-256: hashes, roots, proofs and their verification. No Django inside.

Every function that builds something takes `subtree`, a function from (level, index) to the hash of the complete
subtree over the leaves index·2^level up to but not including (index + 1)·2^level. How those hashes are kept is the
caller's business; roots and proofs of a tree of n leaves ask for at most about 2·log2(n) of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

Subtree = Callable[[int, int], bytes]

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def complete_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over 2^k hashes."""
    layer = list(hashes)
    while len(layer) > 1:
        layer = [node_hash(layer[i], layer[i + 1]) for i in range(0, len(layer), 2)]
    return layer[0]


def _split(size: int) -> int:
    """The largest power of two below `size`, for a size of 2 or more."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_hash(begin: int, end: int, subtree: Subtree) -> bytes:
    size = end - begin
    if size & (size - 1) == 0:
        return subtree(size.bit_length() - 1, begin // size)
    middle = begin + _split(size)
    return node_hash(_range_hash(begin, middle, subtree), _range_hash(middle, end, subtree))


def tree_root(size: int, subtree: Subtree) -> bytes:
    """Return the root of the tree over the first `size` leaves."""
    return _range_hash(0, size, subtree) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Return the path of leaf `index` in the tree of `size` leaves, from the leaf to the root (§2.1.3.1).

    Raises
    ------
    ValueError
        The tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("The leaf lies outside the tree.")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_range_hash(middle, end, subtree))
            end = middle
        else:
            path.append(_range_hash(begin, middle, subtree))
            begin = middle
    return path[::-1]


def consistency_proof(first: int, second: int, subtree: Subtree) -> list[bytes]:
    """Return the proof that the tree of `second` leaves extends the tree of `first` (§2.1.4.1); empty if equal.

    Raises
    ------
    ValueError
        Unless 0 < first <= second.
    """
    if not 0 < first <= second:
        raise ValueError("A consistency proof leads from a tree that is not empty to one that is not smaller.")
    path: list[bytes] = []
    begin, end = 0, second
    while first != end:
        middle = begin + _split(end - begin)
        if first <= middle:
            path.append(_range_hash(middle, end, subtree))
            end = middle
        else:
            path.append(_range_hash(begin, middle, subtree))
            begin = middle
    if begin:
        path.append(_range_hash(begin, end, subtree))
    return path[::-1]


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == len(EMPTY_ROOT) for value in values)


def verify_inclusion(*, index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Check that the leaf hash `leaf` stands at `index` in the tree of `size` leaves and `root` (§2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes(leaf, root, *path):
        return False
    fn, sn, computed = index, size - 1, leaf
    for sibling in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            computed = node_hash(sibling, computed)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            computed = node_hash(computed, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and computed == root


def verify_consistency(
    *, first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Check that the tree of `second` leaves extends the tree of `first` (§2.1.4.2).

    Equal trees need an empty path. Nothing can be proved from the empty tree, which every tree extends: refused.
    """
    if first == second:
        return not path and first_root == second_root and (first > 0 or first_root == EMPTY_ROOT)
    if not 0 < first < second or not path or not _are_hashes(first_root, second_root, *path):
        return False
    # A tree of 2^k leaves is a subtree of the second one, and so the path starts from its root.
    start, *rest = [first_root, *path] if first & (first - 1) == 0 else path
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first_computed = second_computed = start
    for sibling in rest:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first_computed = node_hash(sibling, first_computed)
            second_computed = node_hash(sibling, second_computed)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second_computed = node_hash(second_computed, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and first_computed == first_root and second_computed == second_root


class CompactRange:
    """A tree that grows leaf by leaf and keeps only the roots of its complete subtrees, at most log2(n) of them."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        merges, computed = self.size, leaf
        while merges & 1:
            computed = node_hash(self._peaks.pop(), computed)
            merges >>= 1
        self._peaks.append(computed)
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        computed = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            computed = node_hash(peak, computed)
        return computed
