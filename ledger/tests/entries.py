"""The bytes that a leaf of the log commits to."""

from __future__ import annotations

from django.db import connection

from ledger.transparency.kinds import Kind, codec_of
from ledger.transparency.sequencing import rows_of


def only_entry(kind: Kind) -> bytes:
    codec = codec_of(kind, connection.vendor)
    (row,) = rows_of(kind, [kind.entry_id_of(key) for key in kind.model.objects.values_list("pk", flat=True)]).values()
    return codec.encode(row)
