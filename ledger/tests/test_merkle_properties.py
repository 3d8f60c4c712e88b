"""What holds of proofs for trees of every size, against the recursive definitions of RFC 9162 §2.1.1."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from ledger.transparency import merkle

LEAVES = [merkle.leaf_hash(bytes([number % 256, number // 256])) for number in range(700)]
ROOTS: dict[tuple[int, int], bytes] = {}


def root_of(begin: int, end: int) -> bytes:
    """MTH of RFC 9162, word for word."""
    if end - begin == 1:
        return LEAVES[begin]
    if (begin, end) not in ROOTS:
        k = 1
        while 2 * k < end - begin:
            k *= 2
        children = root_of(begin, begin + k) + root_of(begin + k, end)
        ROOTS[begin, end] = hashlib.sha256(b"\x01" + children).digest()
    return ROOTS[begin, end]


def subtree(level: int, index: int) -> bytes:
    return root_of(index << level, (index + 1) << level)


sizes = st.integers(1, len(LEAVES))


def flipped(path: list[bytes], position: int) -> list[bytes]:
    """The path with one bit of one hash turned over."""
    number, bit = divmod(position, 8 * 32)
    number %= len(path)
    changed = bytearray(path[number])
    changed[bit // 8] ^= 1 << (bit % 8)
    return [*path[:number], bytes(changed), *path[number + 1 :]]


@given(sizes)
def test_root__any_size__is_the_recursive_definition(size: int) -> None:
    assert merkle.tree_root(size, subtree) == root_of(0, size)


@given(sizes)
def test_compact_range__any_size__has_the_same_root(size: int) -> None:
    tree = merkle.CompactRange()
    for leaf in LEAVES[:size]:
        tree.append(leaf)
    assert tree.root() == root_of(0, size)


@given(st.data(), sizes, st.integers(0, 10_000))
def test_inclusion__any_leaf__verifies_and_nothing_else_does(data: st.DataObject, size: int, position: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    path, root = merkle.inclusion_proof(index, size, subtree), root_of(0, size)
    assert len(path) <= (size - 1).bit_length()

    def verifies(**changes: object) -> bool:
        claim = {"index": index, "size": size, "leaf": LEAVES[index], "path": path, "root": root}
        return merkle.verify_inclusion(**{**claim, **changes})  # type: ignore[arg-type]

    assert verifies()
    assert not verifies(root=bytes(32))
    assert not verifies(leaf=bytes(32))
    assert not verifies(path=[*path, root])
    assert not verifies(index=size)
    if path:
        assert not verifies(path=flipped(path, position))
        assert not verifies(path=path[:-1])
        assert not verifies(index=index ^ 1)


@given(sizes, sizes, st.integers(0, 10_000))
def test_consistency__any_two_sizes__verify_and_nothing_else_does(one: int, other: int, position: int) -> None:
    first, second = sorted((one, other))
    path = merkle.consistency_proof(first, second, subtree)

    def verifies(**changes: object) -> bool:
        claim = {
            "first": first,
            "second": second,
            "first_root": root_of(0, first),
            "second_root": root_of(0, second),
            "path": path,
        }
        return merkle.verify_consistency(**{**claim, **changes})  # type: ignore[arg-type]

    assert verifies()
    assert not verifies(first_root=bytes(32))
    assert not verifies(second_root=bytes(32))
    assert not verifies(path=[*path, bytes(32)])
    if path:
        assert not verifies(path=flipped(path, position))
        assert not verifies(path=path[:-1])
        assert not verifies(first=second, second=first)
