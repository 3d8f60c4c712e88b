"""The test vectors of the Certificate Transparency reference implementation (RFC 6962, unchanged in RFC 9162)."""

from __future__ import annotations

import pytest

from ledger.transparency import merkle

ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip

ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

# Index, size, path.
INCLUSION = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]

# First size, second size, path.
CONSISTENCY = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
]


def subtree(level: int, index: int) -> bytes:
    leaves = [merkle.leaf_hash(entry) for entry in ENTRIES]
    return merkle.complete_root(leaves[index << level : (index + 1) << level])


def hashes(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


@pytest.mark.parametrize("size", range(9))
def test_root__of_every_size__is_the_published_one(size: int) -> None:
    assert merkle.tree_root(size, subtree).hex() == ROOTS[size]


@pytest.mark.parametrize("size", range(9))
def test_compact_range__of_every_size__has_the_published_root(size: int) -> None:
    tree = merkle.CompactRange()
    for entry in ENTRIES[:size]:
        tree.append(merkle.leaf_hash(entry))
    assert tree.root().hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_inclusion__published_path__is_built_and_verifies(index: int, size: int, path: list[str]) -> None:
    assert merkle.inclusion_proof(index, size, subtree) == hashes(path)
    leaf, root = merkle.leaf_hash(ENTRIES[index]), bytes.fromhex(ROOTS[size])
    assert merkle.verify_inclusion(index=index, size=size, leaf=leaf, path=hashes(path), root=root)


@pytest.mark.parametrize(("first", "second", "path"), CONSISTENCY)
def test_consistency__published_path__is_built_and_verifies(first: int, second: int, path: list[str]) -> None:
    assert merkle.consistency_proof(first, second, subtree) == hashes(path)
    roots = {"first_root": bytes.fromhex(ROOTS[first]), "second_root": bytes.fromhex(ROOTS[second])}
    assert merkle.verify_consistency(first=first, second=second, path=hashes(path), **roots)


@pytest.mark.parametrize(("first", "second"), [(0, 1), (2, 1), (0, 8)])
def test_consistency__sizes_that_prove_nothing__are_refused(first: int, second: int) -> None:
    roots = {"first_root": bytes.fromhex(ROOTS[first]), "second_root": bytes.fromhex(ROOTS[second])}
    assert not merkle.verify_consistency(first=first, second=second, path=[], **roots)
    with pytest.raises(ValueError, match="consistency"):
        merkle.consistency_proof(first, second, subtree)


def test_inclusion__leaf_outside_the_tree__is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        merkle.inclusion_proof(3, 3, subtree)
