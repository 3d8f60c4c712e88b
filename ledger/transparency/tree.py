"""The Merkle tree as the database keeps it: a leaf a row, and the node of every eighth level.

A tile is 256 neighbouring hashes of one kept level (the leaves are level 0). Any complete subtree is folded from at
most 128 hashes of one tile, so that roots and proofs cost a few range reads at any size of the log.
"""

from __future__ import annotations

from confidence_project.foundation.bulk import insert_rows
from confidence_project.foundation.errors import Conflict
from ledger.models import LogLeaf, LogNode
from ledger.transparency import merkle

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT


def log_size() -> int:
    """Return the number of leaves."""
    last = LogLeaf.objects.order_by("-position").values_list("position", flat=True).first()
    return 0 if last is None else last + 1


class StoredTree:
    """Reads hashes of complete subtrees. Tiles are kept for the object's life, so use a new one after an append."""

    def __init__(self) -> None:
        self._tiles: dict[tuple[int, int], dict[int, bytes]] = {}

    def subtree(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree.

        Raises
        ------
        Conflict
            Rows of the log are missing.
        """
        tier, height = divmod(level, TILE_HEIGHT)
        return self.fold(tier, index << height, 1 << height)

    def root(self, size: int) -> bytes:
        """Return the root of the tree over the first `size` leaves."""
        return merkle.tree_root(size, self.subtree)

    def fold(self, tier: int, first: int, count: int) -> bytes:
        """Return the root over `count` hashes of one tile, a power of two, from number `first` of the tier."""
        tile = self._tile(tier, first // TILE_WIDTH)
        try:
            return merkle.complete_root([tile[number] for number in range(first, first + count)])
        except KeyError:
            raise Conflict("The log has gaps; `manage.py verify_ledger` says where.") from None

    def _tile(self, tier: int, tile: int) -> dict[int, bytes]:
        if (tier, tile) not in self._tiles:
            window = (tile * TILE_WIDTH, (tile + 1) * TILE_WIDTH - 1)
            leaves = LogLeaf.objects.filter(position__range=window).values_list("position", "leaf_hash")
            nodes = LogNode.objects.filter(level=tier * TILE_HEIGHT, index__range=window)
            stored = nodes.values_list("index", "node_hash") if tier else leaves
            self._tiles[tier, tile] = {number: bytes(value) for number, value in stored}
        return self._tiles[tier, tile]


def store_nodes(old_size: int, new_size: int) -> None:
    """Insert the nodes whose subtrees became complete when the log grew, within the caller's transaction."""
    tree, tier = StoredTree(), 1
    while new_size >> tier * TILE_HEIGHT > old_size >> tier * TILE_HEIGHT:
        level = tier * TILE_HEIGHT
        complete = range(old_size >> level, new_size >> level)
        hashes = (tree.fold(tier - 1, index * TILE_WIDTH, TILE_WIDTH) for index in complete)
        insert_rows(
            [LogNode(level=level, index=index, node_hash=value) for index, value in zip(complete, hashes, strict=True)]
        )
        tier += 1
