"""What evidence packs have for the audit page: who asked for which."""

from __future__ import annotations

from confidence_project.evidence_pack.models import EvidencePack
from governance.access.permissions import Verb
from governance.audit.sources import SOURCES, Source, rows_in


def register_history() -> None:
    """Put it among the sources, for those who may see packs."""
    history = Source(
        title="Evidence packs",
        rows=rows_in(EvidencePack),
        at="asked_at",
        who="asked_by_name",
        what=lambda row: "Evidence pack asked for",
        about=str,
        verb=Verb.OPERATE,
    )
    SOURCES.register(history, "evidence_pack.pack")
