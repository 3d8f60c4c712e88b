"""What the ledger has for the audit page: imports, amendments and labelling."""

from __future__ import annotations

from governance.audit.sources import SOURCES, Source, rows_in, sources_of_control
from ledger.models import DecisionImport, KnownCase, LabellingRules, LedgerAmendment

_HISTORIES = {
    "ledger.import": Source(
        title="Imports",
        rows=rows_in(DecisionImport),
        at="started_at",
        who="actor_name",
        what=lambda row: f"Import: {row.get_status_display().lower()}",
        about=lambda row: row.file_name or "standard input",
    ),
    "ledger.amendment": Source(
        title="Amendments",
        rows=rows_in(LedgerAmendment),
        at="at",
        who="actor_name",
        what=lambda row: f"Amended: {row.get_field_display().lower()}",
        about=lambda row: f"decision {row.decision_id}",
    ),
}


def register_histories() -> None:
    """Put them among the sources."""
    for key, source in _HISTORIES.items():
        SOURCES.register(source, key)
    for model, title in {LabellingRules: "Labelling", KnownCase: "Labelling"}.items():
        for key, source in sources_of_control(model, title):
            SOURCES.register(source, key)
