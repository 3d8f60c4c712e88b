"""What the ledger has for the audit page: imports, amendments and removals."""

from __future__ import annotations

from governance.audit.sources import SOURCES, Source, rows_in
from ledger.models import DecisionImport, LedgerAmendment, LedgerRemoval

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
    "ledger.removal": Source(
        title="Retention and legal holds",
        rows=rows_in(LedgerRemoval),
        at="at",
        who="actor_name",
        what=lambda row: row.get_kind_display(),
        about=lambda row: f"{row.decisions} decisions" + (f", {row.archive}" if row.archive else ""),
    ),
}


def register_histories() -> None:
    """Put them among the sources."""
    for key, source in _HISTORIES.items():
        SOURCES.register(source, key)
